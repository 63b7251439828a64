"""A complaint from its opening to its end: taken up, answered, decided, objected to once, decided by somebody else (C-39)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kashu import party, sales
from kashu.aftersale import rules, store
from kashu.aftersale.rules.complaints import words_refusal
from kashu.aftersale.service.trail import record
from kashu.aftersale.types import OUTCOMES, Complaint, ComplaintRefusal
from kashu.audit import Actor
from kashu.kernel import limits
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import new_id
from kashu.sales import Order

Why = tuple[str, str]  # the reason, and the hash of the evidence
DAY_SECONDS = 86_400


def open_complaint(
    db: Db, actor: Actor, token: str, device: bytes, told: tuple[str, str], at: datetime
) -> Complaint | ComplaintRefusal:
    """A buyer complains of a paid order: (kind, words). One at a time of an order; its clocks begin now."""
    assert_in_transaction(db)
    order = _own(db, token, device)
    if isinstance(order, ComplaintRefusal):
        return order
    refusal = rules.opening_refusal(*told)
    if refusal is not None:
        return refusal
    if order.paid_at is None:
        return ComplaintRefusal.NOT_PAID
    if store.is_one_open(db, order.pool_id, order.id):
        return ComplaintRefusal.OPEN_ALREADY
    if not may_open(db, order, at):
        return ComplaintRefusal.TOO_MANY
    due = {name: rules.due_at(name, at) for name in ("take_up", "answer", "decide")}
    made_id, supplier_id = new_id(), _supplier_of(db, order)
    made = _new(made_id, order, supplier_id, told, at, due)
    assert store.add_complaint(db, made, identity_of(order)), "under the order's lock"
    record(db, actor, "complaint.open", made, {"kind": made.kind, "decide_by": made.decide_by}, at)
    return made


def take_up(db: Db, actor: Actor, complaint_id: UUID, at: datetime) -> Complaint | ComplaintRefusal:
    """Staff look at a complaint: it has somebody who is answerable for it."""
    assert_in_transaction(db)
    found = _judged(db, actor, complaint_id, "taken")
    if isinstance(found, ComplaintRefusal):
        return found
    store.take_up(db, complaint_id, actor.name, at)
    record(db, actor, "complaint.take_up", found, {"state": "taken"}, at)
    return _again(db, complaint_id)


def answer(
    db: Db, actor: Actor, supplier_id: int, complaint_id: UUID, words: str, at: datetime
) -> Complaint | ComplaintRefusal:
    """The supplier's side of it, once; late is better than never, and is counted as late."""
    assert_in_transaction(db)
    found = store.complaint(db, complaint_id, lock=True)
    if found is None or found.supplier_id != supplier_id:
        return ComplaintRefusal.GONE
    if found.state not in ("opened", "taken") or found.answered_at is not None:
        return ComplaintRefusal.WRONG_STATE
    refusal = words_refusal(words)
    if refusal is not None:
        return refusal
    store.answer(db, complaint_id, words, actor.name, at)
    record(db, actor, "complaint.answer", found, {"is_late": at > found.answer_by}, at)
    return _again(db, complaint_id)


def decide(
    db: Db, actor: Actor, complaint_id: UUID, outcome: str, why: Why, at: datetime
) -> Complaint | ComplaintRefusal:
    """Staff decide: upheld, in part, or rejected; with words the buyer reads and the hash of what they rest on."""
    assert_in_transaction(db)
    found = _decidable(db, actor, complaint_id, "decided", outcome, why)
    if isinstance(found, ComplaintRefusal):
        return found
    store.decide(db, complaint_id, outcome, (*why, actor.name), at)
    record(db, actor, "complaint.decide", found, {"outcome": outcome, "evidence": why[1]}, at, why[0])
    return _again(db, complaint_id)


def object_to(
    db: Db, actor: Actor, token: str, device: bytes, told: tuple[UUID, str], at: datetime
) -> Complaint | ComplaintRefusal:
    """A buyer objects to a decision, (complaint, words): once, within 15 days, and somebody else decides again."""
    assert_in_transaction(db)
    found = _mine(db, token, device, told[0])
    if isinstance(found, ComplaintRefusal):
        return found
    if not rules.COMPLAINT.allows(found.state, "objected"):
        return ComplaintRefusal.WRONG_STATE
    assert found.decided_at is not None
    if not rules.may_object(found.decided_at, at):
        return ComplaintRefusal.TOO_LATE
    refusal = words_refusal(told[1])
    if refusal is not None:
        return refusal
    if store.is_one_open(db, found.pool_id, found.order_id):
        return ComplaintRefusal.OPEN_ALREADY
    review_by = rules.due_at("review", at)
    store.object_to(db, found.id, told[1], at, review_by)
    record(db, actor, "complaint.object", found, {"review_by": review_by}, at)
    return _again(db, found.id)


