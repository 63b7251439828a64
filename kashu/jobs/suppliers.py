"""What happens to suppliers by the clock and outside: authorities asked, lists screened, terms that end."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kashu import compliance, party
from kashu.audit import SYSTEM
from kashu.jobs.rounds import in_rounds
from kashu.kernel import clock
from kashu.kernel.db import Db
from kashu.kernel.events import Fact, tell
from kashu.wire.context import Context
from kashu.wire.registry import State, ask

log = logging.getLogger(__name__)
AGAIN_SECONDS = 20
SCREEN_AT_ONCE = 200
SCREENED = ("applied", "kyb_review", "contract", "deposit", "active", "restricted", "suspended", "exiting")


def verify_supplier(ctx: Context, body: Mapping[str, Any]) -> None:
    """Ask an authority what was written down, and note what it says. Without a registry a person has to."""
    verification_id = UUID(body["verification_id"])
    with ctx.pool.transaction() as db:
        told = party.query(db, ctx.ring, verification_id)
    if told is None or ctx.registry is None:
        return
    answer = ask(ctx.registry, told)
    with ctx.pool.transaction() as db:
        if answer.state is State.PROCESSING:
            due_at = clock.now() + timedelta(seconds=AGAIN_SECONDS)
            tell(db, [Fact("supplier.verify", dict(body), due_at=due_at)], clock.now())
            return
        noted = (answer.detail, answer.evidence)
        party.answered(db, SYSTEM, verification_id, answer.state.value, noted, clock.now())


def screen_again(ctx: Context, _body: Mapping[str, Any]) -> None:
    """A list was loaded: everybody is screened against it."""
    screen_all(ctx)


def screen_all(ctx: Context) -> int:
    """Ask the newest lists about every supplier (C-60): daily, and when a list is loaded. New hits."""
    with ctx.pool.transaction() as db:
        ids = [one.party_id for one in party.suppliers(db, SCREENED)]
    found = 0
    for start in range(0, len(ids), SCREEN_AT_ONCE):
        with ctx.pool.transaction() as db:
            found += party.screen(db, ctx.ring, ids[start : start + SCREEN_AT_ONCE], clock.now())
    if found:
        log.warning("supplier.hits", extra={"hits": found})
    return found


def erase_persons(ctx: Context) -> None:
    """Erase those whose data had to be kept and no longer has to (C-54)."""
    in_rounds(ctx, lambda db, at: len(party.erase_due(db, ctx.ring, at)))
    in_rounds(ctx, _erase_papers)
    in_rounds(ctx, lambda db, at: len(party.erase_holders_due(db, at)))
    in_rounds(ctx, party.forget_invitations)


def _erase_papers(db: Db, at: datetime) -> int:
    gone = party.erase_papers_due(db, at)
    compliance.licences.erase_files(db, gone, at)
    return len(gone)


def lift_sanctions(ctx: Context) -> None:
    """End sanctions whose term is over (C-15)."""
    in_rounds(ctx, party.lift_due)
