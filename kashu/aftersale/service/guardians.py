"""A guardian asks for the money of a minor's purchase: claim, decision within 15 days, refund by the original route (C-72)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kashu import audit, party, sales
from kashu.aftersale import rules, store
from kashu.aftersale.service.complaints import may_open
from kashu.aftersale.service.trail import record
from kashu.aftersale.types import Claim, ClaimRefusal, NewClaim, Persons
from kashu.audit import Actor, Approval, ApprovalRefusal
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.sales import Order, RefundRefusal, Standing

Why = tuple[str, str]  # the reason, and the hash of what it rests on
GRANT = "guardian.grant"
PURPOSE = "guardian_identity"


def open_claim(
    db: Db, ring: Keyring, actor: Actor, holder: tuple[str, bytes], new: NewClaim, at: datetime
) -> Claim | ClaimRefusal:
    """Take a guardian's claim in, from the browser that holds the order (token, device), with its separate consent (C-51)."""
    assert_in_transaction(db)
    order = sales.by_token(db, holder[0], lock=True)
    if order is None:
        return ClaimRefusal.NO_SUCH_ORDER
    if not sales.possesses(db, order.pool_id, order.id, holder[1]):
        return ClaimRefusal.NOT_YOURS
    if not party.has_consent(db, subject_of(order), PURPOSE):
        return ClaimRefusal.NO_CONSENT
    left = sales.standing(db, (order.pool_id, order.id))
    if isinstance(left, RefundRefusal) and left is not RefundRefusal.BEING_ISSUED:
        return ClaimRefusal.NOTHING_LEFT
    refusal = rules.claim_refusal(new, biz_date(order.placed_at), biz_date(at))
    if refusal is not None:
        return refusal
    if any(one.state == "open" for one in store.claims_of_order(db, order.pool_id, order.id)):
        return ClaimRefusal.OPEN_ALREADY
    if not may_open(db, order, at):
        return ClaimRefusal.TOO_MANY
    made = _sealed(ring, order, new, at)
    assert store.add_claim(db, made), "under the order's lock"
    after = {"relation": made.relation, "sha256": made.sha256, "due_at": made.due_at}
    record(db, actor, "guardian.open", made, after, at)
    return made


def terms_of(db: Db, claim: Claim) -> tuple[Standing | RefundRefusal, frozenset[str]]:
    """What there is to decide on: what is left of the order, and whether minors may have its goods."""
    assert_in_transaction(db)
    key = (claim.pool_id, claim.order_id)
    return sales.standing(db, key), store.policies(db, *key)


def ask_grant(
    db: Db, actor: Actor, claim_id: UUID, told: tuple[int, Why], *, solo_wait_seconds: int | None, at: datetime
) -> Approval | ApprovalRefusal | ClaimRefusal | RefundRefusal:
    """Ask for a claim to be granted, but for a deduction in fen: (deduction, why). A second person confirms."""
    assert_in_transaction(db)
    found = _fit(db, actor, claim_id, *told)
    if not isinstance(found, Claim):
        return found
    deduction_fen, (reason, evidence) = told
    body = {"deduction_fen": deduction_fen, "evidence": evidence, "reason": reason}
    return audit.ask(
        db, actor, GRANT, ("guardian", str(claim_id)), body, reason=reason, solo_wait_seconds=solo_wait_seconds, at=at
    )


def grant(
    db: Db, actor: Actor, claim_id: UUID, approval_id: UUID, at: datetime, *, is_alone: bool
) -> Claim | ApprovalRefusal | ClaimRefusal | RefundRefusal:
    """The second person's yes: cards are void and the money is on its way back, in the same transaction."""
    assert_in_transaction(db)
    asked = _asked(db, claim_id, approval_id)
    if asked is None:
        return ApprovalRefusal.GONE
    deduction_fen, why = int(asked.body["deduction_fen"]), (str(asked.body["reason"]), str(asked.body["evidence"]))
    found = _fit(db, actor, claim_id, deduction_fen, why)
    if not isinstance(found, Claim):
        return found
    yes = audit.confirm(db, actor, approval_id, at, is_alone=is_alone)
    if isinstance(yes, ApprovalRefusal):
        return yes
    key = (found.pool_id, found.order_id)
    refund = sales.unwind(db, actor, key, deduction_fen, "a minor's purchase", at)
    assert not isinstance(refund, RefundRefusal), "looked at a moment ago, under the order's lock"
    audit.finish(db, approval_id, at)
    store.decide_claim(db, claim_id, "granted", (deduction_fen, refund.id, *why, actor.name), at)
    after = {"deduction_fen": deduction_fen, "amount_fen": refund.amount_fen, "evidence": why[1]}
    record(db, actor, "guardian.granted", found, after, at, why[0])
    return _again(db, claim_id)


def cancel_grant(db: Db, actor: Actor, claim_id: UUID, approval_id: UUID, at: datetime) -> ApprovalRefusal | None:
    """Take the wish to grant back while it waits."""
    assert_in_transaction(db)
    if _asked(db, claim_id, approval_id) is None:
        return ApprovalRefusal.GONE
    return audit.cancel(db, actor, approval_id, at)


