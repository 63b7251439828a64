"""Numbers that carry their own check (compliance.md §2.4). A right digit proves a typing, never an existence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from stdnum import luhn, numdb
from stdnum.cn import ric, uscc
from stdnum.exceptions import InvalidChecksum, InvalidLength, ValidationError
from stdnum.util import clean

ORGANISATION = re.compile(r"^[0-9A-Z]{8}[0-9X]\Z")
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
DIGITS_36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ID_CARD = re.compile(r"^[0-9]{17}[0-9X]\Z")
YEARS = re.compile(r"\[([0-9]*)-([0-9]*)\]")
FIRST_NUMBERS = 1984
PHONE = re.compile(r"[0-9]{7,15}\Z")
BANK = re.compile(r"^[0-9]{8,32}\Z")
CARD = re.compile(r"^[0-9]{12,19}\Z")
ADULT_YEARS = 18


class Fault(StrEnum):
    """What is wrong with a number: nobody can have it."""

    LENGTH = "length"
    CHARACTERS = "characters"
    CHECK_DIGIT = "check_digit"
    DATE = "date"
    IN_FUTURE = "in_future"
    REGION = "region"


class Warn(StrEnum):
    """What is odd about a number that somebody may have all the same."""

    ORGANISATION_DIGIT = "organisation_digit"
    LUHN = "luhn"


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is kept, and what its own digits say of it."""

    text: str
    fault: Fault | None = None
    warning: Warn | None = None

    @property
    def is_right(self) -> bool:
        return self.fault is None


def tidy_phone(text: str) -> str:
    """A phone number as it is compared: digits alone, without the country's prefix. One number has one mark (C-15)."""
    return re.sub(r"^(?:00)?86(?=1[0-9]{10}\Z)", "", clean(text, " -+().").strip())


def phone_in(contact: str) -> str:
    """The phone that a contact is, as it is compared; nothing where it is none."""
    found = tidy_phone(contact)
    return found if PHONE.match(found) else ""


def tidy(text: str) -> str:
    """Without spaces, hyphens and full-width digits, in capitals."""
    return clean(text, " -").upper().strip()


def check_uscc(text: str) -> Number:
    """统一社会信用代码 (GB 32100): 18 characters without I, O, S, V and Z, check digit modulo 31."""
    found = tidy(text)
    try:
        uscc.validate(found)
    except ValidationError as error:
        return Number(found, _fault(error))
    is_odd = not check_organisation(found[8:17]).is_right
    return Number(found, warning=Warn.ORGANISATION_DIGIT if is_odd else None)


def check_organisation(text: str) -> Number:
    """组织机构代码 (GB 11714): eight characters and a check digit modulo 11."""
    found = tidy(text)
    if len(found) != 9:
        return Number(found, Fault.LENGTH)
    if not ORGANISATION.match(found):
        return Number(found, Fault.CHARACTERS)
    total = sum(DIGITS_36.index(one) * weight for one, weight in zip(found, ORGANISATION_WEIGHTS, strict=False))
    return Number(found, None if found[8] == "0123456789X0"[11 - total % 11] else Fault.CHECK_DIGIT)


def check_id_card(text: str, today: date) -> Number:
    """公民身份号码 (GB 11643): check digit, a real birthday that has been, a region there was in the year of birth.

    Regions and their years are those of python-stdnum's table.
    """
    found = tidy(text)
    if len(found) != 18:
        return Number(found, Fault.LENGTH)
    if not ID_CARD.match(found):
        return Number(found, Fault.CHARACTERS)
    if found[-1] != ric.calc_check_digit(found):
        return Number(found, Fault.CHECK_DIGIT)
    born = born_on(found)
    if born is None:
        return Number(found, Fault.DATE)
    if born > today:
        return Number(found, Fault.IN_FUTURE)
    return Number(found, None if _had_region(found[:6], born.year) else Fault.REGION)


def _had_region(code: str, year: int) -> bool:
    """Whether the region gave out numbers to those born that year.

    Nobody had a number before 1984: whoever was born earlier has the region of the day it was given.
    """
    told = {key: text for _part, found in numdb.get("cn/loc").info(code) for key, text in found.items()}
    for county in told.get("county", "").split(","):
        years = YEARS.match(county)
        if county and years is None:
            return True
        if years is not None:
            begin, end = int(years[1] or 0), int(years[2] or 9999)
            if end >= FIRST_NUMBERS and (year < FIRST_NUMBERS or begin <= year <= end):
                return True
    return False


def born_on(id_number: str) -> date | None:
    """The birthday in an ID card's number; None where there is no such day."""
    try:
        return date(int(id_number[6:10]), int(id_number[10:12]), int(id_number[12:14]))
    except ValueError:
        return None


def age_on(born: date, day: date) -> int:
    """Full years on a day: a birthday counts from its first moment; one of 29 February has theirs on 1 March."""
    return (day.year - born.year) - ((day.month, day.day) < (born.month, born.day))


def is_adult(id_number: str, today: date) -> bool:
    """Whether the holder has turned 18."""
    born = born_on(id_number)
    return born is not None and age_on(born, today) >= ADULT_YEARS


def check_bank_account(text: str) -> Number:
    """A bank account or card: 8 to 32 digits. Luhn is a warning against typing errors: corporate accounts lack it."""
    found = tidy(text)
    if not found.isascii() or not found.isdigit():
        return Number(found, Fault.CHARACTERS)
    if not BANK.match(found):
        return Number(found, Fault.LENGTH)
    return Number(found, warning=Warn.LUHN if CARD.match(found) and not luhn.is_valid(found) else None)


def _fault(error: ValidationError) -> Fault:
    if isinstance(error, InvalidLength):
        return Fault.LENGTH
    return Fault.CHECK_DIGIT if isinstance(error, InvalidChecksum) else Fault.CHARACTERS
