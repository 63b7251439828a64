"""What every move of a supplier has in common: the guarded change, its audit row, and whether papers stand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from kashu import audit
from kashu.audit import Actor, Approval, ApprovalRefusal, Deed
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.party import store
from kashu.party.rules import suppliers as rules
from kashu.party.types import Supplier, SupplierRefusal

Why = tuple[str, str]  # the reason, and the hash of the evidence
May = Callable[[Approval, Supplier | None], ApprovalRefusal | SupplierRefusal | None]
Do = Callable[[Approval, Supplier], None]
FRESH_DAYS = 30


def move(db: Db, actor: Actor, found: Supplier, after: str, why: Why, at: datetime) -> None:
    """One move of the table, with its audit row: who, why, on what evidence."""
    rules.LIFE.check(found.state, after)
    store.move_supplier(db, found.party_id, found.state, after, at)
    store.hold_name(db, found.party_id, is_held=rules.holds_name(after, found.state))
    record(db, actor, f"supplier.{after}", found.party_id, {"state": found.state}, {"state": after}, why, at)


def step(db: Db, actor: Actor, party_id: int, way: tuple[str, str], why: Why, at: datetime) -> SupplierRefusal | None:
    """Move a supplier from one named state to another, with a reason; `way` is both."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is None or found.state != way[0]:
        return no(found)
    if not why[0]:
        return SupplierRefusal.NO_REASON
    move(db, actor, found, way[1], why, at)
    return None


def second_yes(
    db: Db,
    actor: Actor,
    asked_for: tuple[UUID, Collection[str]],
    ways: tuple[May, Do],
    at: datetime,
    *,
    is_alone: bool,
) -> ApprovalRefusal | SupplierRefusal | None:
    """The second person's yes to something about a supplier, or the same one's after the wait in solo mode.

    `asked_for` is the wish and the acts it may be of. What stands in the way is looked at again under the supplier's lock;
    of two who say yes at once, the second finds it done.
    """
    assert_in_transaction(db)
    (approval_id, acts), (may, do) = asked_for, ways
    asked = audit.approval(db, approval_id)
    if asked is None or asked.act not in acts:
        return ApprovalRefusal.GONE
    found = store.supplier(db, int(asked.body.get("party_id", asked.object_id)), lock=True)
    asked = audit.approval(db, approval_id)
    if asked is None or asked.state != "waiting":
        return ApprovalRefusal.GONE
    refusal = may(asked, found)
    if refusal is not None:
        return refusal
    answer = audit.confirm(db, actor, approval_id, at, is_alone=is_alone)
    if isinstance(answer, ApprovalRefusal):
        return answer
    assert found is not None, "else it may not"
    do(asked, found)
    audit.finish(db, approval_id, at)
    return None


def settle(db: Db, actor: Actor, party_id: int, why: Why, at: datetime) -> str:
    """Put a supplier where its sanctions and hits put it, and hold or free its payouts. The state it is in now."""
    found = store.supplier(db, party_id, lock=True)
    assert found is not None
    sanctions = store.sanctions(db, party_id)
    grades = {one.grade for one in sanctions if one.state == "in_force"}
    hits = store.hit_states(db, party_id)
    now = found.state
    if now == "blacklisted":
        now = rules.stood(found.barred_from, found.exiting_at, sanctions)
        now = "closed" if now == "applied" and _is_replaced(db, party_id) else now
    after = rules.standing(now, grades, hits, is_verified=found.verified_at is not None)
    if after != found.state:
        move(db, actor, found, after, why, at)
    is_held = bool(hits & {"open", "confirmed"} or grades & {"pause", "close", "blacklist"})
    if is_held != found.is_payout_held:
        store.hold_payouts(db, party_id, is_held=is_held)
        told = ({"is_payout_held": found.is_payout_held}, {"is_payout_held": is_held})
        record(db, actor, "supplier.payouts", party_id, *told, why, at)
    return after


def record(
    db: Db,
    actor: Actor,
    verb: str,
    party_id: int,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    why: Why,
    at: datetime,
) -> None:
    told = {**after, "evidence": why[1]} if why[1] else after
    audit.record(db, [Deed(actor, verb, "party", str(party_id), before, told, why[0])], at)


def _is_replaced(db: Db, party_id: int) -> bool:
    """Whether somebody took its name while it was barred; it may apply again, under another."""
    own = store.party(db, party_id)
    assert own is not None
    return store.is_name_taken(db, own.name, party_id)


def no(found: Supplier | None) -> SupplierRefusal:
    return SupplierRefusal.NO_SUCH_SUPPLIER if found is None else SupplierRefusal.WRONG_STATE


def unproven(db: Db, found: Supplier, at: datetime) -> SupplierRefusal | None:
    """Whether papers lack: each has been accepted, and authorities matched company and persons in the last 30 days.

    A right check digit proves nothing here (§2.4): only an answer from outside, or a person's note with evidence, does.
    """
    today = biz_date(at)
    good = {
        one.kind
        for one in store.documents(db, found.party_id)
        if one.state == "accepted" and not rules.is_lapsed(one, today)
    }
    if not ({"identity", "business_licence"} if found.is_registered else {"identity"}) <= good:
        return SupplierRefusal.INCOMPLETE
    heads = [one for one in store.principals(db, found.party_id) if one.role == "legal_representative"]
    wanted = {("person", str(one.id)) for one in heads}
    if found.is_registered:
        wanted.add(("company", str(found.party_id)))
    newest: dict[tuple[str, str], str] = {}
    for one in store.verifications(db, found.party_id):
        answered = one.externally_verified_at
        if answered is not None and answered > at - timedelta(days=FRESH_DAYS):
            newest.setdefault((one.kind, one.subject), one.state)
    is_matched = bool(heads) and all(newest.get(key) == "matched" for key in wanted)
    return None if is_matched else SupplierRefusal.NOT_VERIFIED
