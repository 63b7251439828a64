"""Delivered cards that may no longer be honoured (§2.3): recalled by us, or paid for on demand (先行赔付), by two persons.

What is owed is computed anew when it is paid: a cause that was lifted meanwhile, or a card that was redeemed, is owed
nothing any more, and nothing is paid beyond what the two persons saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kashu import audit, cards, compliance, party, sales
from kashu.aftersale import rules, store
from kashu.aftersale.service.complaints import may_open
from kashu.aftersale.service.trail import record
from kashu.aftersale.types import Compensation, CompensationRefusal
from kashu.audit import SYSTEM, Actor, Approval, ApprovalRefusal
from kashu.compliance import Effect
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import new_id
from kashu.sales import Due, RefundRefusal

PAY = "compensation.pay"
RECALL_MAX = 500  # lines that are read at once
Place = tuple[int, UUID]
FIRST: Place = (0, UUID(int=0))


def demand(db: Db, actor: Actor, token: str, device: bytes, at: datetime) -> Compensation | CompensationRefusal:
    """A buyer demands the money of a delivered order whose supplier is barred or whose goods were taken down."""
    assert_in_transaction(db)
    order = sales.by_token(db, token, lock=True)
    if order is None:
        return CompensationRefusal.NO_SUCH_ORDER
    if not sales.possesses(db, order.pool_id, order.id, device):
        return CompensationRefusal.NOT_YOURS
    if not may_open(db, order, at):
        return CompensationRefusal.TOO_MANY
    if store.has_decided(db, order.pool_id, order.id):
        return CompensationRefusal.DECIDED  # a complaint is the way to be heard by somebody else
    return _demand(db, actor, (order.pool_id, order.id), at)


def demand_for(db: Db, actor: Actor, key: tuple[int, UUID], at: datetime) -> Compensation | CompensationRefusal:
    """The same, taken down by staff for a buyer who calls, or for an organisation."""
    assert_in_transaction(db)
    return _demand(db, actor, key, at)


def recallable(db: Db, authorisation_id: int, after: Place) -> tuple[list[tuple[int, UUID]], Place | None]:
    """Orders of what was bought under an authorisation, or one below it, when it held no more; and where to go on.

    Delivered lines by their keys, from after a place on. Nothing is locked.
    """
    pools = cards.came_after(db, compliance.below(db, authorisation_id))
    keys, place = sales.delivered_from(db, list(pools), after, RECALL_MAX) if pools else ([], None)
    return sorted(set(keys)), place


def recall(db: Db, key: tuple[int, UUID], at: datetime) -> bool:
    """Recall an order's cards; False where that was done, was decided otherwise, or nothing of it is left to recall."""
    assert_in_transaction(db)
    if store.has_decided(db, *key):
        return False
    return isinstance(_demand(db, SYSTEM, key, at), Compensation)


def ask_payment(
    db: Db, actor: Actor, ids: Sequence[UUID], reason: str, *, solo_wait_seconds: int | None, at: datetime
) -> Approval | ApprovalRefusal | CompensationRefusal:
    """Ask for these to be paid. A second person sees them, with their sum, and confirms."""
    assert_in_transaction(db)
    found = store.compensations_by(db, sorted(set(ids))[: rules.PAY_MAX + 1])
    refusal = _may_ask(db, actor, found, ids, reason)
    if refusal is not None:
        return refusal
    body = {"ids": [str(one.id) for one in found], "total_fen": sum(one.amount_fen for one in found)}
    asked = audit.ask(
        db, actor, PAY, ("compensation", str(found[0].id)), body,
        reason=reason, solo_wait_seconds=solo_wait_seconds, at=at,
    )  # fmt: skip
    if isinstance(asked, Approval):
        store.move_compensations(db, [one.id for one in found], "owed", "asked", asked.id)
        _record_all(db, actor, "compensation.asked", found, asked.id, at)
    return asked


def confirm_payment(
    db: Db, actor: Actor, approval_id: UUID, at: datetime, *, is_alone: bool
) -> int | ApprovalRefusal | CompensationRefusal:
    """The second person's yes: each is paid by a job of its own, right after this commit. How many they are."""
    assert_in_transaction(db)
    found = store.compensations_asked(db, approval_id)
    told = audit.approval(db, approval_id)
    if not found or told is None or told.act != PAY:
        return ApprovalRefusal.GONE
    if _is_own(db, actor, found):
        return CompensationRefusal.SAME_PERSON
    confirmed = audit.confirm(db, actor, approval_id, at, is_alone=is_alone)
    if isinstance(confirmed, ApprovalRefusal):
        return confirmed
    audit.finish(db, approval_id, at)
    store.move_compensations(db, [one.id for one in found], "asked", "approved", approval_id)
    _record_all(db, actor, "compensation.approved", found, approval_id, at)
    tell(db, [Fact("compensation.pay", {"compensation_id": one.id}, one.pool_id) for one in found], at)
    return len(found)


def cancel_payment(db: Db, actor: Actor, approval_id: UUID, at: datetime) -> ApprovalRefusal | None:
    """Take the wish back while nobody has confirmed it: they are owed as before."""
    assert_in_transaction(db)
    found = store.compensations_asked(db, approval_id)
    refusal = audit.cancel(db, actor, approval_id, at) if found else ApprovalRefusal.GONE
    if refusal is None:
        store.move_compensations(db, [one.id for one in found], "asked", "owed", None)
        _record_all(db, actor, "compensation.taken_back", found, approval_id, at)
    return refusal


