"""A supplier's life (compliance.md §2.2): how it comes, is looked at again, and goes."""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kashu import audit, compliance, ledger, party
from kashu.audit import ApprovalRefusal
from kashu.compliance import Cause
from kashu.kernel.clock import SHANGHAI
from kashu.kernel.db import connect, value, values
from kashu.party import Lack, SupplierRefusal
from kashu.party.rules import suppliers as rules
from tests import make
from tests.party import world
from tests.party.world import APPLICANT, AT, HASH, OTHER, REVIEWER, WHY, state

YEAR = timedelta(days=365)


def trail(db, party_id):
    return [entry.verb for entry in audit.entries_of(db, 0, "party", str(party_id))]


def test_a_supplier_comes_all_the_way(db, ring):
    party_id = world.active(db, ring)
    assert state(db, party_id) == "active"
    assert party.supplier(db, party_id).verified_at == AT
    moves = [verb for verb in trail(db, party_id) if verb.removeprefix("supplier.") in rules.LIFE.table]
    assert moves == ["supplier.kyb_review", "supplier.contract", "supplier.deposit", "supplier.active"]


def test_every_move_has_actor_reason_and_evidence(db, ring):
    party_id = world.active(db, ring)
    entries = audit.entries_of(db, 0, "party", str(party_id))
    for entry in entries:
        assert entry.actor
    told = next(entry for entry in entries if entry.verb == "supplier.contract")
    assert (told.actor, told.reason, told.before, told.after) == (
        REVIEWER.name, WHY[0], {"state": "kyb_review"}, {"state": "contract", "evidence": HASH},
    )  # fmt: skip


def test_nothing_personal_is_in_the_clear_in_rows_or_trail(db, ring):
    """C-52: numbers and names of persons, and account numbers, are ciphertext in every row."""
    number, account = world.person_number(), "571900012345678"
    party_id = world.looked_at(db, ring, id_number=number, bank_number=account)
    party.save_draft(db, ring, party_id, "people", '{"name": "张三"}', AT)
    tables = values(db, "SELECT table_name FROM information_schema.tables WHERE table_name ~ '^(party|audit)_'")
    for table in tables:
        dump = "\n".join(values(db, f"SELECT row_to_json(t)::text FROM {table} AS t"))
        for secret in (number, account, "张三"):
            assert secret not in dump, (table, secret)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"number": "91110000600037341N"}, SupplierRefusal.WRONG_NUMBER),
        ({"name": ""}, SupplierRefusal.WRONG_NUMBER),
        ({"phone": ""}, SupplierRefusal.WRONG_NUMBER),
    ],
)
def test_an_application_that_is_not_whole_is_refused(db, ring, changed, refusal):
    before = value(db, "SELECT count(*) FROM party_party")
    assert party.apply(db, ring, APPLICANT, world.application(**changed), AT) is refusal
    assert value(db, "SELECT count(*) FROM party_party") == before


def test_a_name_and_a_number_are_taken_once(db, ring):
    told = world.application()
    assert isinstance(party.apply(db, ring, APPLICANT, told, AT), party.Supplier)
    again = world.application(name=told.name)
    assert party.apply(db, ring, APPLICANT, again, AT) is SupplierRefusal.NAME_TAKEN
    again = world.application(number=told.number)
    assert party.apply(db, ring, APPLICANT, again, AT) is SupplierRefusal.NUMBER_TAKEN


def refused(db, ring):
    party_id = world.in_review(db, ring)
    assert party.refuse(db, REVIEWER, party_id, ("资料不实", ""), AT) is None
    return party_id


def never_handed_in(db, ring):
    party_id = world.applied(db, ring)
    assert party.refuse(db, REVIEWER, party_id, ("冒用他人名称", ""), AT) is None
    return party_id


def withdrawn(db, ring):
    party_id = world.accepted(db, ring)
    assert party.withdraw(db, APPLICANT, party_id, ("", ""), AT) is SupplierRefusal.NO_REASON
    assert party.withdraw(db, APPLICANT, party_id, ("不做了", ""), AT) is None
    return party_id


def barred_before_anybody_accepted_it(db, ring):
    party_id = world.applied(db, ring)
    assert isinstance(party.sanction(db, REVIEWER, party_id, world.measure("blacklist"), AT), party.Sanction)
    return party_id


@pytest.mark.parametrize("end", [refused, never_handed_in, withdrawn, world.gone, barred_before_anybody_accepted_it])
def test_who_is_gone_leaves_its_name_to_the_next(db, ring, end):
    first = end(db, ring)
    name = party.party(db, first).name
    assert [one.id for one in party.named(db, name)] == [first]
    second = world.applied(db, ring, name=name)
    assert [one.id for one in party.named(db, name)] == [second]
    assert party.party(db, first).name == name
    third = world.application(name=name)
    assert party.apply(db, ring, APPLICANT, third, AT) is SupplierRefusal.NAME_TAKEN


