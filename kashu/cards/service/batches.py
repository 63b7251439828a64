from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from kashu import audit, catalog, ledger, party
from kashu.audit import SYSTEM, Actor, Deed
from kashu.cards import rules, store
from kashu.cards.service import blocks, genuine, probing, provenance
from kashu.cards.types import Batch, Format, NewBatch, NewCard, Opened, Refusal, Reject, Stretch
from kashu.compliance import Effect, Event
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.seal import DataKey, Keyring
from kashu.kernel.text import mask

CHUNK_LINES_MAX = 10_000
ID, LINE, COST, LABEL = 1, 2, 6, 8  # places in a row of `copy_cards`
FILE_KINDS = ("single_use", "pick", "own_code")  # what comes as a file, and may leave as one
EXPORT_MAX = 100_000
CODES_MAX = 1_000_000
WITHDRAWN_MAX = 100  # in one transaction


def receive(db: Db, ring: Keyring, actor: Actor, new: NewBatch, at: datetime) -> Batch:
    """Take in a spooled file: its own pool, its own data key, nothing read and nothing for sale yet."""
    assert_in_transaction(db)
    assert new.kind == catalog.kind_of(db, new.sku_id), "a pool is of its SKU's kind"
    pool_id = store.new_pool(db, new)
    _, wrapped = ring.new_data_key(pool_id)
    code = rules.batch_code(pool_id, at)
    store.new_batch(db, pool_id, code, new, wrapped, actor.name, at)
    after = {"code": code, "file": new.file_name, "sha256": new.manifest_hash, "supplier": new.supplier_id}
    audit.record(db, [Deed(actor, "batch.receive", "batch", code, after=after, pool_id=pool_id)], at)
    provenance.note(db, actor, pool_id, "received", {**after, "kind": new.kind}, at)
    return _seen(db, pool_id)


def change_format(db: Db, actor: Actor, pool_id: int, form: Format, at: datetime) -> Batch | Refusal:
    """Read the file another way, as long as nothing has been written."""
    assert_in_transaction(db)
    found = store.batch(db, pool_id, lock=True)
    if found is None or found.state != "uploaded":
        return Refusal.WRONG_STATE if found else Refusal.NO_SUCH_BATCH
    if "secret" not in form.columns or len(set(form.columns) - {"-"}) != len([c for c in form.columns if c != "-"]):
        return Refusal.BAD_FORMAT
    store.set_format(db, pool_id, form)
    told = ({"format": found.format}, {"format": form.to_json()})
    audit.record(db, [Deed(actor, "batch.format", "batch", found.code, *told, pool_id=pool_id)], at)
    return _seen(db, pool_id)


def start(db: Db, actor: Actor, pool_id: int, at: datetime) -> Batch | Refusal:
    """Confirm how the file is read and have it loaded by a job."""
    assert_in_transaction(db)
    found = store.batch(db, pool_id, lock=True)
    if found is None or found.state != "uploaded":
        return Refusal.WRONG_STATE if found else Refusal.NO_SUCH_BATCH
    _move(db, actor, found, "loading", {}, "loading", at)
    tell(db, [Fact("cards.load", {"pool_id": pool_id}, pool_id)], at)
    return _seen(db, pool_id)


def open_codes(db: Db, ring: Keyring, actor: Actor, new: NewBatch, at: datetime) -> Batch | Refusal:
    """Open a batch of codes of our own (自发码), made by the rule of its format; a job makes and seals them."""
    assert_in_transaction(db)
    form = new.format
    if not rules.is_pattern(form.pattern) or form.alphabet not in rules.ALPHABETS or new.kind != "own_code":
        return Refusal.BAD_FORMAT
    if not 1 <= new.lines_total <= CODES_MAX or rules.is_guessable(form.pattern, form.alphabet, new.lines_total):
        return Refusal.GUESSABLE
    return start(db, actor, receive(db, ring, actor, new, at).pool_id, at)


def reserve(db: Db, many: int) -> Iterator[int]:
    """Ids for so many cards. Sealing binds a card to its id, so the id comes first; unused ones are lost."""
    return store.card_ids(db, many)


