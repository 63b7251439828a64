from __future__ import annotations

from datetime import datetime

from kashu import audit
from kashu.aftersale.types import Claim, Compensation, Complaint
from kashu.audit import Actor, Deed
from kashu.kernel.db import Db


def record(
    db: Db,
    actor: Actor,
    verb: str,
    of: Complaint | Claim | Compensation,
    after: dict[str, object],
    at: datetime,
    reason: str = "",
) -> None:
    """A deed on a complaint, a claim or a compensation. What people wrote stays out of the trail, which is kept for ever."""
    kind, told = verb.partition(".")[0], {"order": of.number, "state": of.state}
    audit.record(db, [Deed(actor, verb, kind, str(of.id), told, after, reason, of.pool_id)], at)
