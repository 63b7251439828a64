"""Genuineness as its supplier tells: a sample of a batch before anything is sold, later the cards that a buyer disputes (验卡).

Sixty cards, drawn by chance. Where one in twenty is bad, at least one of sixty is with a probability of
1 − 0.95⁶⁰ = 0.95; one that is used or invalid stops the batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from kashu import audit
from kashu.audit import SYSTEM, Actor, Deed
from kashu.cards import rules, store
from kashu.cards.service import genuine, provenance
from kashu.cards.types import Batch, Refusal, Sample
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.seal import Keyring

SAMPLE_CARDS = 60
BAD = ("used", "invalid")


def draw(db: Db, batch: Batch, at: datetime) -> int | None:
    """Draw the sample, if the supplier answers for its cards; says its turn. A job asks, none is opened yet."""
    assert_in_transaction(db)
    if not provenance.is_probed(db, batch):
        return None
    drawn = store.draw(db, batch.pool_id, SAMPLE_CARDS)
    if not drawn:
        return None
    turn = store.add_probe(db, batch.pool_id, drawn, at)
    tell(db, [Fact("cards.probe", {"pool_id": batch.pool_id, "turn": turn, "tries": 0}, batch.pool_id)], at)
    return turn


def draw_again(db: Db, pool_id: int, at: datetime) -> int | Refusal:
    """Draw another sample, where the supplier never answered for the last one."""
    assert_in_transaction(db)
    found = store.batch(db, pool_id, lock=True)
    if found is None or found.state not in ("loaded", "withdrawn"):
        return Refusal.WRONG_STATE if found else Refusal.NO_SUCH_BATCH
    return draw(db, found, at) or Refusal.NO_SOURCE


def dispute(db: Db, actor: Actor, told: Sequence[tuple[int, int]], at: datetime) -> int:
    """Have the suppliers asked about sold cards that a buyer disputes, by (pool, id); about how many.

    Only "invalid" counts against a batch: whether a card was used before its buyer saw it, no answer tells.
    """
    assert_in_transaction(db)
    many = 0
    for pool_id in sorted({pool for pool, _ in told}):
        found = store.batch(db, pool_id, lock=True)
        asked = sorted(card for pool, card in told if pool == pool_id)
        if found is None or not found.data_key or not provenance.is_probed(db, found):
            continue
        turn = store.add_probe(db, pool_id, asked, at, is_disputed=True)
        after = {"turn": turn, "cards": asked}
        audit.record(db, [Deed(actor, "batch.dispute", "batch", found.code, after=after, pool_id=pool_id)], at)
        tell(db, [Fact("cards.probe", {"pool_id": pool_id, "turn": turn, "tries": 0}, pool_id)], at)
        many += len(asked)
    return many


def open_sample(db: Db, ring: Keyring, pool_id: int, turn: int, at: datetime) -> Sample | None:
    """Open the cards of a turn that is not answered, to be asked about; noted in the trail first."""
    assert_in_transaction(db)
    found = store.batch(db, pool_id)
    asked = store.asked(db, pool_id, turn)
    source = None if found is None else store.checking_source(db, found.supplier_id)
    if found is None or source is None or not asked or not found.data_key:
        return None
    told = {"cards": len(asked), "source": source.id}
    audit.record(db, [Deed(SYSTEM, "batch.probe", "batch", found.code, after=told, pool_id=pool_id)], at)
    key = ring.open_data_key(pool_id, found.data_key)
    opened = []
    for card_id, sealed, _ in asked:
        if sealed is not None:  # sold and erased meanwhile
            number, secret, _note = rules.unpack(key.open(card_id, sealed))
            opened.append((card_id, number, secret))
    return Sample(pool_id, turn, source, tuple(opened), any(is_disputed for *_, is_disputed in asked))


def probed(db: Db, told: Sample, answers: Mapping[int, str], at: datetime) -> bool:
    """Note what the supplier said of a sample, once. Says whether the batch stopped."""
    assert_in_transaction(db)
    found = store.batch(db, told.pool_id, lock=True)
    if found is None or not store.answer(db, told.pool_id, told.turn, answers, at):
        return False
    counts = Counter(answers.values())
    body = {"turn": told.turn, "source": told.source.id, "cards": len(answers), **dict(sorted(counts.items()))}
    provenance.note(db, SYSTEM, told.pool_id, "checked" if told.is_disputed else "probed", body, at)
    if told.is_disputed:
        return bool(counts["invalid"] and genuine.stop_failing(db, [told.pool_id], at))
    if any(counts[one] for one in BAD):
        genuine.freeze(db, found, "probe", body, at)
        return True
    return False
