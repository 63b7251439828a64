from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from kashu import audit, cards
from kashu.audit import Actor, Deed
from kashu.cards import CalledInvalid, Redeeming, RedeemRefusal, Redemption, Sample
from kashu.kernel import limits
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.seal import Keyring
from kashu.sales import store
from kashu.sales.types import RefundRefusal

MISSES_MAX, MISSES_SECONDS = 60, 3_600  # of an organisation: who tries codes out is stopped


def redeem(db: Db, ring: Keyring, asked: Redeeming, at: datetime) -> Redemption | RedeemRefusal:
    """Redeem a code (核销): noted with its sale, in the trail, once. The same key tells the same redemption again."""
    if _is_stopped(db, asked, at):
        return RedeemRefusal.TOO_OFTEN
    return _done(db, asked, cards.redeem(db, ring, asked, at), "redeemed", at)


def undo_redemption(db: Db, ring: Keyring, asked: Redeeming, at: datetime) -> Redemption | RedeemRefusal:
    """Undo a redemption (撤销核销) within its window; the code is good again."""
    if _is_stopped(db, asked, at):
        return RedeemRefusal.TOO_OFTEN
    return _done(db, asked, cards.undo_redemption(db, ring, asked, at), "undone", at)


def call_invalid(db: Db, ring: Keyring, asked: Redeeming, reason: str, at: datetime) -> CalledInvalid | RedeemRefusal:
    """Whoever honours a code says that it is no good: noted with its sale, which its buyer may complain of, and in the trail."""
    if _is_stopped(db, asked, at):
        return RedeemRefusal.TOO_OFTEN
    said = reason.replace(
        asked.code, "****"
    )  # whoever writes that a code is no good may write the code, which may yet be good
    found = cards.call_invalid(db, ring, asked, said, at)
    if isinstance(found, RedeemRefusal):
        return _missed(db, asked, found, at)
    told, line_id, is_new = found
    if is_new:
        store.note_redemption(db, told.pool_id, line_id, "invalid")
        actor, after = Actor("buyer", asked.by), {"place": told.place, "key": told.key}
        thing = ("card.called_invalid", "card", f"{told.pool_id}/{told.card_id}")
        audit.record(db, [Deed(actor, *thing, after=after, reason=said, pool_id=told.pool_id)], at)
    return told


def dispute(db: Db, actor: Actor, key: tuple[int, UUID], at: datetime) -> int | RefundRefusal:
    """Have the suppliers asked about the seen cards of an order that its buyer disputes; about how many of them."""
    assert_in_transaction(db)
    order = store.orders(db, [key], lock=True).get(key[1])
    if order is None:
        return RefundRefusal.NO_SUCH_ORDER
    lines = store.lines_of(db, [order.id])[order.id]
    told = cards.masked(db, [line.pool_id for line in lines], [line.id for line in lines])
    seen = [(one.pool_id, one.id) for one in told if one.revealed_at is not None and one.erased_at is None]
    return cards.dispute(db, actor, seen, at)


def checked(db: Db, told: Sample, answers: Mapping[int, str], at: datetime) -> bool:
    """Note what a supplier said of its cards; a sold one that it calls invalid is noted with its sale. Whether their batch stopped."""
    is_stopped = cards.probed(db, told, answers, at)
    for card_id in [card for card, answer in answers.items() if told.is_disputed and answer == "invalid"]:
        found = cards.line_of_card(db, told.pool_id, card_id)
        if found is not None and found[2] is not None:
            store.note_redemption(db, told.pool_id, found[2], "invalid")
    return is_stopped


def _is_stopped(db: Db, asked: Redeeming, at: datetime) -> bool:
    """Whether this organisation has missed so often that somebody seems to try codes out."""
    return limits.is_spent(db, f"redeem:{asked.party_id}", at, most=MISSES_MAX, seconds=MISSES_SECONDS)


def _missed(db: Db, asked: Redeeming, refusal: RedeemRefusal, at: datetime) -> RedeemRefusal:
    if refusal is RedeemRefusal.NO_SUCH_CODE:
        limits.allow(db, f"redeem:{asked.party_id}", at, most=MISSES_MAX, seconds=MISSES_SECONDS)
    return refusal


def _done(
    db: Db, asked: Redeeming, found: cards.Found | RedeemRefusal, what: str, at: datetime
) -> Redemption | RedeemRefusal:
    assert_in_transaction(db)
    if isinstance(found, RedeemRefusal):
        return _missed(db, asked, found, at)
    told, line_id, is_new = found
    if is_new:
        store.note_redemption(db, told.pool_id, line_id, what)
        actor, after = Actor("buyer", asked.by), {"place": told.place, "at": told.redeemed_at, "key": told.key}
        deed = Deed(actor, f"card.{what}", "card", f"{told.pool_id}/{told.card_id}", after=after, pool_id=told.pool_id)
        audit.record(db, [deed], at)
    return told
