"""Suppliers: how they come, stay and go (compliance.md §2.2). Every move is audited with its reason and evidence."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kashu import audit
from kashu.audit import Actor, Approval, ApprovalRefusal, Deed
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.seal import Keyring
from kashu.kernel.text import canonical_json, sha256_hex
from kashu.party import store
from kashu.party.rules import numbers
from kashu.party.rules import suppliers as rules
from kashu.party.service.moves import Why, move, no, record, second_yes, step, unproven
from kashu.party.service.parties import enter
from kashu.party.service.screening import screen
from kashu.party.types import Application, Deposit, Lack, Party, Supplier, SupplierFile, SupplierRefusal

ACCEPT = "supplier.accept"
LOWER = "supplier.risk.lower"
NAME_CHARS_MAX = 120
RISKS = ("low", "medium", "high")


def take_in(db: Db, actor: Actor, party_id: int, at: datetime) -> Supplier:
    """Take a supplier in as active whose papers were verified by hand, at this instant; for demos and tests."""
    assert_in_transaction(db)
    taken = Supplier(party_id, "active", "medium", at, at)
    store.add_supplier(db, taken)
    audit.record(db, [Deed(actor, "supplier.take_in", "party", str(party_id), after={"state": "active"})], at)
    return taken


def apply(db: Db, ring: Keyring, actor: Actor, told: Application, at: datetime) -> Supplier | SupplierRefusal:
    """An organisation applies. Whoever is blacklisted under the same number or phone is refused (C-15)."""
    assert_in_transaction(db)
    number = numbers.check_uscc(told.number) if told.is_registered else numbers.check_id_card(told.number, biz_date(at))
    if not number.is_right or not 0 < len(told.name) <= NAME_CHARS_MAX or not told.phone:
        return SupplierRefusal.WRONG_NUMBER
    kind = "uscc" if told.is_registered else "id"
    marks = {kind: ring.identity(kind, number.text), "phone": ring.identity("phone", numbers.tidy_phone(told.phone))}
    if any(store.is_barred(db, name, mark) for name, mark in marks.items()):
        return SupplierRefusal.BLACKLISTED
    if store.is_name_taken(db, told.name):
        return SupplierRefusal.NAME_TAKEN
    if store.supplier_with(db, kind, marks[kind]) is not None:
        return SupplierRefusal.NUMBER_TAKEN
    uscc = number.text if told.is_registered else ""
    opened = enter(db, actor, Party(0, "supplier", told.name, uscc, told.address, told.contact, "active"), at)
    if opened is None:
        return SupplierRefusal.NAME_TAKEN
    taken = Supplier(opened.id, "applied", "medium", at, None, told.is_registered, moved_at=at)
    store.add_supplier(db, taken)
    for name, mark in marks.items():
        store.add_mark(db, opened.id, name, mark)
    record(db, actor, "supplier.apply", opened.id, None, {"state": "applied", "warning": number.warning}, ("", ""), at)
    return taken


def supplier_file(db: Db, party_id: int, at: datetime) -> SupplierFile | None:
    """Everything known of a supplier."""
    found, party = store.supplier(db, party_id), store.party(db, party_id)
    if found is None or party is None:
        return None
    papers, people = store.documents(db, party_id), store.principals(db, party_id)
    account = store.bank_account(db, party_id)
    lacks = rules.lacks(party, papers, people, account, biz_date(at), is_registered=found.is_registered)
    return SupplierFile(
        found, papers, people, account, store.verifications(db, party_id), store.signatures(db, party_id),
        store.sanctions(db, party_id), store.hits(db, party_id), deposit(db, party_id), lacks,
    )  # fmt: skip


def deposit(db: Db, party_id: int) -> Deposit:
    """What is agreed and what is held of a supplier's deposit."""
    found = store.supplier(db, party_id)
    return Deposit(0 if found is None else found.deposit_fen, store.held_fen(db, party_id))


def begin_review(
    db: Db, ring: Keyring, actor: Actor, party_id: int, at: datetime
) -> list[Lack] | SupplierRefusal | None:
    """Hand everything in: nothing is missing, the lists are asked, and a review begins."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is None or found.state != "applied":
        return no(found)
    file = supplier_file(db, party_id, at)
    assert file is not None
    if file.lacks:
        return file.lacks
    move(db, actor, found, "kyb_review", ("everything is handed in", ""), at)
    screen(db, ring, [party_id], at)
    return None


def set_risk(db: Db, actor: Actor, party_id: int, risk: str, reason: str, at: datetime) -> SupplierRefusal | None:
    """How closely a supplier is looked at. A high risk takes two reviewers, and so does calling it less than high."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    refusal = _may_rate(db, actor, found, risk, reason)
    if refusal is not None:
        return refusal
    assert found is not None
    if found.risk == "high" and risk != "high":
        return SupplierRefusal.NEEDS_TWO
    _rate(db, actor, found, risk, reason, at)
    return None