def pay(db: Db, compensation_id: UUID, at: datetime) -> Compensation | None:
    """Pay an approved one: the cards void, the money on its way; what is owed no more lapses. None where it is over already."""
    assert_in_transaction(db)
    seen = store.compensation(db, compensation_id)
    if seen is None or seen.state != "approved":
        return None
    key = (seen.pool_id, seen.order_id)
    sales.orders(db, [key], lock=True)  # the order first, then what is about it: as everybody who takes both
    found = store.compensation(db, compensation_id, lock=True)
    if found is None or found.state != "approved":
        return None
    paid = sales.compensate(db, SYSTEM, key, found.amount_fen, found.effect, at)
    if isinstance(paid, RefundRefusal):
        store.end_compensation(db, found, "lapsed", SYSTEM.name, at, why=(paid.value, ""))
        record(db, SYSTEM, "compensation.lapsed", found, {"why": paid.value}, at)
        if paid is RefundRefusal.MORE_DUE:  # for two persons to see anew
            _demand(db, SYSTEM, key, at)
    else:
        store.end_compensation(db, found, "paid", SYSTEM.name, at, paid=(paid.amount_fen, paid.id))
        record(db, SYSTEM, "compensation.paid", found, {"paid_fen": paid.amount_fen, "payment": str(paid.id)}, at)
    return store.compensation(db, compensation_id)


def refuse(
    db: Db, actor: Actor, compensation_id: UUID, why: tuple[str, str], at: datetime
) -> Compensation | CompensationRefusal:
    """Refuse one: with words the buyer reads and the hash of what they rest on, such as the brand's word that it was used."""
    assert_in_transaction(db)
    found = store.compensation(db, compensation_id, lock=True)
    if found is None:
        return CompensationRefusal.GONE
    if not rules.COMPENSATION.allows(found.state, "refused"):
        return CompensationRefusal.WRONG_STATE
    if not why[0] or not why[1]:
        return CompensationRefusal.NO_REASON
    if len(why[0]) > rules.WORDS_MAX:
        return CompensationRefusal.TOO_LONG
    if _is_own(db, actor, [found]):
        return CompensationRefusal.SAME_PERSON
    store.end_compensation(db, found, "refused", actor.name, at, why=why)
    record(db, actor, "compensation.refuse", found, {"evidence": why[1]}, at, why[0])
    seen = store.compensation(db, compensation_id)
    assert seen is not None
    return seen


def _demand(db: Db, actor: Actor, key: tuple[int, UUID], at: datetime) -> Compensation | CompensationRefusal:
    due = sales.due(db, key, at)
    if isinstance(due, RefundRefusal):
        return CompensationRefusal.NOTHING_DUE
    number = sales.orders(db, [key])[key[1]].number
    by = actor.name if actor.kind == "person" else actor.kind
    made = _new(new_id(), key, number, due, by, at)
    if not store.add_compensation(db, made):
        return CompensationRefusal.OPEN_ALREADY
    after = {"effect": made.effect, "causes": made.causes, "amount_fen": made.amount_fen, "cards": made.cards}
    record(db, actor, f"compensation.{made.effect}", made, after, at)
    if made.effect == Effect.RECALL:
        tell(db, [Fact("order.recalled", {"pool_id": key[0], "order_id": key[1]}, key[0])], at)
    return made


def _new(made_id: UUID, key: tuple[int, UUID], number: str, due: Due, by: str, at: datetime) -> Compensation:
    return Compensation(
        made_id, *key, number, due.supplier_ids, due.effect.value, due.causes, due.amount_fen, len(due.cards), "owed", by,
        at, rules.due_at("compensate", at), None, 0, None, "", "", None, None,
    )  # fmt: skip


def _may_ask(
    db: Db, actor: Actor, found: Sequence[Compensation], ids: Sequence[UUID], reason: str
) -> CompensationRefusal | None:
    """Why these cannot be asked for: all of them are owed, and nobody pays for whom they act for."""
    if not reason:
        return CompensationRefusal.NO_REASON
    if len(found) > rules.PAY_MAX:
        return CompensationRefusal.TOO_MANY
    if not found or len(found) != len(set(ids)) or any(one.state != "owed" for one in found):
        return CompensationRefusal.WRONG_STATE
    return CompensationRefusal.SAME_PERSON if _is_own(db, actor, found) else None


def _is_own(db: Db, actor: Actor, found: Sequence[Compensation]) -> bool:
    """Whether somebody acts for one of those whose cards they were."""
    return any(party.is_member(db, one, actor.name) for one in {one for told in found for one in told.supplier_ids})


def _record_all(
    db: Db, actor: Actor, verb: str, found: Sequence[Compensation], approval_id: UUID, at: datetime
) -> None:
    """The wish, the yes or the change of mind, in the trail of each that it is about."""
    after = {"approval": str(approval_id), "together": len(found), "total_fen": sum(one.amount_fen for one in found)}
    for one in found:
        record(db, actor, verb, one, {**after, "amount_fen": one.amount_fen}, at)