def review(
    db: Db, actor: Actor, complaint_id: UUID, outcome: str, why: Why, at: datetime, *, is_alone: bool = False
) -> Complaint | ComplaintRefusal:
    """Decide an objection: by another person than decided before, unless they are alone. That is the end."""
    assert_in_transaction(db)
    found = _decidable(db, actor, complaint_id, "closed", outcome, why)
    if isinstance(found, ComplaintRefusal):
        return found
    if actor.name == found.decided_by and not is_alone:
        return ComplaintRefusal.SAME_PERSON
    store.close(db, complaint_id, outcome, (*why, actor.name), at)
    after = {"outcome": outcome, "evidence": why[1], "is_alone": actor.name == found.decided_by}
    record(db, actor, "complaint.review", found, after, at, why[0])
    return _again(db, complaint_id)


def withdraw(
    db: Db, actor: Actor, token: str, device: bytes, complaint_id: UUID, at: datetime
) -> Complaint | ComplaintRefusal:
    """A buyer takes a complaint back while nobody has decided."""
    assert_in_transaction(db)
    found = _mine(db, token, device, complaint_id)
    if isinstance(found, ComplaintRefusal):
        return found
    if not rules.COMPLAINT.allows(found.state, "withdrawn"):
        return ComplaintRefusal.WRONG_STATE
    store.withdraw(db, complaint_id, at)
    record(db, actor, "complaint.withdraw", found, {"state": "withdrawn"}, at)
    return _again(db, complaint_id)


def identity_of(order: Order) -> bytes:
    """Who bought, as limits tell buyers apart: by the surest name an order has."""
    if order.open_id:
        return b"open:" + order.open_id.encode()
    return b"phone:" + order.phone_identity if order.phone_identity else b"device:" + order.device


def may_open(db: Db, order: Order, at: datetime) -> bool:
    """Count one more complaint or claim of this buyer today, and say whether it is within the limit."""
    bucket = f"aftersale:{identity_of(order).hex()}"
    return limits.allow(db, bucket, at, most=rules.DAY_MAX, seconds=DAY_SECONDS)


def _new(
    made_id: UUID, order: Order, supplier_id: int, told: tuple[str, str], at: datetime, due: dict[str, datetime]
) -> Complaint:
    return Complaint(
        made_id, order.pool_id, order.id, order.number, supplier_id, *told, "opened", at, due["take_up"], due["answer"],
        due["decide"], None, None, "", None, None, "", "", "", None, None, "", None, None, "", "", "", None, None, None,
        None, is_flagged=False,
    )  # fmt: skip


def _own(db: Db, token: str, device: bytes) -> Order | ComplaintRefusal:
    """An order, locked, for the browser that holds it: the link alone grants view."""
    seen = sales.by_token(db, token, lock=True)
    if seen is None:
        return ComplaintRefusal.NO_SUCH_ORDER
    return seen if sales.possesses(db, seen.pool_id, seen.id, device) else ComplaintRefusal.NOT_YOURS


def _mine(db: Db, token: str, device: bytes, complaint_id: UUID) -> Complaint | ComplaintRefusal:
    order = _own(db, token, device)
    if isinstance(order, ComplaintRefusal):
        return order
    found = store.complaint(db, complaint_id, lock=True)
    if found is None or (found.pool_id, found.order_id) != (order.pool_id, order.id):
        return ComplaintRefusal.GONE
    return found


def _judged(db: Db, actor: Actor, complaint_id: UUID, after: str) -> Complaint | ComplaintRefusal:
    """A complaint, locked, that may move there; nobody judges an organisation they act for."""
    found = store.complaint(db, complaint_id, lock=True)
    if found is None:
        return ComplaintRefusal.GONE
    if not rules.COMPLAINT.allows(found.state, after):
        return ComplaintRefusal.WRONG_STATE
    return ComplaintRefusal.SAME_PERSON if party.is_member(db, found.supplier_id, actor.name) else found


def _decidable(
    db: Db, actor: Actor, complaint_id: UUID, after: str, outcome: str, why: Why
) -> Complaint | ComplaintRefusal:
    """The same, decided with this outcome for this reason."""
    found = _judged(db, actor, complaint_id, after)
    if isinstance(found, ComplaintRefusal):
        return found
    if outcome not in OUTCOMES or not why[0] or not why[1]:
        return ComplaintRefusal.NO_REASON
    return ComplaintRefusal.TOO_LONG if len(why[0]) > rules.WORDS_MAX else found


def _supplier_of(db: Db, order: Order) -> int:
    """Whose goods they were: the seller's, or of our own sales whoever brought the cards of the first line."""
    line = sales.lines_of(db, [order.id])[order.id][0]
    return line.seller_id if line.is_third_party else line.supplier_id


def _again(db: Db, complaint_id: UUID) -> Complaint:
    found = store.complaint(db, complaint_id)
    assert found is not None
    return found