def seal(ring: Keyring, batch: Batch, lines: Sequence[NewCard | Reject], ids: Iterator[int]) -> Stretch:
    """Make a stretch of lines ready for writing: no database, so that it can be done while another is written."""
    key = ring.open_data_key(batch.pool_id, batch.data_key)
    rejects: list[Reject] = []
    prints: dict[bytes, int] = {}
    labels: dict[str, int] = {}
    rows: list[tuple[Any, ...]] = []
    for line in lines:
        if isinstance(line, Reject):
            rejects.append(line)
            continue
        if batch.kind == "pick" and (refused := _unfit_label(line, labels)) is not None:
            rejects.append(refused)
            continue
        fingerprint = ring.fingerprint(line.number, line.secret)
        if fingerprint in prints:
            rejects.append(Reject(line.line_no, "duplicate_in_file", str(prints[fingerprint])))
            continue
        prints[fingerprint] = line.line_no
        rows.append(_sealed(batch, key, next(ids), line))
    return Stretch(len(lines), rejects, list(prints), rows)


def load(db: Db, pool_id: int, lines_done: int, stretch: Stretch) -> Batch | Refusal:
    """Write a stretch of lines that follows the `lines_done` written before: all of it, or none.

    The row of the batch is locked first, so a second worker on the same file finds that somebody is further
    and stops (`WRONG_STATE`); that is what makes a resumed import exact.
    """
    assert_in_transaction(db)
    assert stretch.lines <= CHUNK_LINES_MAX
    found = store.batch(db, pool_id, lock=True)
    if found is None or found.state != "loading" or found.lines_done != lines_done:
        return Refusal.WRONG_STATE if found else Refusal.NO_SUCH_BATCH
    written, again = _write(db, pool_id, stretch) if stretch.rows else ([], [])
    rejects = [*stretch.rejects, *again]
    assert len(written) + len(rejects) == stretch.lines, "every line is a card or has a reason"
    if rejects:
        store.add_rejects(db, pool_id, rejects)
    store.progress(db, pool_id, stretch.lines, len(written), len(rejects), sum(row[COST] for row in written))
    return _seen(db, pool_id)


def loaded(db: Db, actor: Actor, pool_id: int, at: datetime) -> Batch | Refusal:
    """The file's last line is written: the batch can be put on sale as a whole."""
    assert_in_transaction(db)
    found = store.batch(db, pool_id, lock=True)
    if found is None or found.state != "loading":
        return Refusal.WRONG_STATE if found else Refusal.NO_SUCH_BATCH
    store.set_expires_first(db, pool_id)
    _move(db, actor, found, "loaded", {"loaded_at": at, "lines_total": found.lines_done, "spool": ""}, "loaded", at)
    others = store.duplicates_elsewhere(db, pool_id, found.supplier_id)
    if others:  # somebody sells cards that somebody else has: whose they are is found out first
        genuine.freeze(db, found, "duplicates", {"lines": others}, at)
    probing.draw(db, found, at)
    tell(db, [Fact("cards.loaded", {"pool_id": pool_id, "spool": found.spool}, pool_id)], at)
    return _seen(db, pool_id)


def put_on_sale(db: Db, actor: Actor, pool_id: int, at: datetime) -> Batch | Refusal:
    """Open a loaded (or withdrawn) batch for sale, if it lacks nothing: one row moves, so all of its cards do.

    A batch that comes on sale is a new listing: what bars its seller or its supplier from listing bars it (§2.3).
    """
    assert_in_transaction(db)
    found = store.batch(db, pool_id, lock=True)
    if found is None or found.state not in ("loaded", "withdrawn") or not found.accepted or not found.data_key:
        return Refusal.WRONG_STATE if found else Refusal.NO_SUCH_BATCH
    # Its papers are for a brand: no page changes that until this is done.
    catalog.brand_of(db, found.sku_id, hold=True)
    lacking = provenance.lacks(db, found, at)
    if lacking:
        return lacking[0]
    if blocks.effect(db, found, Event.LISTING, at) is Effect.REFUSE:
        return Refusal.BLOCKED
    if found.on_sale_at is None:
        book_stock(db, found, "batch_received", store.stock_cost(db, pool_id), at)
    source = None if found.source_id is None else store.source(db, found.source_id)
    reason = "" if source is None or source.is_open else "review"  # its source takes no orders now
    _move(db, actor, found, "on_sale", {"on_sale_at": at}, reason, at)
    tell(db, [Fact("cards.on_sale", {"pool_id": pool_id, "sku_id": found.sku_id}, pool_id)], at)
    return _seen(db, pool_id)