def ask_lower_risk(
    db: Db, actor: Actor, party_id: int, told: tuple[str, str], *, solo_wait_seconds: int | None, at: datetime
) -> Approval | ApprovalRefusal | SupplierRefusal:
    """The first person's wish that a high risk be called less; `told` is the new risk and why."""
    assert_in_transaction(db)
    risk, reason = told
    found = store.supplier(db, party_id, lock=True)
    refusal = _may_rate(db, actor, found, risk, reason)
    if refusal is not None:
        return refusal
    assert found is not None
    if found.risk != "high" or risk == "high":
        return SupplierRefusal.WRONG_STATE
    return audit.ask(
        db, actor, LOWER, ("party", str(party_id)), {"risk": risk},
        reason=reason, solo_wait_seconds=solo_wait_seconds, at=at,
    )  # fmt: skip


def confirm_lower_risk(
    db: Db, actor: Actor, approval_id: UUID, at: datetime, *, is_alone: bool
) -> ApprovalRefusal | SupplierRefusal | None:
    """The second person's yes to a lower risk."""

    def may(asked: Approval, found: Supplier | None) -> SupplierRefusal | None:
        return _may_rate(db, actor, found, str(asked.body["risk"]), asked.reason)

    def do(asked: Approval, found: Supplier) -> None:
        _rate(db, actor, found, str(asked.body["risk"]), asked.reason, at)

    return second_yes(db, actor, (approval_id, {LOWER}), (may, do), at, is_alone=is_alone)


def send_back(db: Db, actor: Actor, party_id: int, why: Why, at: datetime) -> SupplierRefusal | None:
    """Back to the applicant, who mends what the reason names."""
    return step(db, actor, party_id, ("kyb_review", "applied"), why, at)


def refuse(db: Db, actor: Actor, party_id: int, why: Why, at: datetime) -> SupplierRefusal | None:
    """Refuse an application for good, also one that nobody ever hands in; its name and numbers may apply again."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is None or found.state not in ("applied", "kyb_review"):
        return no(found)
    if not why[0]:
        return SupplierRefusal.NO_REASON
    move(db, actor, found, "closed", why, at)
    return None


def withdraw(db: Db, actor: Actor, party_id: int, why: Why, at: datetime) -> SupplierRefusal | None:
    """An applicant goes before it has begun; its name and numbers may apply again. What was paid in is given back first."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is None or found.state not in rules.BEFORE_DEPOSIT:
        return no(found)
    if not why[0]:
        return SupplierRefusal.NO_REASON
    if store.held_fen(db, party_id):
        return SupplierRefusal.DEPOSIT_LOCKED
    move(db, actor, found, "closed", why, at)
    return None


def accept(db: Db, actor: Actor, party_id: int, why: Why, at: datetime) -> SupplierRefusal | None:
    """The review is passed by one reviewer; where the risk is high, `ask_accept` and a second person take its place."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    refusal = _may_accept(db, actor, found, why, at)
    if refusal is not None:
        return refusal
    assert found is not None
    if found.risk == "high":
        return SupplierRefusal.NEEDS_TWO
    _accept(db, actor, found, why, at)
    return None


def ask_accept(
    db: Db, actor: Actor, party_id: int, why: Why, *, solo_wait_seconds: int | None, at: datetime
) -> Approval | ApprovalRefusal | SupplierRefusal:
    """The first reviewer's yes to a supplier of high risk (ASVS 2.3.5), and to these papers: one to others has ended."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    refusal = _may_accept(db, actor, found, why, at)
    if refusal is not None:
        return refusal
    assert found is not None
    body = {"evidence": why[1], "seen": _seen(db, found)}
    for one in audit.approvals_of(db, "party", str(party_id)):
        if (one.act, one.state) == (ACCEPT, "waiting") and one.body.get("seen") != body["seen"]:
            audit.cancel(db, actor, one.id, at)
    return audit.ask(
        db, actor, ACCEPT, ("party", str(party_id)), body,
        reason=why[0], solo_wait_seconds=solo_wait_seconds, at=at,
    )  # fmt: skip


def confirm_accept(
    db: Db, actor: Actor, approval_id: UUID, at: datetime, *, is_alone: bool
) -> ApprovalRefusal | SupplierRefusal | None:
    """The second reviewer's yes; everything is looked at again, and has to be what the first one looked at."""

    def may(asked: Approval, found: Supplier | None) -> ApprovalRefusal | SupplierRefusal | None:
        refusal = _may_accept(db, actor, found, _why(asked), at)
        if refusal is not None or found is None:
            return refusal
        return None if asked.body.get("seen") == _seen(db, found) else ApprovalRefusal.GONE

    def do(asked: Approval, found: Supplier) -> None:
        _accept(db, actor, found, _why(asked), at)

    return second_yes(db, actor, (approval_id, {ACCEPT}), (may, do), at, is_alone=is_alone)


