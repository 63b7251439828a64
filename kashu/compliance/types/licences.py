from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

KINDS = {
    "business": "营业执照",
    "telecom": "增值电信业务经营许可证",
    "culture": "网络文化经营许可证",
    "publication": "出版物经营许可证",
    "school": "办学许可证",
    "prepaid_card": "单用途商业预付卡备案",
    "telecom_agent": "运营商代理授权",
    "game_agent": "游戏运营商授权",
    "medical": "医疗相关许可",
    "finance": "金融相关许可",
}


@dataclass(frozen=True, slots=True)
class Licence:
    """A permit with its scope, territory and dates; `valid_to` counts to 24:00 in Shanghai (compliance.md §2.2).

    `state` is what people decided. That it expires is never written down: see `rules.standing`.
    """

    id: int
    party_id: int
    kind: str
    number: str
    subject: str
    scope: list[str]
    territory: str
    valid_from: date
    valid_to: date
    state: str = "draft"
    file_sha256: bytes | None = None
    findings: list[str] = field(default_factory=list)
    reviewed_by: list[str] = field(default_factory=list)
    renewal_at: datetime | None = None
    reported_year: int | None = None
    supersedes_id: int | None = None
    made_by: str = ""
    made_at: datetime | None = None
    party: str = ""

    @property
    def title(self) -> str:
        return KINDS[self.kind]


class LicenceRefusal(StrEnum):
    """Why a licence was not taken, moved or decided. Nothing of it was done."""

    NO_SUCH_LICENCE = "no_such_licence"
    NO_SUCH_KIND = "no_such_kind"
    UNOBTAINABLE = "unobtainable"
    WRONG_DATES = "wrong_dates"
    ALREADY_THERE = "already_there"
    WRONG_STATE = "wrong_state"
    SAME_PERSON = "same_person"
    NOT_A_FILE = "not_a_file"
    NO_REASON = "no_reason"
    NO_FILE = "no_file"
    NO_TERRITORY = "no_territory"
    TOO_MANY = "too_many"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class Alert:
    """What the dates of a paper, a licence or an authorisation, call for, and how soon."""

    paper_id: int
    what: str
    severity: str
    due_on: date
    paper: str = "licence"


@dataclass(frozen=True, slots=True)
class Goods:
    """A kind of goods: its class, whether minors may have it, and whether it is shut for good (compliance.md §1.5, §1.9)."""

    code: str
    name: str
    class_: str
    minors: str
    is_shut: bool
    ground: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """A licence that somebody has to hold for a kind of goods; `third`: only where a third party sells.

    `is_national`: one that is good in a province alone does not do, since what we sell is sold to all of China.
    """

    goods: str
    who: str
    third: bool
    licence: str
    scope: str
    ground: str
    is_national: bool = False

    @property
    def title(self) -> str:
        return KINDS[self.licence]


@dataclass(frozen=True, slots=True)
class OpenCounts:
    """How much waits or is due at the desk of compliance."""

    licences: int
    held: int
    links: int
    soon: int
    down: int
    overdue: int