def withdraw(db: Db, actor: Actor, pool_id: int, reason: str, at: datetime) -> Batch | Refusal:
    """Take a batch off sale. What buyers hold or have bought stays theirs."""
    assert_in_transaction(db)
    found = store.batch(db, pool_id, lock=True)
    if found is None or found.state not in ("on_sale", "loaded"):
        return Refusal.WRONG_STATE if found else Refusal.NO_SUCH_BATCH
    _move(db, actor, found, "withdrawn", {"withdrawn_at": at}, "withdrawn", at, reason)
    return _seen(db, pool_id)


def withdraw_unauthorised(db: Db, at: datetime) -> int:
    """Take off sale what came there before its authorisation was asked for (§2.1), some at a time; how many batches.

    It goes on sale again once it has one: see `attach`.
    """
    assert_in_transaction(db)
    gone = 0
    for pool_id in store.unauthorised(db, WITHDRAWN_MAX):
        found = store.batch(db, pool_id, lock=True)
        if found is None or found.state != "on_sale" or store.authorisation_of(db, pool_id) is not None:
            continue  # somebody was quicker
        gone += isinstance(withdraw(db, SYSTEM, pool_id, "没有品牌授权", at), Batch)
    return gone


def cancel(db: Db, actor: Actor, pool_id: int, reason: str, at: datetime) -> Batch | Refusal:
    """Give a batch up before it was ever for sale. Its cards are void and may be imported again by another file."""
    assert_in_transaction(db)
    found = store.batch(db, pool_id, lock=True)
    if found is None or found.state not in ("uploaded", "loading", "loaded"):
        return Refusal.WRONG_STATE if found else Refusal.NO_SUCH_BATCH
    _move(db, actor, found, "cancelled", {"spool": ""}, "cancelled", at, reason)
    tell(db, [Fact("cards.cancelled", {"pool_id": pool_id, "spool": found.spool}, pool_id)], at)
    return _seen(db, pool_id)


def export_unsold(
    db: Db, ring: Keyring, actor: Actor, pool_id: int, approval_id: UUID, at: datetime
) -> list[Opened] | Refusal:
    """Open the unsold cards of a withdrawn batch, once: they leave the shelf for good.

    The caller holds an approved act (two persons or solo mode) and seals the answer with a password.
    """
    assert_in_transaction(db)
    found = store.batch(db, pool_id, lock=True)
    if found is None or found.state != "withdrawn":
        return Refusal.WRONG_STATE if found else Refusal.NO_SUCH_BATCH
    if found.kind not in FILE_KINDS:
        return Refusal.WRONG_KIND
    taken = store.void_unsold(db, pool_id, "exported", EXPORT_MAX)
    if not taken:
        return Refusal.NOTHING_UNSOLD
    if found.on_sale_at is not None:
        book_stock(db, found, "batch_returned", -sum(card[3] for card in taken), at)
    key = ring.open_data_key(pool_id, found.data_key)
    opened = []
    for card_id, sealed, expires_on, _cost in sorted(taken):
        assert sealed is not None, "a card from a file carries its own secret"
        number, secret, _ = rules.unpack(key.open(card_id, sealed))
        opened.append(Opened(pool_id, card_id, approval_id, number, secret, expires_on))
    deed = Deed(actor, "batch.export", "batch", found.code, after={"cards": len(opened)}, pool_id=pool_id)
    audit.record(db, [deed], at)
    return opened


def book_issued(db: Db, pool_id: int, cost_fen: int, at: datetime) -> None:
    """What is issued on demand or by hand is owed to its supplier when it is issued: a slot is no stock."""
    assert_in_transaction(db)
    found = store.batch(db, pool_id)
    assert found is not None
    _owe(db, found, "slot_issued", cost_fen, at)


def book_stock(db: Db, batch: Batch, recipe: str, cost_fen: int, at: datetime) -> None:
    """Self-operated stock is owed to its supplier from the day it can be sold (our own supply is owed to nobody)."""
    if batch.kind not in catalog.LATER:
        _owe(db, batch, recipe, cost_fen, at)


