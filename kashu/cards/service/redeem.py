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
from kashu.cards.types import Redeeming, RedeemRefusal, Redemption
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring

UNDO_SECONDS = 3_600
LATE_DAYS = 7
AHEAD_SECONDS = 300
Found = tuple[Redemption, UUID, bool]  # with its sale line, and whether it is new


def redeem(db: Db, ring: Keyring, asked: Redeeming, at: datetime) -> Found | RedeemRefusal:
    """Redeem a code that was sold. The caller notes it with the sale line and in the trail."""
    assert_in_transaction(db)
    when = asked.redeemed_at or at
    if not at - timedelta(days=LATE_DAYS) <= when <= at + timedelta(seconds=AHEAD_SECONDS):
        return RedeemRefusal.WRONG_INSTANT
    card = _locked(db, ring, asked)
    if isinstance(card, RedeemRefusal):
        return card
    pool_id, card_id, _, line_id, expires_on = card
    holds = store.redemption_of(db, pool_id, card_id)
    if holds is not None:
        return (holds, line_id, False) if holds.key == asked.key else RedeemRefusal.ALREADY_REDEEMED
    if expires_on < biz_date(when):
        return RedeemRefusal.EXPIRED
    told = (asked.party_id, asked.key, asked.by, asked.place, when)
    store.add_redemption(db, pool_id, new_id(), card_id, told, at)
    made = store.redemption_of(db, pool_id, card_id)
    assert made is not None
    return made, line_id, True


def undo_redemption(db: Db, ring: Keyring, asked: Redeeming, at: datetime) -> Found | RedeemRefusal:
    """Undo the redemption that holds, within its window."""
    assert_in_transaction(db)
    card = _locked(db, ring, asked)
    if isinstance(card, RedeemRefusal):
        return card
    holds = store.redemption_of(db, card[0], card[1])
    if holds is None:
        return RedeemRefusal.NOT_REDEEMED
    if at > holds.told_at + timedelta(seconds=UNDO_SECONDS):
        return RedeemRefusal.TOO_LATE
    store.undo_redemption(db, holds, asked.by, at)
    return replace(holds, undone_at=at), card[3], True


def _locked(db: Db, ring: Keyring, asked: Redeeming) -> tuple[Any, ...] | RedeemRefusal:
    """The sold card behind a code, locked."""
    found = store.of_code(db, asked.party_id, ring.fingerprint("", asked.code))
    if found is None:
        return RedeemRefusal.NO_SUCH_CODE
    return found if found[2] == "sold" else RedeemRefusal.NOT_SOLD
