"""Public data of suppliers by the clock (C-13; LIVE §15, §22): terms in working days, and what may move to what."""

from __future__ import annotations

from datetime import date, datetime

from kashu.kernel.clock import biz_date, working_days_between
from kashu.kernel.states import moves
from kashu.party.types import ChangeRefusal, NewChange, Party

DECLARE_DAYS = 3  # LIVE §15: a supplier tells of a change
VERIFY_DAYS = 7  # LIVE §15: the platform verifies and publishes it
REMIND_DAYS = 5  # LIVE §22: a supplier that cannot be reached is reminded
ANSWER_DAYS = 3  # then it has the time of any change to put its data right; what is due after that is a sanction
NAME_CHARS_MAX, TEXT_CHARS_MAX, WORDS_CHARS_MAX = 80, 120, 1_000

CHANGE = moves("change", declared="published refused", published="", refused="")
UNREACHED = moves("unreached", noted="reminded answered", reminded="answered settled", answered="settled", settled="")


def is_late(happened_on: date, declared_at: datetime) -> bool:
    """Whether more than three working days lie between a change and its declaration."""
    return working_days_between(happened_on, biz_date(declared_at)) > DECLARE_DAYS


def change_refusal(own: Party, new: NewChange, at: datetime) -> ChangeRefusal | None:
    """Why this is no change that can be declared."""
    told = ((new.name, own.name), (new.address, own.address), (new.contact, own.contact))
    if all(text in ("", old) for text, old in told):
        return ChangeRefusal.NOTHING_NEW
    if len(new.name) > NAME_CHARS_MAX or max(len(new.address), len(new.contact)) > TEXT_CHARS_MAX:
        return ChangeRefusal.TOO_LONG
    return ChangeRefusal.IN_FUTURE if new.happened_on > biz_date(at) else None
