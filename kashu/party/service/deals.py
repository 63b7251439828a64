"""What a supplier signs, and its deposit: agreed first, then taken by two persons, and locked when it leaves (C-34)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from kashu import audit, ledger
from kashu.audit import Actor, Approval, ApprovalRefusal, Deed
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import new_id
from kashu.kernel.text import canonical_json, sha256_hex, tidy_reference
from kashu.ledger import ACCOUNT_KEYED, Posting
from kashu.party import store
from kashu.party.rules import suppliers as rules
from kashu.party.service.moves import move, no, record, second_yes
from kashu.party.types import Aftermath, Contract, Signature, Supplier, SupplierRefusal

AMOUNT_FEN_MAX = 10**10
NOTHING_SOLD = Aftermath()
ACTS = {"in": "supplier.deposit.in", "back": "supplier.deposit.back"}
FLOWS = {act: flow for flow, act in ACTS.items()}


def publish_contract(db: Db, actor: Actor, told: Contract, at: datetime) -> Contract:
    """A new version of the supply contract or of the deposit agreement; number, hash and instant are ours to give."""
    assert_in_transaction(db)
    before = store.contract(db, told.kind)
    text = [told.title, told.body, told.deposit_fen, told.management, told.usage, told.refund]
    made = replace(
        told, version=before.version + 1 if before else 1, sha256=sha256_hex(canonical_json(text)),
        published_by=actor.name, published_at=at,
    )  # fmt: skip
    store.add_contract(db, made)
    after = {"version": made.version, "sha256": made.sha256, "deposit_fen": made.deposit_fen}
    audit.record(db, [Deed(actor, "contract.publish", "contract", made.kind, after=after)], at)
    return made


def sign(db: Db, actor: Actor, party_id: int, sha256: str, at: datetime) -> SupplierRefusal | None:
    """Sign what is in force, by its hash. With contract and deposit agreement signed, the deposit is what is left."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is None or found.state not in ("contract", "deposit", *rules.TRADING):
        return no(found)
    offered = {one.sha256: one for kind in ("supply", "deposit") if (one := store.contract(db, kind)) is not None}
    chosen = offered.get(sha256)
    if chosen is None:
        return SupplierRefusal.NO_AGREEMENT
    store.add_signature(db, Signature(party_id, chosen.kind, chosen.version, chosen.sha256, actor.name, at))
    after = {"kind": chosen.kind, "version": chosen.version}
    record(db, actor, "supplier.sign", party_id, None, after, ("", chosen.sha256), at)
    if chosen.kind == "deposit":
        store.set_deposit_due(db, party_id, chosen.deposit_fen)
    signed = {(one.kind, one.version) for one in store.signatures(db, party_id)}
    if (
        found.state == "contract"
        and len(offered) == 2
        and {(one.kind, one.version) for one in offered.values()} <= signed
    ):
        move(db, actor, found, "deposit", ("signed", chosen.sha256), at)
    return None


def ask_deposit(
    db: Db,
    actor: Actor,
    party_id: int,
    told: tuple[str, int, str],
    *,
    sold: Aftermath = NOTHING_SOLD,
    solo_wait_seconds: int | None,
    at: datetime,
) -> Approval | ApprovalRefusal | SupplierRefusal:
    """Ask to note a deposit that came in at the bank or goes back: (`in` or `back`, fen, reference). A second person confirms.

    Without a signed agreement none may be taken (C-34), nor from who is gone: what a closed or blacklisted supplier sends
    goes back as it came. It goes back to one that leaves, once nothing that it `sold` can be demanded of it any more.
    """
    assert_in_transaction(db)
    flow, amount_fen = told[:2]
    reference = tidy_reference(told[2])
    found = store.supplier(db, party_id, lock=True)
    refusal = _may_flow(db, actor, found, (flow, amount_fen, reference), sold, at)
    if refusal is not None:
        return refusal
    body = {"party_id": party_id, "amount_fen": amount_fen, "reference": reference}
    return audit.ask(
        db, actor, ACTS[flow], ("deposit", reference), body,
        reason=reference, solo_wait_seconds=solo_wait_seconds, at=at,
    )  # fmt: skip


