"""A complaint's life, its limits, and what a supplier may read of it (C-39)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from unicodedata import normalize

from kashu.aftersale.types import KINDS, ComplaintRefusal
from kashu.kernel.states import moves

COMPLAINT = moves(
    "complaint",
    opened="taken withdrawn",
    taken="decided withdrawn",
    decided="objected",
    objected="closed",
    closed="",
    withdrawn="",
)
WORDS_MAX = 1_000
DAY_MAX = 10  # complaints and claims that one buyer opens in a day
OBJECT_DAYS = 15  # after that a decision stands
ABUSE_DAYS, ABUSE_COMPLAINTS_MAX = 90, 3  # more, and none upheld: staff are told, and decide as always
MAILS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+")
NUMBERS = re.compile(r"[A-Za-z0-9](?:[ -]?[A-Za-z0-9]){5,}")  # phones, ID cards, card keys, however they are spaced
DIGITS_MAX = 3
STOPS = "，！？：；（）"  # what joins no number stays as it was written
ENDS = re.compile(f"([{STOPS}])")
HIDDEN = "****"


def opening_refusal(kind: str, words: str) -> ComplaintRefusal | None:
    """Why this cannot be taken as a complaint."""
    if kind not in KINDS:
        return ComplaintRefusal.WRONG_KIND
    return words_refusal(words)


def words_refusal(words: str) -> ComplaintRefusal | None:
    if not words:
        return ComplaintRefusal.NO_WORDS
    return ComplaintRefusal.TOO_LONG if len(words) > WORDS_MAX else None


def may_object(decided_at: datetime, at: datetime) -> bool:
    return at <= decided_at + timedelta(days=OBJECT_DAYS)


def for_supplier(words: str) -> str:
    """Words without what could tell who the buyer is or open a card: addresses of mail, long numbers, keys (C-55)."""
    plain = "".join(one if one in STOPS else normalize("NFKC", one) for one in ENDS.split(words))
    plain = MAILS.sub(HIDDEN, plain)
    return NUMBERS.sub(lambda found: HIDDEN if sum(map(str.isdigit, found[0])) > DIGITS_MAX else found[0], plain)
