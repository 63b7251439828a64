"""A supplier's life as plain decisions: its states, its terms, what it lacks (compliance.md §2.1, §2.2)."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection
from datetime import date, datetime, timedelta

from kashu.kernel.clock import biz_date, day_start
from kashu.kernel.states import moves
from kashu.party.types import Aftermath, BankAccount, Document, Lack, Party, Principal, Sanction, SupplierRefusal

LIFE = moves(
    "supplier",
    applied="kyb_review closed blacklisted",
    kyb_review="applied contract closed blacklisted",
    contract="deposit closed blacklisted",
    deposit="active exiting blacklisted",
    active="restricted suspended exiting blacklisted",
    restricted="active suspended exiting blacklisted",
    suspended="active restricted exiting blacklisted",
    exiting="closed suspended blacklisted",  # suspended: a closing that was overturned
    closed="blacklisted",
    # By an appeal that was upheld, and in no other way: back to where it stood, a review to its beginning.
    blacklisted="applied contract deposit active restricted suspended exiting closed",
)
TRADING = ("active", "restricted", "suspended")
ENTERING = ("applied", "kyb_review", "contract", "deposit")
BEFORE_DEPOSIT = ("applied", "kyb_review", "contract")
GRADES = ("warning", "throttle", "pause", "close", "blacklist")
FOR_GOOD = ("close", "blacklist")
TERM_DAYS_MAX = 365
REVERIFY_MONTHS = 6
GRACE_DAYS = 30
DEPOSIT_LOCK_DAYS = 90
DUE_SOON_DAYS = 30
BENEFICIAL_BP = 2_500  # who holds a quarter is an owner that counts


def months_after(day: date, months: int) -> date:
    """The same day so many months on; the last of the month where there is no such day."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def reverify_on(verified_at: datetime) -> date:
    """The last day on which a verification still counts: six months on, to its midnight in Shanghai (C-10)."""
    return months_after(biz_date(verified_at), REVERIFY_MONTHS)


def is_reverify_due(verified_at: datetime | None, at: datetime) -> bool:
    """REVERIFY_DUE (C-10) is computed, never set: verifying again is all it takes to lift it."""
    return verified_at is None or biz_date(at) > reverify_on(verified_at)


def standing(now: str, grades: Collection[str], hits: Collection[str], *, is_verified: bool) -> str:
    """Where a supplier belongs by the sanctions in force and the hits on lists; before it trades, only a list bars it.

    `now` is where it stands, or stood when it was blacklisted, if it no longer is. `hits` are the states of its hits: an
    open one restricts until somebody has looked, one that was found true ends all trade (AML §40).
    """
    if "blacklist" in grades:
        return "blacklisted"
    if now not in TRADING:
        return now
    if "close" in grades:
        return "exiting"
    if "pause" in grades or "confirmed" in hits or not is_verified:
        return "suspended"
    return "restricted" if "throttle" in grades or "open" in hits else "active"


def stood(barred_from: str | None, exiting_at: datetime | None, sanctions: Collection[Sanction]) -> str:
    """Where a supplier is put once it is not blacklisted any more: where it stood, or a review's beginning.

    An exit that a closing began, and that was overturned as well, is none.
    """
    if barred_from in (None, "applied", "kyb_review"):
        return "applied"
    was_closed = any((one.grade, one.state, one.begins_at) == ("close", "overturned", exiting_at) for one in sanctions)
    return "suspended" if barred_from == "exiting" and was_closed else str(barred_from)


def holds_name(state: str, barred_from: str | None) -> bool:
    """Whether a supplier keeps its name from others: until it is closed, or barred before anybody had accepted it.

    One that was blacklisted later keeps it, since an appeal may put it back where it stood.
    """
    return state != "closed" and not (state == "blacklisted" and barred_from in ("applied", "kyb_review", "closed"))


def term_refusal(grade: str, ends_at: datetime | None, at: datetime) -> SupplierRefusal | None:
    """A warning, a throttle and a pause end by themselves; closing and blacklisting do not."""
    if grade not in GRADES:
        return SupplierRefusal.WRONG_TERM
    if grade in FOR_GOOD:
        return SupplierRefusal.WRONG_TERM if ends_at is not None else None
    if ends_at is None or not at < ends_at <= at + timedelta(days=TERM_DAYS_MAX):
        return SupplierRefusal.WRONG_TERM
    return None


def deposit_free_at(exiting_at: datetime, sold: Aftermath) -> datetime:
    """An exit locks the deposit until 90 days after the last sale, or after it began where nothing was ever sold.

    What is warranted for longer locks it to the end of the last day on which a buyer may demand something (§5.3).
    """
    free_at = (sold.last_sale_at or exiting_at) + timedelta(days=DEPOSIT_LOCK_DAYS)
    last = sold.warranty_ends_on
    return free_at if last is None else max(free_at, day_start(last + timedelta(days=1)))


def lacks(
    party: Party,
    documents: Collection[Document],
    principals: Collection[Principal],
    account: BankAccount | None,
    today: date,
    *,
    is_registered: bool,
) -> list[Lack]:
    """What is missing before a review can begin, in the order of the wizard's steps."""
    good = {one.kind for one in documents if one.state in ("submitted", "accepted") and not is_lapsed(one, today)}
    roles = {one.role for one in principals}
    is_there = {
        Lack.COMPANY: bool(party.name and (party.uscc or not is_registered)),
        Lack.ADDRESS: bool(party.address),
        Lack.CONTACT: bool(party.contact),
        Lack.BUSINESS_LICENCE: "business_licence" in good or not is_registered,
        Lack.LEGAL_REPRESENTATIVE: "legal_representative" in roles,
        Lack.BENEFICIAL_OWNER: "beneficial_owner" in roles or not is_registered,
        Lack.IDENTITY: "identity" in good,
        Lack.BANK_ACCOUNT: account is not None,
    }
    return [lack for lack, is_met in is_there.items() if not is_met]


def is_lapsed(document: Document, today: date) -> bool:
    """A paper counts to the midnight in Shanghai that ends its last day."""
    return document.valid_to is not None and document.valid_to < today