@pytest.mark.parametrize(
    "stage", [world.applied, world.in_review, world.accepted, world.signed, world.active, world.left]
)
def test_a_name_is_taken_while_whoever_has_it_lives(db, ring, stage):
    name = party.party(db, stage(db, ring)).name
    assert party.apply(db, ring, APPLICANT, world.application(name=name), AT) is SupplierRefusal.NAME_TAKEN
    with pytest.raises(psycopg.errors.UniqueViolation), db.transaction():
        db.execute("INSERT INTO party_party (kind, name, created_at) VALUES ('supplier', %s, now())", [name])


def test_one_that_was_accepted_and_is_barred_keeps_its_name_and_returns_to_it(db, ring):
    party_id = world.active(db, ring)
    measure = party.sanction(db, REVIEWER, party_id, world.measure("blacklist"), AT)
    name = party.party(db, party_id).name
    assert party.apply(db, ring, APPLICANT, world.application(name=name), AT) is SupplierRefusal.NAME_TAKEN
    overturn(db, party_id, measure)
    assert (state(db, party_id), party.party(db, party_id).state) == ("active", "active")


@pytest.mark.parametrize(("is_replaced", "after"), [(False, "applied"), (True, "closed")])
def test_an_applicant_barred_in_error_returns_unless_its_name_is_gone(db, ring, is_replaced, after):
    party_id = world.applied(db, ring)
    measure = party.sanction(db, REVIEWER, party_id, world.measure("blacklist"), AT)
    name = party.party(db, party_id).name
    if is_replaced:
        world.applied(db, ring, name=name)
    overturn(db, party_id, measure)
    assert state(db, party_id) == after
    assert party.apply(db, ring, APPLICANT, world.application(name=name), AT) is SupplierRefusal.NAME_TAKEN


def overturn(db, party_id, measure):
    assert party.appeal(db, APPLICANT, party_id, measure.id, "弄错了", AT) is None
    [asked] = party.appeals(db, party_id, is_open=True)
    assert party.decide_appeal(db, OTHER, asked.id, "upheld", WHY, AT) is None


def test_the_numbers_of_one_that_is_barred_stay_barred_whatever_its_name(db, ring):
    told = world.application()
    first = party.apply(db, ring, APPLICANT, told, AT)
    party.sanction(db, REVIEWER, first.party_id, world.measure("blacklist"), AT)
    assert party.apply(db, ring, APPLICANT, told, AT) is SupplierRefusal.BLACKLISTED
    for same in ({"number": told.number}, {"phone": told.phone}):
        again = world.application(**{"name": told.name, **same})
        assert party.apply(db, ring, APPLICANT, again, AT) is SupplierRefusal.BLACKLISTED


def test_nobody_withdraws_once_the_deposit_is_the_next_step(db, ring):
    party_id = world.signed(db, ring)
    assert party.withdraw(db, APPLICANT, party_id, WHY, AT) is SupplierRefusal.WRONG_STATE
    assert party.refuse(db, REVIEWER, party_id, WHY, AT) is SupplierRefusal.WRONG_STATE
    assert state(db, party_id) == "deposit"


def test_a_review_begins_only_when_nothing_is_missing(db, ring):
    party_id = world.applied(db, ring)
    assert party.begin_review(db, ring, APPLICANT, party_id, AT) == [
        Lack.BUSINESS_LICENCE, Lack.LEGAL_REPRESENTATIVE, Lack.BENEFICIAL_OWNER, Lack.IDENTITY, Lack.BANK_ACCOUNT,
    ]  # fmt: skip
    assert state(db, party_id) == "applied"


def test_a_paper_that_has_lapsed_is_missing(db, ring):
    party_id = world.with_papers(db, ring)
    told = world.paper("business_licence", valid_to=date(2026, 11, 2))
    assert isinstance(party.submit(db, ring, APPLICANT, party_id, told, AT), party.Document)
    midnight = datetime(2026, 11, 3, tzinfo=SHANGHAI)
    assert party.supplier_file(db, party_id, midnight - timedelta(seconds=1)).lacks == []
    assert party.supplier_file(db, party_id, midnight).lacks == [Lack.BUSINESS_LICENCE]
    late = world.paper("business_licence", valid_to=date(2026, 11, 1))
    assert party.submit(db, ring, APPLICANT, party_id, late, AT) is SupplierRefusal.EXPIRED


@pytest.mark.parametrize("kind", ["identity", "bank_proof"])
def test_sensitive_papers_need_a_consent_of_their_own(db, ring, kind):
    """C-51."""
    party_id = world.applied(db, ring)
    assert party.submit(db, ring, APPLICANT, party_id, world.paper(kind), AT) is SupplierRefusal.NO_CONSENT
    assert party.documents(db, party_id) == []
    purpose = {"identity": "identity_document", "bank_proof": "bank_account"}[kind]
    party.give_consent(db, APPLICANT, f"party {party_id}", purpose, "我同意", AT)
    assert isinstance(party.submit(db, ring, APPLICANT, party_id, world.paper(kind), AT), party.Document)
    party.withdraw_consent(db, APPLICANT, f"party {party_id}", purpose, AT)
    assert party.submit(db, ring, APPLICANT, party_id, world.paper(kind), AT) is SupplierRefusal.NO_CONSENT


