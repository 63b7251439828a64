"""What is missing before production."""

from __future__ import annotations

from dataclasses import dataclass

from kashu import payments
from kashu.kernel import clock
from kashu.kernel.db import clock_skew_seconds, value
from kashu.party import licences, parties, platform
from kashu.server.roles import writable_history
from kashu.server.runtime import Runtime


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
        elif not licences(db, clock.biz_date(clock.now()), own[0].id):
            found.append(Finding("error", "no licence of the platform is in force (C-01, C-02)"))
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
    return found
