"""What a supplier signs, and its deposit: agreed first, then taken, and locked when it leaves (C-34)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from kashu import audit, ledger
from kashu.audit import Actor, Deed
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import new_id
from kashu.kernel.text import canonical_json, sha256_hex
from kashu.ledger import ACCOUNT_KEYED, Posting
from kashu.party import store
from kashu.party.rules import suppliers as rules
from kashu.party.service.moves import move, no, record
from kashu.party.types import Contract, Signature, SupplierRefusal

AMOUNT_FEN_MAX = 10**10


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


def take_deposit(
    db: Db, actor: Actor, party_id: int, amount_fen: int, reference: str, at: datetime
) -> SupplierRefusal | None:
    """Note a deposit that came in at the bank; without a signed agreement none may be taken (C-34), nor from who is gone.

    What a closed or blacklisted supplier sends goes back as it came: there would be no way to give it back from here.
    """
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is not None and found.state in ("exiting", "closed", "blacklisted"):
        return no(found)
    return _flow(db, actor, party_id, "in", (amount_fen, reference), at)


def give_back(
    db: Db,
    actor: Actor,
    party_id: int,
    told: tuple[int, str],
    *,
    last_sale_at: datetime | None,
    at: datetime,
) -> SupplierRefusal | None:
    """Pay a deposit back to a supplier that leaves, 90 days after its last sale at the earliest; (amount, reference)."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is None or found.state != "exiting" or found.exiting_at is None:
        return no(found)
    if at < rules.deposit_free_at(found.exiting_at, last_sale_at) or store.is_listed(db, party_id):
        return SupplierRefusal.DEPOSIT_LOCKED
    return _flow(db, actor, party_id, "back", told, at)


def _flow(
    db: Db, actor: Actor, party_id: int, flow: str, told: tuple[int, str], at: datetime
) -> SupplierRefusal | None:
    """Lock, look, write both books: the row under its agreement, and the postings."""
    assert_in_transaction(db)
    found, (amount_fen, reference) = store.supplier(db, party_id, lock=True), told
    if found is None:
        return no(found)
    signed = [one for one in store.signatures(db, party_id) if one.kind == "deposit"]
    if not signed:
        return SupplierRefusal.NO_AGREEMENT
    if not 0 < amount_fen <= AMOUNT_FEN_MAX or not reference:
        return SupplierRefusal.WRONG_NUMBER
    if store.is_reference_taken(db, flow, reference):
        return SupplierRefusal.REFERENCE_TAKEN
    if flow == "back" and store.held_fen(db, party_id) < amount_fen:
        return SupplierRefusal.DEPOSIT_SHORT
    deposit_id, signed_fen = new_id(), amount_fen if flow == "in" else -amount_fen
    recipe = "deposit_in" if flow == "in" else "deposit_back"
    sides = ((deposit_account(db, party_id), signed_fen), (_bank(db), -signed_fen))
    store.add_deposit(db, deposit_id, party_id, signed[0].version, flow, (amount_fen, reference, actor.name), at)
    postings = [Posting(ACCOUNT_KEYED, deposit_id, recipe, account, fen, reference) for account, fen in sides]
    ledger.post(db, postings, at)
    after = {"amount_fen": amount_fen, "reference": reference, "agreement": signed[0].version}
    record(db, actor, f"supplier.{recipe}", party_id, None, after, ("", signed[0].sha256), at)
    return None


def deposit_account(db: Db, party_id: int) -> int:
    """The account of a supplier's deposit, guarded from its first fen: it never falls below zero."""
    account = ledger.account(db, f"deposit:{party_id}", "liability", f"供应商保证金 {party_id}")
    if not store.has_deposits(db, party_id):
        ledger.guard(db, account)
    return account


def _bank(db: Db) -> int:
    return ledger.account(db, "psp_deposit", "asset", "保证金专户")