def test_a_number_of_a_person_behind_needs_the_consent_that_names_it(db, ring):
    """C-51: the number of an ID card, before its image is even asked for."""
    party_id, told = world.applied(db, ring), ("legal_representative", "张三", world.person_number(), 0)
    assert party.set_principal(db, ring, APPLICANT, party_id, told, AT) is SupplierRefusal.NO_CONSENT
    assert party.principals(db, party_id) == []
    party.give_consent(db, APPLICANT, f"party {party_id}", "identity_document", "我同意", AT)
    assert isinstance(party.set_principal(db, ring, APPLICANT, party_id, told, AT), party.Principal)


def test_a_bank_account_needs_consent_and_its_own_name(db, ring):
    """C-51, C-63."""
    party_id = world.applied(db, ring)
    name = party.party(db, party_id).name
    told = (name, "招商银行", "571900012345678")
    assert party.set_bank_account(db, ring, APPLICANT, party_id, told, AT) is SupplierRefusal.NO_CONSENT
    party.give_consent(db, APPLICANT, f"party {party_id}", "bank_account", "我同意", AT)
    other = ("另一家公司", "招商银行", "571900012345678")
    assert party.set_bank_account(db, ring, APPLICANT, party_id, other, AT) is SupplierRefusal.NOT_OWN_NAME
    assert party.bank_account(db, party_id) is None
    made = party.set_bank_account(db, ring, APPLICANT, party_id, told, AT)
    assert (made.tail, made.state) == ("5678", "unproven")
    assert b"571900012345678" not in made.number


def test_a_person_behind_is_grown_up_and_has_a_right_number(db, ring):
    party_id = world.applied(db, ring)
    party.give_consent(db, APPLICANT, f"party {party_id}", "identity_document", "我同意", AT)
    young = ("legal_representative", "李四", world.person_number("20100101"), 0)
    assert party.set_principal(db, ring, APPLICANT, party_id, young, AT) is SupplierRefusal.NOT_GROWN_UP
    wrong = ("legal_representative", "李四", "110105194912310021", 0)
    assert party.set_principal(db, ring, APPLICANT, party_id, wrong, AT) is SupplierRefusal.WRONG_NUMBER
    assert party.principals(db, party_id) == []


def test_behind_whoever_is_not_registered_stands_nobody_else(db, ring):
    """Applied for under one number, verified under another's: the name on the shelf would be a stranger's."""
    own, other = world.person_number(), world.person_number()
    party_id = world.applied(db, ring, number=own, is_registered=False)
    party.give_consent(db, APPLICANT, f"party {party_id}", "identity_document", "我同意", AT)
    for role in ("beneficial_owner", "legal_representative"):
        told = (role, "别人", other, 0)
        assert party.set_principal(db, ring, APPLICANT, party_id, told, AT) is SupplierRefusal.WRONG_NUMBER
    assert party.principals(db, party_id) == []
    told = ("legal_representative", "本人", own, 0)
    assert isinstance(party.set_principal(db, ring, APPLICANT, party_id, told, AT), party.Principal)


def test_a_right_number_is_not_a_verified_one(db, ring):
    """§2.4: only an answer from outside verifies."""
    party_id = world.in_review(db, ring)
    for one in party.documents(db, party_id):
        party.decide_document(db, REVIEWER, one.id, "accepted", "", AT)
    assert party.accept(db, REVIEWER, party_id, WHY, AT) is SupplierRefusal.NOT_VERIFIED
    for wrong in ("mismatched", "not_found", "cancelled"):
        world.prove(db, party_id, AT, wrong)
        assert party.accept(db, REVIEWER, party_id, WHY, AT) is SupplierRefusal.NOT_VERIFIED
    world.prove(db, party_id, AT + timedelta(seconds=1))
    assert party.accept(db, REVIEWER, party_id, WHY, AT + timedelta(seconds=1)) is None


def test_the_newest_answer_counts_and_an_old_one_does_not(db, ring):
    party_id = world.looked_at(db, ring)
    later = AT + timedelta(days=31)
    assert party.accept(db, REVIEWER, party_id, WHY, later) is SupplierRefusal.NOT_VERIFIED
    world.prove(db, party_id, AT + timedelta(hours=1), "cancelled")
    assert party.accept(db, REVIEWER, party_id, WHY, AT + timedelta(hours=1)) is SupplierRefusal.NOT_VERIFIED


def test_papers_are_accepted_one_by_one_before_a_supplier_is(db, ring):
    party_id = world.in_review(db, ring)
    world.prove(db, party_id)
    assert party.accept(db, REVIEWER, party_id, WHY, AT) is SupplierRefusal.INCOMPLETE


def test_a_judgement_has_a_reason_and_evidence(db, ring):
    party_id = world.looked_at(db, ring)
    for why in (("", HASH), ("好", "")):
        assert party.accept(db, REVIEWER, party_id, why, AT) is SupplierRefusal.NO_REASON
    assert state(db, party_id) == "kyb_review"


def test_nobody_reviews_their_own_organisation(site, dsn, ring):
    from kashu.party.models import Person

    person = Person.objects.create_user(f"{make.name('in')}@kashu.example", "x" * 12, name="甲", role="operator")
    with connect(dsn, autocommit=False) as db:
        db.execute("SELECT")
        party_id = world.looked_at(db, ring)
        party.add_member(db, APPLICANT, party_id, person.pk, AT)
        insider = audit.Actor("person", person.email)
        assert party.accept(db, insider, party_id, WHY, AT) is SupplierRefusal.SAME_PERSON
        assert party.accept(db, REVIEWER, party_id, WHY, AT) is None
        db.rollback()


