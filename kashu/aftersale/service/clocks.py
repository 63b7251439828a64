"""What the clock does: terms that were missed are told once, persons are forgotten when their time is over."""

from __future__ import annotations

from datetime import datetime

from kashu import audit, party
from kashu.aftersale import store
from kashu.aftersale.rules import RETENTION_MONTHS
from kashu.aftersale.types import Clock
from kashu.audit import SYSTEM, Deed
from kashu.kernel.clock import biz_date, day_start
from kashu.kernel.db import Db, assert_in_transaction

TELL_MAX = 200
ERASE_MAX = 100


def tell_overdue(db: Db, at: datetime) -> list[Clock]:
    """Write into the trail which terms were missed, each once; what was missed stays known after it is made up for."""
    assert_in_transaction(db)
    found = store.note_breaches(db, at, TELL_MAX)
    deeds = [
        Deed(SYSTEM, "term.missed", one.thing, str(one.id), after={"clock": one.name, "due_at": one.due_at})
        for one in found
    ]
    audit.record(db, deeds, at)
    return found


def erase_due(db: Db, at: datetime) -> int:
    """Erase the persons of complaints and claims that ended three years ago (C-54); how many there were."""
    assert_in_transaction(db)
    before = day_start(party.months_after(biz_date(at), -RETENTION_MONTHS))
    gone = [("complaint", one) for one in store.erase_complaints(db, before, at, ERASE_MAX)]
    gone += [("guardian", one) for one in store.erase_claims(db, before, at, ERASE_MAX)]
    audit.record(db, [Deed(SYSTEM, f"{thing}.erase", thing, str(one)) for thing, one in gone], at)
    return len(gone)
