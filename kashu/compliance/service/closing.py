"""The platform closes (C-05): announced thirty days ahead by two persons, shown from then on, and nothing sold from the day."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from kashu import audit
from kashu.audit import Actor, Approval, ApprovalRefusal, Deed
from kashu.compliance import rules, store
from kashu.compliance.types import ClosingRefusal
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction

ACT = "platform.closing"
THING = ("platform", "closing")


def ask(
    db: Db, actor: Actor, closing_on: date | None, reason: str, *, solo_wait_seconds: int | None, at: datetime
) -> Approval | ApprovalRefusal | ClosingRefusal:
    """Ask for a day on which the platform closes, or for a day that was set to be taken back."""
    assert_in_transaction(db)
    refusal = _refusal(db, closing_on, at)
    if refusal is not None:
        return refusal
    if not reason.strip():
        return ClosingRefusal.NO_REASON
    body = {"closing_on": None if closing_on is None else closing_on.isoformat()}
    return audit.ask(db, actor, ACT, THING, body, reason=reason, solo_wait_seconds=solo_wait_seconds, at=at)


def confirm(
    db: Db, actor: Actor, approval_id: UUID, at: datetime, *, is_alone: bool
) -> date | ApprovalRefusal | ClosingRefusal | None:
    """Say yes as the second person. The thirty days count from now: who waited too long has to ask anew."""
    assert_in_transaction(db)
    told = audit.approval(db, approval_id)
    if told is None or told.act != ACT:
        return ApprovalRefusal.GONE
    day = told.body["closing_on"]
    closing_on = None if day is None else date.fromisoformat(day)
    refusal = _refusal(db, closing_on, at)
    if refusal is not None:
        return refusal
    agreed = audit.confirm(db, actor, approval_id, at, is_alone=is_alone)
    if isinstance(agreed, ApprovalRefusal):
        return agreed
    before = store.closing_on(db)
    store.add_closing(db, closing_on, (agreed.asked_by, actor.name), agreed.reason, at)
    audit.finish(db, approval_id, at)
    deed = Deed(actor, ACT, *THING, {"closing_on": before}, {"closing_on": closing_on}, agreed.reason)
    audit.record(db, [deed], at)
    return closing_on


def _refusal(db: Db, closing_on: date | None, at: datetime) -> ClosingRefusal | None:
    if closing_on == store.closing_on(db):
        return ClosingRefusal.NOTHING_TO_CHANGE
    if closing_on is not None and not rules.may_close(biz_date(at), closing_on):
        return ClosingRefusal.TOO_SOON
    return None