def test_a_high_risk_takes_two_different_reviewers(db, ring):
    """ASVS 2.3.5."""
    party_id = world.looked_at(db, ring)
    assert party.set_risk(db, REVIEWER, party_id, "high", "新公司", AT) is None
    assert party.accept(db, REVIEWER, party_id, WHY, AT) is SupplierRefusal.NEEDS_TWO
    asked = party.ask_accept(db, REVIEWER, party_id, WHY, solo_wait_seconds=None, at=AT)
    assert party.confirm_accept(db, REVIEWER, asked.id, AT, is_alone=False) is ApprovalRefusal.SAME_PERSON
    assert state(db, party_id) == "kyb_review"
    assert party.confirm_accept(db, OTHER, asked.id, AT, is_alone=False) is None
    assert state(db, party_id) == "contract"


def test_a_high_risk_is_not_called_less_by_one_person(db, ring):
    """Whoever may pass a supplier alone at a medium risk could otherwise call a high one medium first."""
    party_id = world.looked_at(db, ring)
    party.set_risk(db, REVIEWER, party_id, "high", "新公司", AT)
    for risk in ("medium", "low"):
        assert party.set_risk(db, REVIEWER, party_id, risk, "看过了", AT) is SupplierRefusal.NEEDS_TWO
    assert party.accept(db, REVIEWER, party_id, WHY, AT) is SupplierRefusal.NEEDS_TWO
    asked = party.ask_lower_risk(db, REVIEWER, party_id, ("medium", "看过了"), solo_wait_seconds=None, at=AT)
    assert party.confirm_lower_risk(db, REVIEWER, asked.id, AT, is_alone=False) is ApprovalRefusal.SAME_PERSON
    assert party.supplier(db, party_id).risk == "high"
    assert party.confirm_lower_risk(db, OTHER, asked.id, AT, is_alone=False) is None
    assert party.supplier(db, party_id).risk == "medium"
    assert party.confirm_lower_risk(db, OTHER, asked.id, AT, is_alone=False) is ApprovalRefusal.GONE


def test_alone_a_high_risk_waits(db, ring):
    """Design §5a: solo mode."""
    party_id = world.looked_at(db, ring)
    party.set_risk(db, REVIEWER, party_id, "high", "新公司", AT)
    asked = party.ask_accept(db, REVIEWER, party_id, WHY, solo_wait_seconds=600, at=AT)
    soon, late = AT + timedelta(seconds=599), AT + timedelta(seconds=600)
    assert party.confirm_accept(db, REVIEWER, asked.id, soon, is_alone=True) is ApprovalRefusal.TOO_EARLY
    assert party.confirm_accept(db, REVIEWER, asked.id, late, is_alone=True) is None


def test_what_changed_between_two_reviewers_is_seen(db, ring):
    party_id = world.looked_at(db, ring)
    party.set_risk(db, REVIEWER, party_id, "high", "新公司", AT)
    asked = party.ask_accept(db, REVIEWER, party_id, WHY, solo_wait_seconds=None, at=AT)
    world.prove(db, party_id, AT + timedelta(hours=1), "mismatched")
    later = AT + timedelta(hours=2)
    assert party.confirm_accept(db, OTHER, asked.id, later, is_alone=False) is SupplierRefusal.NOT_VERIFIED
    assert state(db, party_id) == "kyb_review"


@pytest.mark.parametrize("change", ["sent back", "paper", "account", "person", "address"])
def test_a_first_reviewers_yes_is_to_what_was_there_and_to_nothing_later(db, ring, change):
    party_id = world.looked_at(db, ring)
    party.set_risk(db, REVIEWER, party_id, "high", "新公司", AT)
    asked = party.ask_accept(db, REVIEWER, party_id, WHY, solo_wait_seconds=None, at=AT)
    later = AT + timedelta(hours=1)
    if change == "sent back":
        party.send_back(db, REVIEWER, party_id, ("再看", ""), later)
        party.begin_review(db, ring, APPLICANT, party_id, later)
    elif change == "paper":
        new = party.submit(db, ring, APPLICANT, party_id, world.paper("business_licence"), later)
        party.decide_document(db, OTHER, new.id, "accepted", "", later)
    elif change == "account":
        told = (party.party(db, party_id).name, "别的银行", f"6217{next(world.serial):011d}")
        party.set_bank_account(db, ring, APPLICANT, party_id, told, later)
    elif change == "person":
        told = ("legal_representative", "李四", world.person_number(), 0)
        party.set_principal(db, ring, APPLICANT, party_id, told, later)
    else:
        party.set_particulars(db, APPLICANT, party_id, "深圳市别处 1 号", "0755-1", later)
    world.prove(db, party_id, later)
    assert party.confirm_accept(db, OTHER, asked.id, later, is_alone=False) is ApprovalRefusal.GONE
    assert state(db, party_id) == "kyb_review"
    again = party.ask_accept(db, REVIEWER, party_id, WHY, solo_wait_seconds=None, at=later)
    assert party.confirm_accept(db, OTHER, again.id, later, is_alone=False) is None


