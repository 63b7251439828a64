"""A supplier's papers: handed in, looked at; the persons behind it and its account, sealed (C-52)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.party import store
from kashu.party.rules import numbers
from kashu.party.service.changes import PUBLIC
from kashu.party.service.moves import record
from kashu.party.service.screening import screen
from kashu.party.types import BankAccount, Document, NewDocument, Principal, SupplierRefusal

DOCUMENTS_MAX = 100
PRINCIPALS_MAX = 20
DRAFT_CHARS_MAX = 8_000
KINDS = ("business_licence", "identity", "bank_proof", "authority", "other")
SENSITIVE = {"identity": "identity_document", "bank_proof": "bank_account"}
OPEN = ("applied", "kyb_review", "contract", "deposit", "active", "restricted", "suspended")


def submit(db: Db, ring: Keyring, actor: Actor, party_id: int, new: NewDocument, at: datetime) -> Document | SupplierRefusal:  # fmt: skip
    """Hand a paper in; one of the same kind that nobody has looked at yet gives way to it."""
    assert_in_transaction(db)
    refusal = _may_change(db, party_id)
    if refusal is not None:
        return refusal
    if new.kind in SENSITIVE and not store.has_consent(db, subject_of(party_id), SENSITIVE[new.kind]):
        return SupplierRefusal.NO_CONSENT
    if len(store.documents(db, party_id)) >= DOCUMENTS_MAX:
        return SupplierRefusal.TOO_MANY
    if new.kind not in KINDS or (new.valid_to is not None and new.valid_to < biz_date(at)):
        return SupplierRefusal.EXPIRED if new.kind in KINDS else SupplierRefusal.WRONG_NUMBER
    store.supersede_documents(db, party_id, new.kind, actor.name, at)
    document_id = new_id()
    sealed = ring.seal_personal(new.number, f"document {document_id}") if new.number else None
    made = Document(
        document_id, party_id, new.kind, sealed, new.name, new.fields, new.spool, new.size, new.sha256, new.valid_to,
        "submitted", "", actor.name, at, None, None,
    )  # fmt: skip
    store.add_document(db, made)
    after = {"kind": new.kind, "valid_to": new.valid_to}
    record(db, actor, "supplier.document", party_id, None, after, ("", new.sha256), at)
    return made


def decide_document(
    db: Db, actor: Actor, document_id: UUID, after: str, reason: str, at: datetime
) -> SupplierRefusal | None:
    """A reviewer accepts a paper, or rejects it with a reason. The one accepted before gives way."""
    assert_in_transaction(db)
    assert after in ("accepted", "rejected")
    found = store.document(db, document_id, lock=True)
    if found is None or found.state != "submitted":
        return SupplierRefusal.GONE
    if after == "rejected" and not reason:
        return SupplierRefusal.NO_REASON
    if store.is_member(db, found.party_id, actor.name):
        return SupplierRefusal.SAME_PERSON
    if after == "accepted":
        for old in store.documents(db, found.party_id):
            if (old.kind, old.state) == (found.kind, "accepted") and old.kind != "other":
                store.move_document(db, old.id, "accepted", "superseded", (actor.name, ""), at)
    store.move_document(db, document_id, "submitted", after, (actor.name, reason), at)
    told = {"kind": found.kind, "state": after}
    record(db, actor, "supplier.document.decide", found.party_id, None, told, (reason, found.sha256), at)
    return None


def set_principal(
    db: Db, ring: Keyring, actor: Actor, party_id: int, told: tuple[str, str, str, int], at: datetime
) -> Principal | SupplierRefusal:
    """A person behind a supplier: (role, name, ID number, share). A new legal representative takes the old one's place.

    An ID number is taken under the consent to its image, whose words name both (C-51). Behind one who is not registered stands nobody but who applied, under the number they applied with.
    """
    assert_in_transaction(db)
    refusal = _may_change(db, party_id)
    if refusal is not None:
        return refusal
    if not store.has_consent(db, subject_of(party_id), SENSITIVE["identity"]):
        return SupplierRefusal.NO_CONSENT
    role, name, text, share_bp = told
    number = numbers.check_id_card(text, biz_date(at))
    if not number.is_right or not name:
        return SupplierRefusal.WRONG_NUMBER
    if not numbers.is_adult(number.text, biz_date(at)):
        return SupplierRefusal.NOT_GROWN_UP
    mark = ring.identity("id", number.text)
    if store.is_barred(db, "id", mark, party_id):
        return SupplierRefusal.BLACKLISTED
    found = store.supplier(db, party_id)
    assert found is not None
    if not found.is_registered and not store.has_mark(db, party_id, "id", mark):
        return SupplierRefusal.WRONG_NUMBER
    if len(store.principals(db, party_id)) >= PRINCIPALS_MAX:
        return SupplierRefusal.TOO_MANY
    store.end_principals(db, party_id, role, None if role == "legal_representative" else mark, at)
    made_id = new_id()
    place = f"principal {made_id}"
    made = Principal(
        made_id, party_id, role, ring.seal_personal(name, place), ring.seal_personal(number.text, place), mark,
        number.text[-4:], share_bp, actor.name, at, None,
    )  # fmt: skip
    store.add_principal(db, made)
    store.add_mark(db, party_id, "id", mark)
    record(db, actor, "supplier.principal", party_id, None, {"role": role, "share_bp": share_bp}, ("", ""), at)
    _screen(db, ring, party_id, at)
    return made


def set_bank_account(
    db: Db, ring: Keyring, actor: Actor, party_id: int, told: tuple[str, str, str], at: datetime
) -> BankAccount | SupplierRefusal:
    """Where a supplier is paid: (holder, bank, number), in its own verified name and no other (C-63).

    Another account has to be proven anew, and nothing is paid out before. The proven one is kept until then: it counts again
    where the other turns out not to be the supplier's own, or where the supplier names it again.
    """
    assert_in_transaction(db)
    refusal = _may_change(db, party_id)
    if refusal is not None:
        return refusal
    if not store.has_consent(db, subject_of(party_id), "bank_account"):
        return SupplierRefusal.NO_CONSENT
    holder, bank, text = told
    party, number = store.party(db, party_id), numbers.check_bank_account(text)
    assert party is not None
    if not number.is_right or not bank:
        return SupplierRefusal.WRONG_NUMBER
    if holder != party.name:
        return SupplierRefusal.NOT_OWN_NAME
    mark = ring.identity("bank", number.text)
    if store.is_barred(db, "bank", mark, party_id):
        return SupplierRefusal.BLACKLISTED
    same = _named_again(db, actor, party_id, (mark, holder, bank), at)
    if same is not None:
        return same
    store.put_by_bank_account(db, party_id)
    made_id = new_id()
    sealed = ring.seal_personal(number.text, f"bank account {made_id}")
    made = BankAccount(
        made_id, party_id, holder, bank, sealed, mark, number.text[-4:], "unproven", actor.name, at, None
    )
    store.add_bank_account(db, made)
    store.add_mark(db, party_id, "bank", mark)
    record(db, actor, "supplier.bank_account", party_id, None, {"account": str(made_id)}, ("", ""), at)
    _screen(db, ring, party_id, at)
    return made


def _named_again(db: Db, actor: Actor, party_id: int, told: tuple[bytes, str, str], at: datetime) -> BankAccount | None:
    """The proven account, where it is the one that was named: as it is, or back from where it was kept."""
    held, kept = store.bank_account(db, party_id), store.kept_bank_account(db, party_id)
    if held is not None and held.state == "proven" and (held.mark, held.holder, held.bank) == told:
        return held
    if kept is None or (kept.mark, kept.holder, kept.bank) != told:
        return None
    restored = store.restore_bank_account(db, party_id)
    record(db, actor, "supplier.bank_account.restore", party_id, None, {"account": str(restored)}, ("", ""), at)
    return store.bank_account(db, party_id)


def set_particulars(
    db: Db, actor: Actor, party_id: int, address: str, contact: str, at: datetime
) -> SupplierRefusal | None:
    """Where a supplier really works and how it is reached, until it is public; from then on it declares changes (C-13)."""
    assert_in_transaction(db)
    refusal = _may_change(db, party_id)
    if refusal is not None:
        return refusal
    found = store.supplier(db, party_id)
    assert found is not None
    if found.state in PUBLIC:
        return SupplierRefusal.DECLARE_CHANGE
    before = store.party(db, party_id)
    assert before is not None
    store.set_particulars(db, party_id, address, contact)
    told = {"address": address != before.address, "contact": contact != before.contact}
    record(db, actor, "supplier.particulars", party_id, None, {"changed": sorted(filter(told.get, told))}, ("", ""), at)
    return None


def save_draft(db: Db, ring: Keyring, party_id: int, step: str, body: str, at: datetime) -> None:
    """Keep what was typed into a step, sealed, until it is handed in."""
    assert_in_transaction(db)
    store.save_draft(db, party_id, step, ring.seal_personal(body[:DRAFT_CHARS_MAX], f"draft {party_id} {step}"), at)


def draft(db: Db, ring: Keyring, party_id: int, step: str) -> str:
    sealed = store.draft(db, party_id, step)
    return "" if sealed is None else ring.open_personal(sealed, f"draft {party_id} {step}")


def show_principal(db: Db, ring: Keyring, actor: Actor, principal: Principal, reason: str, at: datetime) -> tuple[str, str]:  # fmt: skip
    """Name and number of a person behind a supplier, audited before they are shown (C-52)."""
    assert_in_transaction(db)
    assert reason
    told = {"principal": str(principal.id)}
    deed = Deed(actor, "supplier.principal.show", "party", str(principal.party_id), after=told, reason=reason)
    audit.record(db, [deed], at)
    place = f"principal {principal.id}"
    return ring.open_personal(principal.name, place), ring.open_personal(principal.id_number, place)


def subject_of(party_id: int) -> str:
    """How a supplier is called where consents are kept."""
    return f"party {party_id}"


def _screen(db: Db, ring: Keyring, party_id: int, at: datetime) -> None:
    """Ask the lists about whoever is new behind a supplier; before the review begins, that asks about everybody (C-60)."""
    found = store.supplier(db, party_id)
    if found is not None and found.state != "applied":
        screen(db, ring, [party_id], at)


def _may_change(db: Db, party_id: int) -> SupplierRefusal | None:
    found = store.supplier(db, party_id, lock=True)
    if found is None:
        return SupplierRefusal.NO_SUCH_SUPPLIER
    return None if found.state in OPEN else SupplierRefusal.WRONG_STATE