def reverify(db: Db, ring: Keyring, actor: Actor, party_id: int, why: Why, at: datetime) -> SupplierRefusal | None:
    """The six-monthly look at everything (C-10): authorities and lists were asked again. Sets `verified_at`."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is None or found.state not in rules.TRADING:
        return no(found)
    refusal = _may_judge(db, actor, found, why) or unproven(db, found, at)
    if refusal is not None:
        return refusal
    screen(db, ring, [party_id], at)
    if store.is_listed(db, party_id):
        return SupplierRefusal.LISTED
    store.set_verified(db, party_id, at)
    before, after = {"verified_at": found.verified_at}, {"verified_at": at}
    record(db, actor, "supplier.reverify", party_id, before, after, why, at)
    return None


def activate(db: Db, actor: Actor, party_id: int, why: Why, at: datetime) -> SupplierRefusal | None:
    """Let a supplier trade: signed, paid in, on no list, its account proven to be its own (C-63).

    Papers and persons are looked at once more: between the review and this they were the supplier's to change.
    """
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is None or found.state != "deposit":
        return no(found)
    account = store.bank_account(db, party_id)
    if account is None or account.state != "proven":
        return SupplierRefusal.NOT_VERIFIED
    if not deposit(db, party_id).is_full:
        return SupplierRefusal.DEPOSIT_SHORT
    refusal = unproven(db, found, at) or _unwanted(db, found)
    if refusal is not None:
        return refusal
    if store.is_member(db, party_id, actor.name):
        return SupplierRefusal.SAME_PERSON
    move(db, actor, found, "active", why, at)
    return None


def leave(db: Db, actor: Actor, party_id: int, why: Why, at: datetime) -> SupplierRefusal | None:
    """A supplier goes, of its own will or ours: nothing new is sold, and the deposit is locked."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is None or found.state == "blacklisted" or not rules.LIFE.allows(found.state, "exiting"):
        return no(found)
    if not why[0]:
        return SupplierRefusal.NO_REASON
    move(db, actor, found, "exiting", why, at)
    return None


def close(db: Db, actor: Actor, party_id: int, why: Why, at: datetime) -> SupplierRefusal | None:
    """The end: nothing of the deposit is left with us."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is None or found.state != "exiting":
        return no(found)
    if store.held_fen(db, party_id):
        return SupplierRefusal.DEPOSIT_LOCKED
    move(db, actor, found, "closed", why, at)
    return None


def _why(asked: Approval) -> Why:
    return asked.reason, str(asked.body["evidence"])


def _may_accept(db: Db, actor: Actor, found: Supplier | None, why: Why, at: datetime) -> SupplierRefusal | None:
    if found is None or found.state != "kyb_review":
        return no(found)
    return _may_judge(db, actor, found, why) or unproven(db, found, at) or _unwanted(db, found)


def _unwanted(db: Db, found: Supplier) -> SupplierRefusal | None:
    """On a list, or known by a mark of one that was blacklisted meanwhile: applying earlier is no way around it (C-15)."""
    if store.shares_barred_mark(db, found.party_id):
        return SupplierRefusal.BLACKLISTED
    return SupplierRefusal.LISTED if store.is_listed(db, found.party_id) else None


def _seen(db: Db, found: Supplier) -> str:
    """What a reviewer had before them, as a hash: this review, its papers, the persons and the account."""
    papers = sorted(str(one.id) for one in store.documents(db, found.party_id) if one.state == "accepted")
    people = sorted(str(one.id) for one in store.principals(db, found.party_id))
    account, named = store.bank_account(db, found.party_id), store.party(db, found.party_id)
    assert named is not None
    began = "" if found.moved_at is None else found.moved_at.isoformat()
    own = [named.name, named.address, named.contact, "" if account is None else str(account.id)]
    return sha256_hex(canonical_json([began, papers, people, own]))


def _may_rate(db: Db, actor: Actor, found: Supplier | None, risk: str, reason: str) -> SupplierRefusal | None:
    if found is None or risk not in RISKS or not reason:
        return SupplierRefusal.NO_SUCH_SUPPLIER if found is None else SupplierRefusal.NO_REASON
    return SupplierRefusal.SAME_PERSON if store.is_member(db, found.party_id, actor.name) else None


def _rate(db: Db, actor: Actor, found: Supplier, risk: str, reason: str, at: datetime) -> None:
    store.set_risk(db, found.party_id, risk)
    record(db, actor, "supplier.risk", found.party_id, {"risk": found.risk}, {"risk": risk}, (reason, ""), at)


def _may_judge(db: Db, actor: Actor, found: Supplier, why: Why) -> SupplierRefusal | None:
    """A judgement has a reason and evidence, and is nobody's in their own cause."""
    if not why[0] or not why[1]:
        return SupplierRefusal.NO_REASON
    return SupplierRefusal.SAME_PERSON if store.is_member(db, found.party_id, actor.name) else None


def _accept(db: Db, actor: Actor, found: Supplier, why: Why, at: datetime) -> None:
    store.set_verified(db, found.party_id, at)
    move(db, actor, found, "contract", why, at)