def test_an_application_can_go_back_and_come_again(db, ring):
    party_id = world.in_review(db, ring)
    assert party.send_back(db, REVIEWER, party_id, ("", ""), AT) is SupplierRefusal.NO_REASON
    assert party.send_back(db, REVIEWER, party_id, ("执照不清楚", ""), AT) is None
    assert state(db, party_id) == "applied"
    assert party.begin_review(db, ring, APPLICANT, party_id, AT) is None


def test_no_deposit_without_an_agreement(db, ring):
    """C-34: refused by the service, and by the database."""
    party_id = world.applied(db, ring)
    refusal = world.move_deposit(db, party_id, 100)
    assert refusal is SupplierRefusal.NO_AGREEMENT
    insert = """INSERT INTO party_deposit (id, party_id, kind, version, flow, amount_fen, reference, noted_by, noted_at)
    VALUES (gen_random_uuid(), %s, 'deposit', 1, 'in', 100, 'x', 'x', now())"""
    with pytest.raises(psycopg.errors.ForeignKeyViolation), db.transaction():
        db.execute(insert, [party_id])


@pytest.mark.parametrize("left_out", ["deposit_fen", "management", "usage", "refund"])
def test_a_deposit_agreement_names_amount_management_use_and_refund(db, left_out):
    """C-34."""
    from dataclasses import replace

    whole = party.Contract("deposit", 0, "保证金协议", "全文", 1, "存管", "赔付", "退还", "", "", AT)
    lame = replace(whole, **{left_out: 0 if left_out == "deposit_fen" else ""})
    with pytest.raises(psycopg.errors.CheckViolation), db.transaction():
        party.publish_contract(db, REVIEWER, lame, AT)


def test_a_deposit_is_booked_and_guarded(db, ring):
    party_id = world.signed(db, ring)
    due, reference = party.deposit(db, party_id).due_fen, make.name("bank")
    assert party.activate(db, REVIEWER, party_id, WHY, AT) is SupplierRefusal.DEPOSIT_SHORT
    assert world.move_deposit(db, party_id, due - 1, reference) is None
    assert world.move_deposit(db, party_id, 1, f" {reference.lower()} ") is SupplierRefusal.REFERENCE_TAKEN
    assert party.activate(db, REVIEWER, party_id, WHY, AT) is SupplierRefusal.DEPOSIT_SHORT
    assert world.move_deposit(db, party_id, 1) is None
    told = """SELECT guarded.balance_fen, guarded.floor_fen FROM ledger_guarded AS guarded
    JOIN ledger_account AS account ON account.id = guarded.account_id WHERE account.code = %s"""
    assert db.execute(told, [f"deposit:{party_id}"]).fetchall() == [(due, 0)]
    assert [fault for fault in ledger.check(db) if str(party_id) in fault.where] == []
    assert party.activate(db, REVIEWER, party_id, WHY, AT) is None


def asked_deposit(db, party_id, fen=1_000_000, by=REVIEWER, wait=None, flow="in"):
    told = (flow, fen, make.name("bank"))
    return party.ask_deposit(db, by, party_id, told, solo_wait_seconds=wait, at=AT)


def test_a_deposit_takes_two_persons(db, ring):
    """C-34: nothing is booked on one person's word, and the trail names both."""
    party_id = world.signed(db, ring)
    asked = asked_deposit(db, party_id)
    assert party.deposit(db, party_id).held_fen == 0
    refusal = party.confirm_deposit(db, REVIEWER, asked.id, AT, is_alone=False)
    assert (refusal, party.deposit(db, party_id).held_fen) == (ApprovalRefusal.SAME_PERSON, 0)
    assert party.confirm_deposit(db, OTHER, asked.id, AT, is_alone=False) is None
    assert party.deposit(db, party_id).held_fen == 1_000_000
    assert party.confirm_deposit(db, OTHER, asked.id, AT, is_alone=False) is ApprovalRefusal.GONE
    [told] = [one for one in audit.entries_of(db, 0, "party", str(party_id)) if one.verb == "supplier.deposit_in"]
    assert (told.actor, told.after["noted_by"]) == (OTHER.name, REVIEWER.name)


def test_a_sole_operator_waits_before_a_deposit_is_booked(db, ring):
    party_id = world.signed(db, ring)
    asked = asked_deposit(db, party_id, wait=600)
    early = party.confirm_deposit(db, REVIEWER, asked.id, AT + timedelta(seconds=599), is_alone=True)
    assert (early, party.deposit(db, party_id).held_fen) == (ApprovalRefusal.TOO_EARLY, 0)
    assert party.confirm_deposit(db, REVIEWER, asked.id, AT + timedelta(seconds=600), is_alone=True) is None
    assert party.deposit(db, party_id).held_fen == 1_000_000


