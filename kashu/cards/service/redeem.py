"""Redeeming codes of our own (核销): once, by the organisation that honours them, undone within a window.

A shop whose network is down takes codes all the same (their check character tells slips of the finger) and tells us
afterwards when it did: the instant counts, and the same key told again changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kashu.cards import store
from kashu.cards.types import CalledInvalid, Redeeming, RedeemRefusal, Redemption
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring

UNDO_SECONDS = 3_600
LATE_DAYS = 7
AHEAD_SECONDS = 300
Found = tuple[Redemption, UUID, bool]  # with its sale line, and whether it is new
Called = tuple[CalledInvalid, UUID, bool]  # same


def redeem(db: Db, ring: Keyring, asked: Redeeming, at: datetime) -> Found | RedeemRefusal:
    """Redeem a code that was sold. The caller notes it with the sale line and in the trail."""
    assert_in_transaction(db)
    card = _locked(db, ring, asked, at)
    if isinstance(card, RedeemRefusal):
        return card
    pool_id, card_id, _, line_id, expires_on, sold_at = card
    earlier = store.redemptions_of(db, pool_id, card_id)
    same = next((one for one in earlier if one.key == asked.key), None)
    if same is not None:  # also where it was undone since: a late copy of a call does nothing anew
        return same, line_id, False
    if any(one.undone_at is None for one in earlier):
        return RedeemRefusal.ALREADY_REDEEMED
    when = asked.redeemed_at or at
    begin = max(at - timedelta(days=LATE_DAYS), sold_at - timedelta(seconds=AHEAD_SECONDS))
    if when < sold_at - timedelta(seconds=AHEAD_SECONDS):
        _suspect(db, pool_id, card_id, at)
    if not begin <= when <= at + timedelta(seconds=AHEAD_SECONDS):
        return RedeemRefusal.WRONG_INSTANT
    if expires_on < biz_date(when):
        return RedeemRefusal.EXPIRED
    told = (asked.party_id, asked.key, asked.by, asked.place, when)
    store.add_redemption(db, pool_id, new_id(), card_id, told, at)
    return store.redemptions_of(db, pool_id, card_id)[0], line_id, True


def undo_redemption(db: Db, ring: Keyring, asked: Redeeming, at: datetime) -> Found | RedeemRefusal:
    """Undo the redemption that holds, within its window. The same key tells of the same undoing again."""
    assert_in_transaction(db)
    card = _locked(db, ring, asked, at)
    if isinstance(card, RedeemRefusal):
        return card
    earlier = store.redemptions_of(db, card[0], card[1])
    same = next((one for one in earlier if one.undone_key == asked.key), None)
    if same is not None:
        return same, card[3], False
    if not earlier or earlier[0].undone_at is not None:
        return RedeemRefusal.NOT_REDEEMED
    if at > earlier[0].told_at + timedelta(seconds=UNDO_SECONDS):
        return RedeemRefusal.TOO_LATE
    store.undo_redemption(db, earlier[0], asked.by, asked.key, at)
    return replace(earlier[0], undone_at=at, undone_key=asked.key), card[3], True


def call_invalid(db: Db, ring: Keyring, asked: Redeeming, reason: str, at: datetime) -> Called | RedeemRefusal:
    """Say of a code that was sold that it is no good here, and not of one that is redeemed. Told again, it is the same.

    It takes nothing from the buyer: the code stays what it is, and may be redeemed once the shop finds that it is good. It
    counts as a failure of its batch until then; a job looks at that, since a batch is locked before its cards. Where it was
    redeemed after all and that was undone, it may be said anew: the sale and the trail tell the last word.
    """
    assert_in_transaction(db)
    card = _locked(db, ring, asked, at)
    if isinstance(card, RedeemRefusal):
        return card
    pool_id, card_id, _, line_id, *_ = card
    said, redeemed = store.called_invalid(db, pool_id, card_id), store.redemptions_of(db, pool_id, card_id)
    same = next((one for one in said if one.key == asked.key), None)
    if same is not None:  # also where it was redeemed since: a late copy of a call does nothing anew
        return same, line_id, False
    if any(one.undone_at is None for one in redeemed):
        return RedeemRefusal.ALREADY_REDEEMED
    if said and not any(one.undone_at is not None and one.undone_at >= said[0].told_at for one in redeemed):
        return said[0], line_id, False
    told = (new_id(), asked.party_id, asked.key, asked.by, asked.place, reason)
    store.call_invalid(db, (pool_id, card_id), told, at)
    tell(db, [Fact("cards.failed", {"pool_id": pool_id}, pool_id)], at)
    return store.called_invalid(db, pool_id, card_id)[0], line_id, True


def _locked(db: Db, ring: Keyring, asked: Redeeming, at: datetime) -> tuple[Any, ...] | RedeemRefusal:
    """The sold card behind a code, locked."""
    found = store.of_code(db, asked.party_id, ring.fingerprint("", asked.code))
    if found is None:
        return RedeemRefusal.NO_SUCH_CODE
    if found[2] == "sold":
        return found
    if found[2] in ("on_shelf", "held"):
        _suspect(db, found[0], found[1], at)
    return RedeemRefusal.NOT_SOLD


def _suspect(db: Db, pool_id: int, card_id: int, at: datetime) -> None:
    """A code that somebody has before it is sold; a job stops its batch, whose lock comes before those of its cards."""
    tell(db, [Fact("cards.leaked", {"pool_id": pool_id, "card_id": card_id}, pool_id)], at)