def confirm_deposit(
    db: Db, actor: Actor, approval_id: UUID, at: datetime, *, sold: Aftermath = NOTHING_SOLD, is_alone: bool
) -> ApprovalRefusal | SupplierRefusal | None:
    """The second person's yes, or the same one's after the wait in solo mode: both books are written, once."""

    def may(asked: Approval, found: Supplier | None) -> SupplierRefusal | None:
        return _may_flow(db, actor, found, _told(asked), sold, at)

    def do(asked: Approval, found: Supplier) -> None:
        _flow(db, actor, found, _told(asked), asked.asked_by, at)

    return second_yes(db, actor, (approval_id, FLOWS), (may, do), at, is_alone=is_alone)


def cancel_deposit(db: Db, actor: Actor, approval_id: UUID, at: datetime) -> ApprovalRefusal | None:
    """Take the wish back while nobody has confirmed it."""
    assert_in_transaction(db)
    asked = audit.approval(db, approval_id)
    if asked is None or asked.act not in FLOWS:
        return ApprovalRefusal.GONE
    return audit.cancel(db, actor, approval_id, at)


def _told(asked: Approval) -> tuple[str, int, str]:
    return FLOWS[asked.act], int(asked.body["amount_fen"]), str(asked.body["reference"])


def _may_flow(
    db: Db,
    actor: Actor,
    found: Supplier | None,
    told: tuple[str, int, str],
    sold: Aftermath,
    at: datetime,
) -> SupplierRefusal | None:
    flow, amount_fen, reference = told
    is_leaving = found is not None and found.state == "exiting"
    if found is None or (flow == "back") != is_leaving or found.state in ("closed", "blacklisted"):
        return no(found)
    if not any(one.kind == "deposit" for one in store.signatures(db, found.party_id)):
        return SupplierRefusal.NO_AGREEMENT
    if not 0 < amount_fen <= AMOUNT_FEN_MAX or not reference:
        return SupplierRefusal.WRONG_NUMBER
    if store.is_member(db, found.party_id, actor.name):
        return SupplierRefusal.SAME_PERSON
    if store.is_reference_taken(db, flow, reference):
        return SupplierRefusal.REFERENCE_TAKEN
    if flow == "in":
        return None
    assert found.exiting_at is not None
    if at < rules.deposit_free_at(found.exiting_at, sold) or store.is_listed(db, found.party_id):
        return SupplierRefusal.DEPOSIT_LOCKED
    if sold.is_contested:
        return SupplierRefusal.DEPOSIT_CLAIMED
    return SupplierRefusal.DEPOSIT_SHORT if store.held_fen(db, found.party_id) < amount_fen else None


def _flow(db: Db, actor: Actor, found: Supplier, told: tuple[str, int, str], noted_by: str, at: datetime) -> None:
    """Write both books: the row under its agreement, and the postings."""
    party_id, (flow, amount_fen, reference) = found.party_id, told
    under = next(one for one in store.signatures(db, party_id) if one.kind == "deposit")
    deposit_id, signed_fen = new_id(), amount_fen if flow == "in" else -amount_fen
    sides = ((deposit_account(db, party_id), signed_fen), (_bank(db), -signed_fen))
    store.add_deposit(db, deposit_id, party_id, under.version, flow, (amount_fen, reference, noted_by), at)
    recipe = f"deposit_{flow}"
    postings = [Posting(ACCOUNT_KEYED, deposit_id, recipe, account, fen, reference) for account, fen in sides]
    ledger.post(db, postings, at)
    after = {"amount_fen": amount_fen, "reference": reference, "agreement": under.version, "noted_by": noted_by}
    record(db, actor, f"supplier.{recipe}", party_id, None, after, ("", under.sha256), at)


def deposit_account(db: Db, party_id: int) -> int:
    """The account of a supplier's deposit, guarded from its first fen: it never falls below zero."""
    account = ledger.account(db, f"deposit:{party_id}", "liability", f"供应商保证金 {party_id}")
    if not store.has_deposits(db, party_id):
        ledger.guard(db, account)
    return account


def _bank(db: Db) -> int:
    return ledger.account(db, "psp_deposit", "asset", "保证金专户")