def test_a_deposit_that_was_taken_back_is_not_booked_and_may_be_noted_again(db, ring):
    party_id = world.signed(db, ring)
    asked = asked_deposit(db, party_id)
    again = ("in", 1, asked.object_id.lower())
    waiting = party.ask_deposit(db, OTHER, party_id, again, solo_wait_seconds=None, at=AT)
    assert waiting is ApprovalRefusal.ALREADY_ASKED
    assert party.cancel_deposit(db, REVIEWER, asked.id, AT) is None
    assert party.confirm_deposit(db, OTHER, asked.id, AT, is_alone=False) is ApprovalRefusal.GONE
    assert party.deposit(db, party_id).held_fen == 0
    assert isinstance(party.ask_deposit(db, OTHER, party_id, again, solo_wait_seconds=None, at=AT), audit.Approval)


def test_what_stands_in_the_way_of_a_deposit_is_looked_at_again_when_it_is_confirmed(db, ring):
    party_id = world.signed(db, ring)
    asked = asked_deposit(db, party_id)
    party.sanction(db, REVIEWER, party_id, world.measure("blacklist"), AT)
    refusal = party.confirm_deposit(db, OTHER, asked.id, AT, is_alone=False)
    assert (refusal, party.deposit(db, party_id).held_fen) == (SupplierRefusal.WRONG_STATE, 0)


def test_a_deposit_is_no_other_approval(db, ring):
    party_id = world.looked_at(db, ring)
    party.set_risk(db, REVIEWER, party_id, "high", "新公司", AT)
    other = party.ask_accept(db, REVIEWER, party_id, WHY, solo_wait_seconds=None, at=AT)
    assert party.confirm_deposit(db, OTHER, other.id, AT, is_alone=False) is ApprovalRefusal.GONE
    assert party.cancel_deposit(db, OTHER, other.id, AT) is ApprovalRefusal.GONE


def test_an_account_that_is_not_proven_does_not_open_the_shop(db, ring):
    """C-63: a new account has to be proven again."""
    party_id = world.signed(db, ring)
    world.move_deposit(db, party_id, 1_000_000)
    told = (party.party(db, party_id).name, "工商银行", f"6222{next(world.serial):011d}")
    party.set_bank_account(db, ring, APPLICANT, party_id, told, AT)
    assert party.activate(db, REVIEWER, party_id, WHY, AT) is SupplierRefusal.NOT_VERIFIED


def another_account(db, ring, party_id, number=None):
    told = (party.party(db, party_id).name, "工商银行", number or f"6222{next(world.serial):011d}")
    return party.set_bank_account(db, ring, APPLICANT, party_id, told, AT)


def test_another_account_is_proven_anew_and_the_old_one_kept_until_then(db, ring):
    """§2.1, C-63: payouts stand still meanwhile; once the new one is proven, the old one is over."""
    party_id = world.active(db, ring)
    old = party.bank_account(db, party_id)
    new = another_account(db, ring, party_id)
    assert (old.state, new.state) == ("proven", "unproven")
    assert Cause.ACCOUNT in compliance.standing(db, party_id, "membership", AT).causes
    assert party.kept_bank_account(db, party_id).id == old.id
    third = another_account(db, ring, party_id)
    assert party.kept_bank_account(db, party_id).id == old.id, "one that was never proven is not kept"
    world.prove(db, party_id)
    assert (party.bank_account(db, party_id).id, party.kept_bank_account(db, party_id)) == (third.id, None)
    assert party.bank_account(db, party_id).state == "proven"
    assert Cause.ACCOUNT not in compliance.standing(db, party_id, "membership", AT).causes


def test_an_account_that_is_kept_is_screened_as_well(db, ring):
    """C-60: it may count again."""
    party_id = world.active(db, ring)
    old = party.bank_account(db, party_id)
    another_account(db, ring, party_id)
    number = ring.open_personal(old.number, f"bank account {old.id}")
    listed = party.Listed("某人", ids=(number,))
    party.load_list(db, ring, REVIEWER, make.name("list"), HASH[:56] + make.SEED[:4] + "0000", [listed], AT)
    assert party.screen(db, ring, [party_id], AT) == 1
    assert [one.subject for one in party.hits(db, party_id)] == [f"account {old.id}"]


@pytest.mark.parametrize("state", ["mismatched", "not_found", "cancelled"])
def test_an_account_that_is_not_the_suppliers_own_leaves_the_old_one(db, ring, state):
    party_id = world.active(db, ring)
    old = party.bank_account(db, party_id)
    another_account(db, ring, party_id)
    world.prove(db, party_id, state=state)
    held = party.bank_account(db, party_id)
    assert (held.id, held.state, held.proven_at) == (old.id, "proven", old.proven_at)
    trail = "SELECT count(*) FROM audit_entry WHERE verb = 'supplier.bank_account.restore' AND object_id = %s"
    assert value(db, trail, [str(party_id)]) == 1


def test_the_account_that_was_proven_is_proven_when_it_is_named_again(db, ring):
    party_id = world.active(db, ring)
    number = f"6222{next(world.serial):011d}"
    another_account(db, ring, party_id, number)
    world.prove(db, party_id)
    own = party.bank_account(db, party_id)
    assert another_account(db, ring, party_id, number) == own, "nothing has changed"
    another_account(db, ring, party_id)
    assert another_account(db, ring, party_id, number) == own
    assert party.kept_bank_account(db, party_id) is None


