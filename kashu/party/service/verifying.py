"""What the world says of a supplier: asked through a job, or noted by a person with evidence. Never inferred (§2.4)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kashu.audit import Actor
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.party import store
from kashu.party.service.moves import no, record
from kashu.party.types import BankAccount, Query, SupplierRefusal, Verification

STATES = ("matched", "mismatched", "not_found", "cancelled")


def ask_verifications(db: Db, actor: Actor, party_id: int, at: datetime) -> list[Verification] | SupplierRefusal:
    """Write down what is to be asked: the company, its representative, its account. A job calls afterwards."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is None:
        return no(found)
    wanted = [("company", str(party_id))] if found.is_registered else []
    wanted += [("person", str(one.id)) for one in store.principals(db, party_id)]
    account = store.bank_account(db, party_id)
    if account is not None:
        wanted.append(("bank_account", str(account.id)))
    asked = []
    for kind, subject in wanted:
        new = Verification(new_id(), party_id, kind, subject, "asked", "", "", actor.name, at, None)
        if store.ask_verification(db, new):
            asked.append(new)
    tell(db, [Fact("supplier.verify", {"verification_id": one.id}) for one in asked], at)
    if asked:
        after = {"kinds": sorted({one.kind for one in asked})}
        record(db, actor, "supplier.verify.ask", party_id, None, after, ("", ""), at)
    return asked


def query(db: Db, ring: Keyring, verification_id: UUID) -> Query | None:
    """What an authority is to be asked, opened; None where the answer has come, or the subject is gone."""
    assert_in_transaction(db)
    found = store.verification(db, verification_id)
    party = None if found is None else store.party(db, found.party_id)
    if found is None or party is None or found.state != "asked":
        return None
    if found.kind == "company":
        return Query(found.id, found.kind, party.name, party.uscc)
    if found.kind == "person":
        for one in store.principals(db, found.party_id):
            if str(one.id) == found.subject:
                name, number = (
                    ring.open_personal(sealed, f"principal {one.id}") for sealed in (one.name, one.id_number)
                )
                return Query(found.id, found.kind, name, number)
        return None
    account = store.bank_account(db, found.party_id)
    if account is None or str(account.id) != found.subject:
        return None
    number = ring.open_personal(account.number, f"bank account {account.id}")
    return Query(found.id, found.kind, account.holder, number, account.bank)


def answered(
    db: Db, actor: Actor, verification_id: UUID, state: str, told: tuple[str, str], at: datetime
) -> SupplierRefusal | None:
    """Note what was answered: a detail, and the hash of the answer as it came."""
    assert_in_transaction(db)
    assert state in STATES
    about = store.verification(db, verification_id)
    if about is not None:
        store.supplier(
            db, about.party_id, lock=True
        )  # no other account takes the place of the one that is answered for
    found = store.verification(db, verification_id, lock=True)
    if found is None or found.state != "asked":
        return SupplierRefusal.GONE
    store.answer_verification(db, verification_id, state, told, at)
    after = {"kind": found.kind, "state": state, "detail": told[0]}
    record(db, actor, "supplier.verify", found.party_id, None, after, ("", told[1]), at)
    account = store.bank_account(db, found.party_id)
    if found.kind == "bank_account" and account is not None and str(account.id) == found.subject:
        _account_answered(db, actor, account, state, at)
    return None


def _account_answered(db: Db, actor: Actor, account: BankAccount, state: str, at: datetime) -> None:
    if state == "matched":
        store.prove_bank_account(db, account, at)
        return
    kept = store.kept_bank_account(db, account.party_id)
    if kept is None or store.is_barred(db, "bank", kept.mark, account.party_id):
        return  # what has come to be known of somebody barred since does not count again by itself
    restored = store.restore_bank_account(db, account.party_id)
    if restored is not None:
        told = ({"account": str(account.id)}, {"account": str(restored)})
        record(db, actor, "supplier.bank_account.restore", account.party_id, *told, (state, ""), at)


def note_verification(
    db: Db, actor: Actor, party_id: int, subject: tuple[str, str], state: str, told: tuple[str, str], at: datetime
) -> SupplierRefusal | None:
    """A person looked it up: what they found, and the hash of what they saw. `told` is the detail and that hash."""
    assert_in_transaction(db)
    if not all(told):
        return SupplierRefusal.NO_REASON
    if store.is_member(db, party_id, actor.name):
        return SupplierRefusal.SAME_PERSON
    waiting = [
        one for one in store.verifications(db, party_id) if (one.kind, one.subject) == subject and one.state == "asked"
    ]
    new = waiting[0] if waiting else Verification(new_id(), party_id, *subject, "asked", "", "", actor.name, at, None)
    if not waiting:
        store.ask_verification(db, new)
    return answered(db, actor, new.id, state, told, at)
