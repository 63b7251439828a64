from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A link of a chain (授权书): who lets whom sell what, where, when, and whether it may be passed on (§2.5)."""

    id: int
    parent_id: int | None
    grantor: str
    grantor_id: int | None
    grantee_id: int
    number: str
    brand: str
    goods: list[str]
    territory: list[str]
    may_pass_on: bool
    may_resell: bool
    is_issuer: bool
    valid_from: date
    valid_to: date
    state: str = "in_review"
    file_sha256: bytes | None = None
    reviewed_by: list[str] = field(default_factory=list)
    made_by: str = ""
    made_at: datetime | None = None
    revoked_on: date | None = None  # the last day on which it held, for who revoked it
    reason: str = ""
    grantee: str = ""
    opens_shut: bool = False  # a chain from the issuer, by two reviewers: it opens goods that are shut

    @property
    def title(self) -> str:
        return f"{self.brand} 品牌授权"

    def holds(self, day: date) -> bool:
        return self.state == "verified" and self.valid_from <= day <= self.valid_to


class AuthorisationRefusal(StrEnum):
    """Why an authorisation was not taken, decided or revoked."""

    NO_SUCH_AUTHORISATION = "no_such_authorisation"
    NO_SUCH_PARENT = "no_such_parent"
    WRONG_DATES = "wrong_dates"
    WRONG_DAY = "wrong_day"
    BEYOND_PARENT = "beyond_parent"
    NOT_PASSED_ON = "not_passed_on"
    WRONG_STATE = "wrong_state"
    SAME_PERSON = "same_person"
    NEVER_ALONE = "never_alone"
    NO_REASON = "no_reason"
    NO_FILE = "no_file"
    TOO_MANY = "too_many"
    LEAVING = "leaving"
    UNKNOWN_GOODS = "unknown_goods"