def test_an_account_that_is_not_proven_at_first_stays_to_be_proven(db, ring):
    """There is none to go back to."""
    party_id = world.in_review(db, ring)
    world.prove(db, party_id, state="mismatched")
    assert party.bank_account(db, party_id).state == "unproven"


def test_a_person_nobody_has_verified_does_not_open_the_shop(db, ring):
    """Reviewed with one representative, opened with another."""
    party_id = world.signed(db, ring)
    world.move_deposit(db, party_id, 1_000_000)
    told = ("legal_representative", "李四", world.person_number(), 0)
    party.set_principal(db, ring, APPLICANT, party_id, told, AT)
    assert party.activate(db, REVIEWER, party_id, WHY, AT) is SupplierRefusal.NOT_VERIFIED
    assert state(db, party_id) == "deposit"
    world.prove(db, party_id)
    assert party.activate(db, REVIEWER, party_id, WHY, AT) is None


def test_a_signature_is_on_the_version_in_force(db, ring):
    party_id = world.looked_at(db, ring)
    party.accept(db, REVIEWER, party_id, WHY, AT)
    old = world.contracts(db)[0]
    party.publish_contract(db, REVIEWER, old, AT)
    assert party.sign(db, APPLICANT, party_id, old.sha256, AT) is None  # the same text has the same hash
    changed = party.Contract("supply", 0, "供货合同", "另一个全文", 0, "", "", "", "", "", AT)
    party.publish_contract(db, REVIEWER, changed, AT)
    assert party.sign(db, APPLICANT, party_id, old.sha256, AT) is SupplierRefusal.NO_AGREEMENT


@pytest.mark.parametrize(
    ("verified", "last_day"),
    [
        ((2026, 8, 31), date(2027, 2, 28)),
        ((2027, 8, 31), date(2028, 2, 29)),
        ((2026, 11, 2), date(2027, 5, 2)),
        ((2026, 12, 31), date(2027, 6, 30)),
    ],
)
def test_a_verification_counts_for_six_months_to_midnight_in_shanghai(verified, last_day):
    """C-10."""
    verified_at = datetime(*verified, 23, 59, tzinfo=SHANGHAI)
    assert rules.reverify_on(verified_at) == last_day
    midnight = datetime(last_day.year, last_day.month, last_day.day, tzinfo=SHANGHAI) + timedelta(days=1)
    assert not party.is_reverify_due(verified_at, midnight - timedelta(microseconds=1))
    assert party.is_reverify_due(verified_at, midnight)
    assert party.is_reverify_due(None, midnight)


def test_for_years_a_supplier_is_looked_at_every_six_months(db, ring):
    """C-10, C-60: each look asks authorities and lists again, and moves the day on."""
    party_id = world.active(db, ring)
    at = AT
    for _ in range(10):
        due = datetime.combine(rules.reverify_on(at), datetime.min.time(), SHANGHAI) + timedelta(days=1)
        assert party.reverify(db, ring, REVIEWER, party_id, WHY, due) is SupplierRefusal.NOT_VERIFIED
        assert party_id in {one.party_id for one in party.due_suppliers(db, due - timedelta(days=150))}
        world.prove(db, party_id, due)
        assert party.reverify(db, ring, REVIEWER, party_id, WHY, due) is None
        assert party.supplier(db, party_id).verified_at == due
        assert party.screened_at(db, party_id) == due
        at = due
    assert at > AT + 4 * YEAR
    assert trail(db, party_id).count("supplier.reverify") == 10


@pytest.mark.parametrize(("sold_days", "free_days"), [(None, 90), (-30, 60), (10, 100)])
def test_an_exit_locks_the_deposit_for_ninety_days_after_the_last_sale(db, ring, sold_days, free_days):
    party_id = world.active(db, ring)
    assert party.leave(db, APPLICANT, party_id, ("业务调整", ""), AT) is None
    last_sale = None if sold_days is None else AT + timedelta(days=sold_days)
    free = AT + timedelta(days=free_days)
    back = {"flow": "back", "last_sale_at": last_sale}
    early = world.move_deposit(db, party_id, 1_000_000, at=free - timedelta(seconds=1), **back)
    assert early is SupplierRefusal.DEPOSIT_LOCKED
    assert party.close(db, REVIEWER, party_id, WHY, free) is SupplierRefusal.DEPOSIT_LOCKED
    assert world.move_deposit(db, party_id, 1_000_001, at=free, **back) is SupplierRefusal.DEPOSIT_SHORT
    assert world.move_deposit(db, party_id, 1_000_000, at=free, **back) is None
    assert party.deposit(db, party_id).held_fen == 0
    assert party.close(db, REVIEWER, party_id, WHY, free) is None
    assert state(db, party_id) == "closed"
    assert [fault for fault in ledger.check(db) if str(party_id) in fault.where] == []


@pytest.mark.parametrize("begin", [world.left, world.gone])
def test_no_deposit_is_taken_from_who_is_gone(db, ring, begin):
    party_id = begin(db, ring)
    held = party.deposit(db, party_id).held_fen
    taken = world.move_deposit(db, party_id, 100)
    assert (taken, party.deposit(db, party_id).held_fen) == (SupplierRefusal.WRONG_STATE, held)


