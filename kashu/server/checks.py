"""What is missing before production."""

from __future__ import annotations

from dataclasses import dataclass

from kashu import compliance, messages, payments
from kashu.kernel import clock
from kashu.kernel.db import Db, clock_skew_seconds, value
from kashu.party import parties, platform
from kashu.server.roles import writable_history
from kashu.server.runtime import Runtime
from kashu.wire import reports


@dataclass(frozen=True, slots=True)
class Finding:
    level: str  # "error" keeps production from being sound; "warning" wants to be known
    told: str


def check(run: Runtime) -> list[Finding]:
    """Everything that would surprise an operator later."""
    found = []
    with run.pool.transaction() as db:
        if history := writable_history(db):
            found.append(Finding("warning", f"the application's role may rewrite {', '.join(history)}; use two roles"))
        version = int(value(db, "SHOW server_version_num"))
        if version < 150_000:
            found.append(Finding("error", f"PostgreSQL {version // 10_000} is too old; 15 or newer is needed"))
        if clock_skew_seconds(db) > 5:
            found.append(Finding("error", "our clock and the database's differ by more than 5 seconds"))
        own = parties(db, "platform")
        if not own:
            found.append(Finding("error", "the platform's own name and licences are not registered (C-01)"))
        else:
            missing = compliance.missing_of_platform(db, own[0].id, clock.now())
            found += [Finding("error", f"no {one} of the platform is in force (C-01, C-02)") for one in missing]
        if overdue := compliance.overdue_takedowns(db, clock.now()):
            found.append(Finding("error", f"{overdue} takedown(s) are overdue to be reported to the authority (C-14)"))
        today = clock.biz_date(clock.now())
        if missed := [one.period for one in reports.duties(db, today) if one.is_missed(today)]:
            told = ", ".join(missed)
            found.append(Finding("error", f"reports to authorities were not sent in time: {told} (C-11, C-12)"))
        people = value(db, "SELECT count(*) FROM party_person WHERE is_active AND role = 'owner'")
        if not people:
            found.append(Finding("error", "nobody can sign in as owner; see docs/how-to/first-owner.md"))
        others = value(db, "SELECT count(*) FROM party_person WHERE is_active")
        if others < 2 and not platform(db).is_solo:
            found.append(
                Finding("warning", "one person alone cannot confirm what needs two; choose solo mode in settings")
            )
        channels = [one for one in payments.channels(db).values() if one.is_open]
        if not channels:
            found.append(Finding("error", "no payment channel is open"))
        if run.env.is_production and any(not one.gateway.startswith("https://") for one in channels):
            found.append(Finding("error", "a channel is open whose gateway is not reached by https: a sandbox's"))
        found += [
            Finding(
                "warning", f"the working days of {year} are not known: Monday to Friday count; update chinesecalendar"
            )
            for year in clock.unknown_years(clock.biz_date(clock.now()))
        ]
        found += _messages(db, is_production=run.env.is_production)
    return found


def _messages(db: Db, *, is_production: bool) -> list[Finding]:
    """Whether phones and owners can be written to, and by texts that vendors will let pass."""
    senders = {one.id: one for one in messages.senders(db) if one.is_open}
    found = [
        Finding("warning", f"no open sender of messages for {purpose.name}: nobody is told")
        for purpose in messages.PURPOSES.values()
        if purpose.name != "card" and not messages.carriers(db, purpose.name)
    ]
    if is_production and any(one.kind == "sandbox" for one in senders.values()):
        found.append(Finding("error", "a sandbox sender of messages is open in production"))
    for template in messages.templates(db):
        sender = senders.get(template.sender_id)
        for fault in messages.lint(sender.kind, sender.sign_name, template) if sender is not None else []:
            where = f"{template.sender_id}, {template.purpose}"
            found.append(Finding("error", f"message template ({where}): {fault.rule}: {fault.told}"))
    return found