def _owe(db: Db, batch: Batch, recipe: str, cost_fen: int, at: datetime) -> None:
    if catalog.is_third_party(db, batch.sku_id):
        return  # consignment: it is the supplier's until it is sold
    if any(one.id == batch.supplier_id for one in party.parties(db, "platform")):
        account = ledger.account(db, "own_supply", "liability", "自有来源库存")
    else:
        account = ledger.account(db, f"payable:{batch.supplier_id}", "liability", f"应付供应商 {batch.supplier_id}")
    ledger.post(db, rules.stock_postings(recipe, batch.pool_id, account, cost_fen), at)


def _write(db: Db, pool_id: int, stretch: Stretch) -> tuple[list[tuple[Any, ...]], list[Reject]]:
    """Write the cards nobody had before; the others come back as rejected."""
    told = [(fingerprint, row[ID], row[LINE]) for fingerprint, row in zip(stretch.prints, stretch.rows, strict=True)]
    fresh = store.new_fingerprints(db, pool_id, told)
    if len(fresh) == len(told):
        return _write_labelled(db, pool_id, stretch.rows)
    lines = {fingerprint: line_no for fingerprint, card_id, line_no in told if card_id not in fresh}
    again = []
    for fingerprint, (owner, line_no, code) in store.known(db, list(lines)).items():
        why = ("duplicate_in_file", str(line_no)) if owner == pool_id else ("duplicate_of_batch", f"{code}:{line_no}")
        again.append(Reject(lines[fingerprint], *why))
    rows, twice = _write_labelled(db, pool_id, [row for row in stretch.rows if row[ID] in fresh])
    return rows, [*again, *twice]


def _write_labelled(db: Db, pool_id: int, rows: list[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], list[Reject]]:
    """Write cards, but not a second one of the same label; its fingerprint is let go again."""
    labels = [row[LABEL] for row in rows if row[LABEL] is not None]
    known = store.labels_of(db, pool_id, labels) if labels else set()
    twice = [row for row in rows if row[LABEL] in known]
    if twice:
        store.free_fingerprints(db, pool_id, [row[ID] for row in twice])
        rows = [row for row in rows if row[LABEL] not in known]
    store.copy_cards(db, rows)
    return rows, [Reject(row[LINE], "duplicate_label") for row in twice]


def _unfit_label(line: NewCard, labels: dict[str, int]) -> Reject | None:
    """Why a card cannot be picked: what shows of it, its label or else its number, is missing or not its own."""
    label = line.label or rules.tidy_label(line.number)
    if not label:
        return Reject(line.line_no, "bad_label")
    if label in labels:
        return Reject(line.line_no, "duplicate_label", str(labels[label]))
    labels[label] = line.line_no
    return None


def _sealed(batch: Batch, key: DataKey, card_id: int, card: NewCard) -> tuple[Any, ...]:
    cost_fen = batch.unit_cost_fen if card.unit_cost_fen is None else card.unit_cost_fen
    sealed = key.seal(card_id, rules.pack(card.number, card.secret, card.note))
    shown = mask(card.secret)
    label: tuple[str | None, int | None] = (None, None)
    if batch.kind == "pick":
        label = (card.label or rules.tidy_label(card.number), card.surcharge_fen)
    return (batch.pool_id, card_id, card.line_no, sealed, shown, card.expires_on, cost_fen, card.face_value_fen, *label)


def _move(
    db: Db, actor: Actor, batch: Batch, after: str, changes: Mapping[str, Any], pool_reason: str, at: datetime,
    reason: str = "",
) -> None:  # fmt: skip
    rules.BATCH.check(batch.state, after)
    store.set_batch(db, batch.pool_id, batch.state, after, changes)
    store.set_sellable(db, batch.pool_id, pool_reason)
    told = ({"state": batch.state}, {"state": after, "accepted": batch.accepted})
    audit.record(db, [Deed(actor, f"batch.{after}", "batch", batch.code, *told, reason, batch.pool_id)], at)
    if after in rules.NOTED:
        provenance.note(db, actor, batch.pool_id, after, {"cards": batch.accepted, "reason": reason}, at)


def _seen(db: Db, pool_id: int) -> Batch:
    found = store.batch(db, pool_id)
    assert found is not None
    return found