def test_while_trading_no_deposit_is_given_back(db, ring):
    party_id = world.active(db, ring)
    assert world.move_deposit(db, party_id, 1, flow="back", at=AT + YEAR) is SupplierRefusal.WRONG_STATE


def test_the_table_of_moves_is_the_one_agreed_on():
    """§2.2, and the three ways back that an upheld appeal opens."""
    way = ("applied", "kyb_review", "contract", "deposit", "active")
    assert all(rules.LIFE.allows(before, after) for before, after in itertools.pairwise(way))
    assert all(rules.LIFE.allows(one, "blacklisted") for one in rules.LIFE.table if one != "blacklisted")
    assert rules.LIFE.table["closed"] == {"blacklisted"}
    assert not rules.LIFE.allows("applied", "active")
    assert not rules.LIFE.allows("closed", "active")
    with pytest.raises(AssertionError):
        rules.LIFE.check("exiting", "active")


VERBS = ("begin", "back", "accept", "sign", "deposit", "activate", "throttle", "pause", "close", "blacklist", "lift",
         "tick", "leave", "give_back", "shut", "reverify", "hit", "appeal")  # fmt: skip


@settings(deadline=None, max_examples=40)
@example(["begin", "begin", "begin", "blacklist", "leave"], 0)
@given(st.lists(st.sampled_from(VERBS), min_size=5, max_size=30), st.integers(0, 2))
def test_whatever_is_done_a_supplier_moves_by_the_table_only(house, steps, start):
    """Property: any mix of verbs. Each move is one of the table, has its audit row, and the books stay whole."""
    with connect(house.dsn, autocommit=False) as db:
        db.execute("SELECT")
        ring, at = house.ring, AT
        begin = (world.with_papers, world.looked_at, world.active)[start]
        party_id = begin(db, ring)
        for step in steps:
            before, at = state(db, party_id), at + timedelta(days=7)
            _do(db, ring, party_id, step, at)
            after = state(db, party_id)
            moved = [e for e in audit.entries_of(db, 0, "party", str(party_id), 2_000)
                     if e.at == at and e.verb.removeprefix("supplier.") in rules.LIFE.table and "state" in (e.before or {})]  # fmt: skip
            path = [moved[0].before["state"], *(e.after["state"] for e in moved)] if moved else [before]
            assert path[0] == before
            assert path[-1] == after
            assert all(rules.LIFE.allows(a, b) for a, b in itertools.pairwise(path))
            found = party.supplier(db, party_id)
            assert found.state not in ("active", "restricted") or found.verified_at is not None
            in_force = {one.grade for one in party.sanctions(db, party_id) if one.state == "in_force"}
            assert after != "active" or not in_force & {"throttle", "pause", "close", "blacklist"}
            assert ("blacklist" in in_force) == (after == "blacklisted")
        assert party.deposit(db, party_id).held_fen >= 0
        db.rollback()


def _do(db, ring, party_id, step, at):
    in_force = [one for one in party.sanctions(db, party_id) if one.state == "in_force"]
    if step in ("throttle", "pause"):
        party.sanction(db, REVIEWER, party_id, world.measure(step, at + timedelta(days=10)), at)
    elif step in ("close", "blacklist"):
        party.sanction(db, REVIEWER, party_id, world.measure(step), at)
    elif step == "lift" and in_force:
        party.lift(db, REVIEWER, in_force[0].id, WHY, at)
    elif step == "appeal" and in_force:
        party.appeal(db, APPLICANT, party_id, in_force[0].id, "不是我们", at)
        for one in party.appeals(db, party_id, is_open=True):
            party.decide_appeal(db, OTHER, one.id, "upheld", WHY, at)
    elif step == "hit":
        name = party.party(db, party_id).name
        party.load_list(db, ring, REVIEWER, "test-list", HASH[:60] + make.SEED[:4], [party.Listed(name)], at)
        party.screen(db, ring, [party_id], at)
    elif step == "sign":
        for one in world.contracts(db, at):
            party.sign(db, APPLICANT, party_id, one.sha256, at)
    elif step in ("accept", "reverify"):
        world.prove(db, party_id, at)
        do = {"accept": lambda: party.accept(db, REVIEWER, party_id, WHY, at),
              "reverify": lambda: party.reverify(db, ring, REVIEWER, party_id, WHY, at)}  # fmt: skip
        do[step]()
    else:
        {
            "begin": lambda: party.begin_review(db, ring, APPLICANT, party_id, at),
            "back": lambda: party.send_back(db, REVIEWER, party_id, WHY, at),
            "deposit": lambda: world.move_deposit(db, party_id, 1_000_000, at=at),
            "activate": lambda: party.activate(db, REVIEWER, party_id, WHY, at),
            "tick": lambda: party.lift_due(db, at),
            "leave": lambda: party.leave(db, APPLICANT, party_id, WHY, at),
            "give_back": lambda: world.move_deposit(db, party_id, 1_000_000, flow="back", at=at),
            "shut": lambda: party.close(db, REVIEWER, party_id, WHY, at),
        }.get(step, lambda: None)()
