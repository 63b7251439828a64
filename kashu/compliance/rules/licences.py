"""Licences: how they move, what their dates call for. Plain functions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from kashu.compliance.rules.authorisations import EVERYWHERE
from kashu.compliance.types import KINDS, Alert, Authorisation, Licence, LicenceRefusal
from kashu.kernel.states import moves

LICENCE = moves(
    "licence",
    draft="submitted",
    submitted="auto_checked rejected",
    auto_checked="in_review rejected",
    in_review="verified rejected",
    verified="revoked superseded",
    rejected="",
    revoked="",
    superseded="",
)
EXPIRING_DAYS = 90
ALERT_DAYS = (180, 120, 90, 30)  # C-03
REPORT_KINDS = ("telecom",)  # annual report between January and March (C-03)
# Since 2019 nobody is given these (WWW19; C-04): a licence that names them is not believed.
UNOBTAINABLE = {"culture": frozenset({"virtual_currency", "online_game", "网络游戏", "虚拟货币"})}
NUMBER_CHARS_MAX, SCOPES_MAX = 80, 20
REVIEWERS_OF_HIGH_RISK = 2


def standing(licence: Licence, day: date) -> str:
    """The state as people see it: COMING, EXPIRING and EXPIRED come from the clock, never by hand (§2.2)."""
    if licence.state != "verified":
        return licence.state
    if day < licence.valid_from:
        return "coming"
    if day > licence.valid_to:
        return "expired"
    return "expiring" if (licence.valid_to - day).days <= EXPIRING_DAYS else "verified"


def in_force(licence: Licence, day: date) -> bool:
    """Whether a licence counts on a day; the last one counts to its midnight."""
    return licence.state == "verified" and licence.valid_from <= day <= licence.valid_to


def replaces(new: Licence, older: Licence, day: date) -> bool:
    """Whether a renewal takes the place of an older one on a day: not before it begins, or the days between had neither."""
    return new.valid_from <= max(day, older.valid_from)


def unfit(licence: Licence) -> LicenceRefusal | None:
    """Why a licence cannot be taken down at all."""
    if licence.kind not in KINDS:
        return LicenceRefusal.NO_SUCH_KIND
    if not licence.number or len(licence.number) > NUMBER_CHARS_MAX or licence.valid_to < licence.valid_from:
        return LicenceRefusal.WRONG_DATES
    if UNOBTAINABLE.get(licence.kind, frozenset()) & set(licence.scope):
        return LicenceRefusal.UNOBTAINABLE
    return None if licence.territory.strip() else LicenceRefusal.NO_TERRITORY


def reviewers_lacking(licence: Licence, needed: int, able: Collection[str]) -> int:
    """How many people are missing who may still verify it: not who brought it, nor who has reviewed it already."""
    left = set(able) - {licence.made_by, *licence.reviewed_by}
    return max(0, needed - len(licence.reviewed_by) - len(left))


def findings(licence: Licence, party_name: str, uscc: str, day: date) -> list[str]:
    """What a machine sees at a licence before a person does: nothing here is a verdict."""
    found = []
    if licence.valid_to < day:
        found.append("expired")
    if licence.valid_from > day:
        found.append("not_yet")
    if licence.subject and licence.subject != party_name:
        found.append("another_subject")
    if licence.kind == "business" and uscc and licence.number != uscc:
        found.append("another_uscc")
    if licence.kind != "business" and licence.territory != EVERYWHERE:
        found.append("narrow_territory")
    if licence.file_sha256 is None:
        found.append("no_file")
    return found


def alerts(licence: Licence, day: date, *, is_renewed: bool = False) -> list[Alert]:
    """What is due on a day: at T-180, -120, -90 and -30, and the yearly report (C-03).

    From T-90 on it is critical while no renewal is filed; on the day after its last it is over. Of one whose verified
    renewal follows it without a day between, only the report is due.
    """
    if licence.state != "verified":
        return []
    is_filed = licence.renewal_at is not None
    told = [] if is_renewed else _expiries(licence.id, "licence", licence.valid_to, day, is_filed=is_filed)
    is_over = day > licence.valid_to
    if (
        licence.kind in REPORT_KINDS
        and licence.reported_year != day.year - 1
        and not is_over
        and _was_held(licence, day)
    ):
        due = date(day.year, 3, 31)
        severity = "critical" if day > due - timedelta(days=15) else "warning"
        told.append(Alert(licence.id, f"report_{day.year - 1}", severity, due))
    return told


def link_alerts(link: Authorisation, day: date, *, is_filed: bool) -> list[Alert]:
    """The same of an authorisation: what was bought under it stops on its last day as what needs a licence does."""
    return (
        _expiries(link.id, "authorisation", link.valid_to, day, is_filed=is_filed) if link.state == "verified" else []
    )


def most_urgent(raised: Sequence[Alert]) -> list[Alert]:
    """Of each paper the expiry that is nearest, and its reports: whoever is told of T-30 need not hear of T-180."""
    found: dict[tuple[str, int, bool], Alert] = {}
    for one in raised:
        key = (one.paper, one.paper_id, one.what.startswith("report_"))
        if key not in found or _days_of(one) < _days_of(found[key]):
            found[key] = one
    return list(found.values())


def in_words(alert: Alert, paper: Licence | Authorisation) -> str:
    """What an alert says, as the message about it has it."""
    _, _, year = alert.what.partition("_")
    if alert.what.startswith("report_"):
        return f"{paper.title} {year} 年度报告"
    return f"{paper.title}（{paper.number or '无编号'}）{'已过期' if alert.what == 'expired' else '即将到期'}"


def _days_of(alert: Alert) -> int:
    """`expires_90` is 90, `expired` is less than any."""
    _, _, days = alert.what.partition("_")
    return int(days) if days else -1


def _expiries(paper_id: int, paper: str, last: date, day: date, *, is_filed: bool) -> list[Alert]:
    left = (last - day).days
    if left < 0:
        return [Alert(paper_id, "expired", "critical", last, paper)]
    return [
        Alert(paper_id, f"expires_{days}", _severity(days, is_filed=is_filed), last, paper)
        for days in ALERT_DAYS
        if left <= days
    ]


def _severity(days: int, *, is_filed: bool) -> str:
    if days > EXPIRING_DAYS:
        return "notice"
    return "warning" if is_filed else "critical"


def _was_held(licence: Licence, day: date) -> bool:
    """Whether the licence was held in the year before, so that there is something to report."""
    return licence.valid_from < date(day.year, 1, 1)