def reject(db: Db, actor: Actor, claim_id: UUID, why: Why, at: datetime) -> Claim | ClaimRefusal:
    """Refuse a claim with a reason the guardian reads; a grant that waits is taken back with it."""
    assert_in_transaction(db)
    found = _locked(db, claim_id)
    if found is None or not rules.CLAIM.allows(found.state, "rejected"):
        return ClaimRefusal.GONE
    if not why[0] or len(why[0]) > rules.WORDS_MAX:
        return ClaimRefusal.NO_REASON
    for asked in audit.open_approvals(db):
        if (asked.act, asked.object_id) == (GRANT, str(claim_id)):
            audit.cancel(db, actor, asked.id, at)
    store.decide_claim(db, claim_id, "rejected", (0, None, *why, actor.name), at)
    record(db, actor, "guardian.rejected", found, {"evidence": why[1]}, at, why[0])
    return _again(db, claim_id)


def show_persons(
    db: Db, ring: Keyring, actor: Actor, claim_id: UUID, reason: str, at: datetime
) -> Persons | ClaimRefusal:
    """Who asks and for whom, opened for one answer; the trail has it before it is shown (C-52)."""
    assert_in_transaction(db)
    found = store.claim(db, claim_id)
    if found is None or found.erased_at is not None:
        return ClaimRefusal.GONE
    if not reason:
        return ClaimRefusal.NO_REASON
    record(db, actor, "guardian.show", found, {}, at, reason)
    return persons_of(ring, found)


def persons_of(ring: Keyring, claim: Claim) -> Persons:
    """Who asks and for whom, opened. The caller has it in the trail before it is given to anybody."""
    sealed = (claim.guardian_name, claim.guardian_number, claim.minor_name, claim.minor_number, claim.words)
    fields = ("guardian_name", "guardian_number", "minor_name", "minor_number", "words")
    opened = [ring.open_personal(one or b"", _place(claim.id, name)) for one, name in zip(sealed, fields, strict=True)]
    return Persons(*opened)


def note_file_shown(db: Db, actor: Actor, claim_id: UUID, at: datetime) -> Claim | None:
    """A claim whose evidence is about to be given; the trail has it first. None where there is none any more."""
    assert_in_transaction(db)
    found = store.claim(db, claim_id)
    if found is None or not found.spool:
        return None
    record(db, actor, "guardian.file", found, {"sha256": found.sha256}, at)
    return found


def subject_of(order: Order) -> str:
    """How the guardian of an order is called where consents are kept."""
    return f"guardian of order {order.id}"


def _fit(db: Db, actor: Actor, claim_id: UUID, deduction_fen: int, why: Why) -> Claim | ClaimRefusal | RefundRefusal:
    """The claim, locked with its order, if it can be granted in this way."""
    found = _locked(db, claim_id)
    if found is None or not rules.CLAIM.allows(found.state, "granted"):
        return ClaimRefusal.GONE
    if not why[0] or not why[1] or len(why[0]) > rules.WORDS_MAX:
        return ClaimRefusal.NO_REASON
    left, policies = terms_of(db, found)
    if isinstance(left, RefundRefusal):
        return left
    lines = sales.lines_of(db, [found.order_id])[found.order_id]
    if any(party.is_member(db, line.seller_id, actor.name) for line in lines):
        return ClaimRefusal.SAME_PERSON
    return rules.deduction_refusal(deduction_fen, left.left_fen, policies, is_seen=left.is_seen) or found


def _locked(db: Db, claim_id: UUID) -> Claim | None:
    """A claim under its order's lock, as it is then: the order comes first wherever both are locked."""
    seen = store.claim(db, claim_id)
    if seen is not None:
        sales.orders(db, [(seen.pool_id, seen.order_id)], lock=True)
    return store.claim(db, claim_id, lock=True)


def _asked(db: Db, claim_id: UUID, approval_id: UUID) -> Approval | None:
    found = audit.approval(db, approval_id)
    return found if found is not None and (found.act, found.object_id) == (GRANT, str(claim_id)) else None


def _sealed(ring: Keyring, order: Order, new: NewClaim, at: datetime) -> Claim:
    """The claim with every personal field sealed to its own place; ID numbers in the form that was checked."""
    made_id, told, today = new_id(), new.persons, biz_date(at)
    guardian, minor = (party.check_id_card(one, today).text for one in (told.guardian_number, told.minor_number))

    def seal(name: str, text: str) -> bytes:
        return ring.seal_personal(text, _place(made_id, name))

    return Claim(
        made_id, order.pool_id, order.id, order.number, order.token, seal("guardian_name", told.guardian_name),
        seal("guardian_number", guardian), seal("minor_name", told.minor_name), seal("minor_number", minor),
        seal("words", told.words), new.relation, new.spool, new.size, new.sha256, new.media_type, "open", at,
        rules.due_at("guardian", at), 0, None, "", "", None, None, None,
    )  # fmt: skip


def _place(claim_id: UUID, field: str) -> str:
    return f"guardian {claim_id} {field}"


def _again(db: Db, claim_id: UUID) -> Claim:
    found = store.claim(db, claim_id)
    assert found is not None
    return found
