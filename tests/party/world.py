"""Suppliers at any point of their lives, made by the verbs that lead there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from stdnum.cn import ric, uscc

from kashu import party
from kashu.audit import Actor, Approval
from kashu.kernel.text import sha256_hex
from kashu.party import Application, Contract, NewDocument, NewSanction
from kashu.party.rules.numbers import check_organisation
from tests import make

AT = datetime(2026, 11, 2, 4, tzinfo=UTC)
APPLICANT = Actor("person", "applicant@supplier.example")
REVIEWER = Actor("person", "reviewer@kashu.example")
OTHER = Actor("person", "other@kashu.example")
HASH = sha256_hex("what was seen")
WHY = ("资料齐全", HASH)
NOTHING_SOLD = party.Aftermath()
serial = count(int(make.SEED, 16) * 500)


def company_number():
    """A credit code nobody had before, its organisation code right as well."""
    body = f"{next(serial) % 10**8:08d}"
    check = next(d for d in "0123456789X" if check_organisation(body + d).is_right)
    number = "91110000" + body + check
    return number + uscc.calc_check_digit(number) if check != "X" else company_number()


def person_number(born=""):
    """An ID number nobody had before: who was barred in one test is nobody in the next."""
    day, nth = divmod(next(serial), 1_000)
    body = f"110105{born or f'198503{day % 28 + 1:02d}'}{nth:03d}"
    return body + ric.calc_check_digit(body + "0")


def application(**changed):
    told = {"name": make.name("知微科技"), "number": company_number(), "address": "杭州市西湖区 1 号", "contact": "0571-1",
            "phone": make.name("139")} | changed  # fmt: skip
    return Application(**told)


def applied(db, ring, at=AT, **changed):
    found = party.apply(db, ring, APPLICANT, application(**changed), at)
    assert isinstance(found, party.Supplier), found
    return found.party_id


def paper(kind, **changed):
    told = {"kind": kind, "name": f"{kind}.pdf", "number": "", "fields": {}, "spool": make.name("file"), "size": 9,
            "sha256": HASH, "valid_to": None} | changed  # fmt: skip
    return NewDocument(**told)


def with_papers(db, ring, at=AT, *, id_number="", bank_number="", **changed):
    """Everything is there to be handed in."""
    party_id = applied(db, ring, at, **changed)
    id_number = id_number or ("" if changed.get("is_registered", True) else changed["number"])
    name = party.party(db, party_id).name
    for purpose in ("identity_document", "bank_account"):
        party.give_consent(db, APPLICANT, f"party {party_id}", purpose, "我同意", at)
    for kind in ("business_licence", "identity"):
        assert not isinstance(party.submit(db, ring, APPLICANT, party_id, paper(kind), at), party.SupplierRefusal)
    for role, share in (("legal_representative", 0), ("beneficial_owner", 6_000)):
        told = (role, "张三", id_number or person_number(), share)
        assert isinstance(party.set_principal(db, ring, APPLICANT, party_id, told, at), party.Principal)
    account = (name, "招商银行杭州分行", bank_number or f"5719{next(serial):011d}")
    assert isinstance(party.set_bank_account(db, ring, APPLICANT, party_id, account, at), party.BankAccount)
    return party_id


def in_review(db, ring, at=AT, **changed):
    party_id = with_papers(db, ring, at, **changed)
    assert party.begin_review(db, ring, APPLICANT, party_id, at) is None
    return party_id


def prove(db, party_id, at=AT, state="matched"):
    """What authorities answer to every question about a supplier."""
    party.ask_verifications(db, REVIEWER, party_id, at)
    for one in party.verifications(db, party_id):
        if one.state == "asked":
            assert party.answered(db, REVIEWER, one.id, state, ("", HASH), at) is None


def looked_at(db, ring, at=AT, **changed):
    """A review in which every paper is accepted and every authority matched."""
    party_id = in_review(db, ring, at, **changed)
    for one in party.documents(db, party_id):
        assert party.decide_document(db, REVIEWER, one.id, "accepted", "", at) is None
    prove(db, party_id, at)
    return party_id


def contracts(db, at=AT):
    supply = Contract("supply", 0, "供货合同", "全文", 0, "", "", "", "", "", at)
    deposit = Contract(
        "deposit", 0, "保证金协议", "全文", 1_000_000, "专户存管", "先行赔付", "退出 90 日后退还", "", "", at
    )
    for one in (supply, deposit):
        newest = party.contract(db, one.kind)
        if newest is None or (newest.body, newest.deposit_fen) != (one.body, one.deposit_fen):
            party.publish_contract(db, REVIEWER, one, at)
    return [party.contract(db, kind) for kind in ("supply", "deposit")]


def accepted(db, ring, at=AT, **changed):
    party_id = looked_at(db, ring, at, **changed)
    assert party.accept(db, REVIEWER, party_id, WHY, at) is None
    return party_id


def signed(db, ring, at=AT, **changed):
    party_id = accepted(db, ring, at, **changed)
    for one in contracts(db, at):
        assert party.sign(db, APPLICANT, party_id, one.sha256, at) is None
    return party_id


def move_deposit(db, party_id, fen, reference="", flow="in", sold=NOTHING_SOLD, at=AT):
    """A deposit noted by one and confirmed by another; None, or why not."""
    told = (flow, fen, reference or make.name("bank"))
    asked = party.ask_deposit(db, REVIEWER, party_id, told, sold=sold, solo_wait_seconds=None, at=at)
    if not isinstance(asked, Approval):
        return asked
    return party.confirm_deposit(db, OTHER, asked.id, at, sold=sold, is_alone=False)


def active(db, ring, at=AT, **changed):
    party_id = signed(db, ring, at, **changed)
    due = party.deposit(db, party_id).due_fen
    assert move_deposit(db, party_id, due, at=at) is None
    assert party.activate(db, REVIEWER, party_id, WHY, at) is None
    return party_id


def left(db, ring, at=AT):
    party_id = active(db, ring, at)
    assert party.leave(db, REVIEWER, party_id, WHY, at) is None
    return party_id


def gone(db, ring, at=AT):
    """Closed, nothing of its deposit left with us."""
    party_id, over = left(db, ring, at - timedelta(days=90)), at
    assert move_deposit(db, party_id, party.deposit(db, party_id).held_fen, flow="back", at=over) is None
    assert party.close(db, REVIEWER, party_id, WHY, over) is None
    return party_id


def measure(grade, ends_at=None, **changed):
    told = {"grade": grade, "ground": "C-15", "reason": "虚假发货", "evidence": HASH, "ends_at": ends_at,
            "is_public": True} | changed  # fmt: skip
    return NewSanction(**told)


def state(db, party_id):
    return party.supplier(db, party_id).state
