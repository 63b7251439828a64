"""Sanctions by grade (C-15) and lists (C-60): what they do, how they end, who may end them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kashu import audit, cards, party
from kashu.audit import ApprovalRefusal
from kashu.kernel import clock
from kashu.kernel.db import connect
from kashu.kernel.text import sha256_hex
from kashu.party import Listed, SupplierRefusal
from kashu.party.rules.screening import normal
from tests import make
from tests.party import world
from tests.party.world import APPLICANT, AT, HASH, OTHER, REVIEWER, WHY, measure, state

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("grade", "after", "is_held"),
    [("warning", "active", False), ("throttle", "restricted", False), ("pause", "suspended", True)],
)
def test_a_sanction_with_a_term_is_lifted_by_the_clock(db, ring, grade, after, is_held):
    party_id = world.active(db, ring)
    end = AT + 30 * DAY
    made = party.sanction(db, REVIEWER, party_id, measure(grade, end), AT)
    assert (made.reason, made.ends_at, made.is_public) == ("虚假发货", end, True)
    assert (state(db, party_id), party.supplier(db, party_id).is_payout_held) == (after, is_held)
    party.lift_due(db, end - timedelta(seconds=1))
    assert state(db, party_id) == after
    assert party.lift_due(db, end) >= 1
    assert (state(db, party_id), party.supplier(db, party_id).is_payout_held) == ("active", False)
    assert party.sanctions(db, party_id)[0].state == "ended"
    assert party.lift_due(db, end) == 0


def test_the_graver_of_two_sanctions_counts_until_it_ends(db, ring):
    party_id = world.active(db, ring)
    party.sanction(db, REVIEWER, party_id, measure("throttle", AT + 60 * DAY), AT)
    party.sanction(db, REVIEWER, party_id, measure("pause", AT + 10 * DAY), AT)
    assert state(db, party_id) == "suspended"
    party.lift_due(db, AT + 10 * DAY)
    assert state(db, party_id) == "restricted"
    party.lift_due(db, AT + 60 * DAY)
    assert state(db, party_id) == "active"


@pytest.mark.parametrize(
    ("grade", "ends_in"),
    [("warning", None), ("throttle", None), ("pause", None), ("pause", 0), ("pause", 366), ("close", 30),
     ("blacklist", 30), ("fine", 30)],
)  # fmt: skip
def test_a_term_fits_its_grade(db, ring, grade, ends_in):
    party_id = world.active(db, ring)
    ends_at = None if ends_in is None else AT + ends_in * DAY
    assert party.sanction(db, REVIEWER, party_id, measure(grade, ends_at), AT) is SupplierRefusal.WRONG_TERM
    assert party.sanctions(db, party_id) == []


@pytest.mark.parametrize("left_out", ["ground", "reason", "evidence"])
def test_a_sanction_says_why(db, ring, left_out):
    party_id = world.active(db, ring)
    told = measure("pause", AT + DAY, **{left_out: ""})
    assert party.sanction(db, REVIEWER, party_id, told, AT) is SupplierRefusal.NO_REASON
    assert state(db, party_id) == "active"


def test_closing_is_an_exit(db, ring):
    party_id = world.active(db, ring)
    party.sanction(db, REVIEWER, party_id, measure("close"), AT)
    assert state(db, party_id) == "exiting"
    assert party.supplier(db, party_id).exiting_at == AT


def test_the_blacklisted_do_not_leave_by_themselves(db, ring):
    """An appeal leads from the blacklist to an exit; an exit leads off no list."""
    party_id = world.active(db, ring)
    party.sanction(db, REVIEWER, party_id, measure("blacklist"), AT)
    assert party.leave(db, REVIEWER, party_id, world.WHY, AT) is SupplierRefusal.WRONG_STATE
    assert state(db, party_id) == "blacklisted"


def test_a_blacklisted_party_does_not_come_back_under_any_of_its_marks(db, ring):
    """C-15: credit code, ID card, bank account, phone."""
    told = world.application(phone="13900001111")
    first = party.apply(db, ring, APPLICANT, told, AT).party_id
    for purpose in ("identity_document", "bank_account"):
        party.give_consent(db, APPLICANT, f"party {first}", purpose, "我同意", AT)
    number, account = world.person_number(), f"6222{next(world.serial):011d}"
    person = ("legal_representative", "张三", number, 0)
    party.set_principal(db, ring, APPLICANT, first, person, AT)
    party.set_bank_account(db, ring, APPLICANT, first, (told.name, "招商银行", account), AT)
    party.sanction(db, REVIEWER, first, measure("blacklist"), AT)
    assert state(db, first) == "blacklisted"
    for again in (world.application(number=told.number), world.application(phone=told.phone)):
        assert party.apply(db, ring, APPLICANT, again, AT) is SupplierRefusal.BLACKLISTED
    for phone in ("+86 139-0000-1111", "008613900001111", "139 0000 1111", "１３９００００１１１１"):
        again = world.application(phone=phone)
        assert party.apply(db, ring, APPLICANT, again, AT) is SupplierRefusal.BLACKLISTED, phone
    alone = world.application(number=number, is_registered=False)
    assert party.apply(db, ring, APPLICANT, alone, AT) is SupplierRefusal.BLACKLISTED
    other = world.applied(db, ring)
    for purpose in ("identity_document", "bank_account"):
        party.give_consent(db, APPLICANT, f"party {other}", purpose, "我同意", AT)
    assert party.set_principal(db, ring, APPLICANT, other, person, AT) is SupplierRefusal.BLACKLISTED
    bank = (party.party(db, other).name, "招商银行", account)
    assert party.set_bank_account(db, ring, APPLICANT, other, bank, AT) is SupplierRefusal.BLACKLISTED
    assert party.principals(db, other) == []
    assert party.bank_account(db, other) is None


@pytest.mark.parametrize("mark", ["id", "bank", "phone"])
def test_whoever_applied_before_the_blacklisting_does_not_get_in_either(db, ring, mark):
    """C-15: two applications under the same persons, one of them blacklisted while the other is on its way."""
    told = {"id": {"id_number": world.person_number()}, "bank": {"bank_number": f"5719{next(world.serial):011d}"},
            "phone": {"phone": make.name("139")}}[mark]  # fmt: skip
    first = world.active(db, ring, **told)
    reviewed, deposited = world.looked_at(db, ring, **told), world.signed(db, ring, **told)
    world.move_deposit(db, deposited, 1_000_000)
    party.sanction(db, REVIEWER, first, measure("blacklist"), AT)
    assert party.accept(db, REVIEWER, reviewed, WHY, AT) is SupplierRefusal.BLACKLISTED
    assert party.activate(db, REVIEWER, deposited, WHY, AT) is SupplierRefusal.BLACKLISTED
    assert (state(db, reviewed), state(db, deposited)) == ("kyb_review", "deposit")


def test_a_blacklisting_is_reported_to_the_province_once(db, ring):
    party_id = world.active(db, ring)
    made = party.sanction(db, REVIEWER, party_id, measure("blacklist"), AT)
    assert made.id in {one.id for one in party.unreported(db)}
    assert party.report_blacklisting(db, REVIEWER, made.id, HASH, AT + DAY) is None
    assert made.id not in {one.id for one in party.unreported(db)}
    assert party.report_blacklisting(db, REVIEWER, made.id, HASH, AT + DAY) is SupplierRefusal.GONE


@pytest.mark.parametrize("grade", ["warning", "throttle", "pause", "close", "blacklist"])
def test_every_sanction_can_be_appealed_and_overturned(db, ring, grade):
    """C-15: every sanction has a way to appeal; upheld, everything is as it was."""
    party_id = world.active(db, ring)
    term = AT + 30 * DAY if grade in ("warning", "throttle", "pause") else None
    made = party.sanction(db, REVIEWER, party_id, measure(grade, term), AT)
    assert party.appeal(db, APPLICANT, party_id, made.id, "有物流凭证", AT) is None
    assert party.appeal(db, APPLICANT, party_id, made.id, "再说一次", AT) is SupplierRefusal.TOO_MANY
    [asked] = party.appeals(db, party_id, is_open=True)
    same = party.decide_appeal(db, REVIEWER, asked.id, "upheld", WHY, AT)
    assert same is SupplierRefusal.SAME_PERSON
    assert party.decide_appeal(db, OTHER, asked.id, "upheld", WHY, AT) is None
    assert (state(db, party_id), party.supplier(db, party_id).is_payout_held) == ("active", False)
    assert party.sanctions(db, party_id)[0].state == "overturned"


def overturn(db, party_id, made, at=AT):
    party.appeal(db, APPLICANT, party_id, made.id, "不是我们", at)
    [asked] = party.appeals(db, party_id, is_open=True)
    assert party.decide_appeal(db, OTHER, asked.id, "upheld", WHY, at) is None


@pytest.mark.parametrize(
    ("begin", "after"),
    [(world.applied, "applied"), (world.in_review, "applied"), (world.accepted, "contract"), (world.signed, "deposit"),
     (world.left, "exiting"), (world.gone, "closed"), (world.active, "active")],
)  # fmt: skip
def test_an_upheld_appeal_leads_back_to_where_a_supplier_stood_and_not_past_it(db, ring, begin, after):
    """Without a deposit, a proven account or a signature, nobody trades because they were wronged once."""
    party_id = begin(db, ring)
    exiting_at = party.supplier(db, party_id).exiting_at
    made = party.sanction(db, REVIEWER, party_id, measure("blacklist"), AT + DAY)
    assert state(db, party_id) == "blacklisted"
    overturn(db, party_id, made, AT + 2 * DAY)
    assert (state(db, party_id), party.supplier(db, party_id).exiting_at) == (after, exiting_at)


def test_what_was_overturned_while_it_was_blacklisted_counts_as_well(db, ring):
    party_id = world.active(db, ring)
    closed = party.sanction(db, REVIEWER, party_id, measure("close"), AT)
    barred = party.sanction(db, REVIEWER, party_id, measure("blacklist"), AT + DAY)
    overturn(db, party_id, closed, AT + 2 * DAY)
    assert state(db, party_id) == "blacklisted"
    overturn(db, party_id, barred, AT + 3 * DAY)
    assert state(db, party_id) == "active"


def test_nobody_judges_in_the_cause_of_their_own_organisation(site, dsn, ring):
    """Whoever works for a supplier and at the desk: measures, hits, receipts and papers are for others to decide."""
    from kashu.party.models import Person

    person = Person.objects.create_user(f"{make.name('in')}@kashu.example", "x" * 12, name="甲", role="compliance")
    insider = audit.Actor("person", person.email)
    with connect(dsn, autocommit=False) as db:
        db.execute("SELECT")
        party_id, waiting = world.active(db, ring), world.signed(db, ring)
        world.move_deposit(db, waiting, 1_000_000)
        for one in (party_id, waiting):
            party.add_member(db, APPLICANT, one, person.pk, AT)
        load(db, ring, Listed(party.party(db, party_id).name))
        party.screen(db, ring, [party_id], AT)
        [hit] = party.hits(db, party_id)
        asked = party.ask_clear(db, REVIEWER, hit.id, WHY, solo_wait_seconds=None, at=AT)
        made = party.sanction(db, REVIEWER, party_id, measure("pause", AT + DAY), AT)
        party.appeal(db, APPLICANT, party_id, made.id, "不是我们", AT)
        [open_] = party.appeals(db, party_id, is_open=True)
        batch = make.batch(db, ring, make.sku(db), 2, on_sale=False)
        db.execute("UPDATE cards_pool SET supplier_id = %s WHERE id = %s", [party_id, batch.pool_id])
        cards.attach(db, make.STAFF, batch.pool_id, cards.Papers("HT-1", 1, 2), clock.now())
        answers = [
            party.activate(db, insider, waiting, WHY, AT),
            party.ask_clear(db, insider, hit.id, WHY, solo_wait_seconds=None, at=AT),
            party.clear(db, insider, asked.id, AT, is_alone=False),
            party.lift(db, insider, made.id, WHY, AT),
            party.decide_appeal(db, insider, open_.id, "upheld", WHY, AT),
            cards.confirm(db, insider, batch.pool_id, clock.now()),
        ]
        db.rollback()
    assert {str(one) for one in answers} == {"same_person"}


def test_an_appeal_that_is_rejected_changes_nothing(db, ring):
    party_id = world.active(db, ring)
    made = party.sanction(db, REVIEWER, party_id, measure("pause", AT + DAY), AT)
    party.appeal(db, APPLICANT, party_id, made.id, "有物流凭证", AT)
    [asked] = party.appeals(db, party_id)
    assert party.decide_appeal(db, OTHER, asked.id, "rejected", ("", ""), AT) is SupplierRefusal.NO_REASON
    assert party.decide_appeal(db, OTHER, asked.id, "rejected", WHY, AT) is None
    assert state(db, party_id) == "suspended"
    assert party.decide_appeal(db, OTHER, asked.id, "upheld", WHY, AT) is SupplierRefusal.GONE


def test_nobody_appeals_for_another(db, ring):
    party_id, other = world.active(db, ring), world.active(db, ring)
    made = party.sanction(db, REVIEWER, party_id, measure("pause", AT + DAY), AT)
    assert party.appeal(db, APPLICANT, other, made.id, "不是我们", AT) is SupplierRefusal.GONE
    assert party.appeals(db, party_id) == []


def test_closing_and_blacklisting_end_by_an_appeal_only(db, ring):
    party_id = world.active(db, ring)
    made = party.sanction(db, REVIEWER, party_id, measure("close"), AT)
    assert party.lift(db, REVIEWER, made.id, WHY, AT) is SupplierRefusal.GONE
    assert state(db, party_id) == "exiting"


def test_published_sanctions_are_those_that_stand(db, ring):
    party_id = world.active(db, ring)
    shown = party.sanction(db, REVIEWER, party_id, measure("warning", AT + DAY), AT)
    hidden = party.sanction(db, REVIEWER, party_id, measure("warning", AT + DAY, is_public=False), AT)
    found = {one.id for one in party.public_sanctions(db)}
    assert shown.id in found
    assert hidden.id not in found


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("KIM, Jong-Un", "jong un kim"),
        ("José  MUÑOZ", "munoz jose"),
        ("知微科技（杭州）有限公司", "知微科技(杭州)有限公司"),
        ("ＡＣＭＥ Ltd.", "acme ltd"),
        ("张 三", "张三"),
    ],
)
def test_a_name_is_one_name_however_it_is_written(name, same):
    assert normal(name) == normal(same) != ""


def test_two_names_are_two():
    assert len({normal(one) for one in ("张三", "张三丰", "Zhang San", "Zhang Sang", "")}) == 5


def load(db, ring, *entries, list_id="un-list", at=AT):
    text = sha256_hex(repr(entries) + make.name("v"))
    return party.load_list(db, ring, REVIEWER, list_id, text, entries, at)


def test_a_hit_on_a_name_freezes_and_two_persons_clear_it(db, ring):
    """C-60."""
    party_id = world.active(db, ring)
    load(db, ring, Listed("Someone Else", aliases=(party.party(db, party_id).name.replace("-", " - "),)))
    assert party.screen(db, ring, [party_id], AT) == 1
    assert (state(db, party_id), party.supplier(db, party_id).is_payout_held) == ("restricted", True)
    [hit] = party.hits(db, party_id, is_open=True)
    assert (hit.listed, hit.matched, hit.subject) == ("Someone Else", "name", "organisation")
    no_reason = party.ask_clear(db, REVIEWER, hit.id, ("", HASH), solo_wait_seconds=None, at=AT)
    assert no_reason is SupplierRefusal.NO_REASON
    asked = party.ask_clear(db, REVIEWER, hit.id, ("同名", HASH), solo_wait_seconds=None, at=AT)
    assert party.clear(db, REVIEWER, asked.id, AT, is_alone=False) is ApprovalRefusal.SAME_PERSON
    assert state(db, party_id) == "restricted"
    assert party.clear(db, OTHER, asked.id, AT, is_alone=False) is None
    assert (state(db, party_id), party.supplier(db, party_id).is_payout_held) == ("active", False)


def test_what_was_cleared_stays_cleared_until_the_entry_changes(db, ring):
    party_id = world.active(db, ring)
    name = party.party(db, party_id).name
    load(db, ring, Listed(name))
    party.screen(db, ring, [party_id], AT)
    [hit] = party.hits(db, party_id)
    asked = party.ask_clear(db, REVIEWER, hit.id, ("同名", HASH), solo_wait_seconds=None, at=AT)
    party.clear(db, OTHER, asked.id, AT, is_alone=False)
    load(db, ring, Listed(name), Listed("Nobody"))
    assert party.screen(db, ring, [party_id], AT) == 0
    load(db, ring, Listed(name, ids=("X-1",)))
    assert party.screen(db, ring, [party_id], AT) == 1
    assert state(db, party_id) == "restricted"


def test_numbers_are_matched_exactly_and_kept_as_fingerprints(db, ring):
    number, account = world.person_number(), f"6222{next(world.serial):011d}"
    party_id = world.active(db, ring, id_number=number, bank_number=account)
    load(db, ring, Listed("甲", ids=(number.lower(),)), Listed("乙", ids=(account[:4] + " " + account[4:],)))
    assert party.screen(db, ring, [party_id], AT) == 3  # the representative, the owner, the account
    assert {(one.matched, one.subject.split()[0]) for one in party.hits(db, party_id)} == {
        ("id", "principal"), ("id", "account"),
    }  # fmt: skip
    dump = str(db.execute("SELECT row_to_json(e)::text FROM party_list_entry AS e").fetchall())
    assert number not in dump
    assert account not in dump


def test_whoever_left_the_newest_version_is_not_found_any_more(db, ring):
    party_id = world.active(db, ring)
    load(db, ring, Listed(party.party(db, party_id).name))
    load(db, ring, Listed("Nobody"))
    assert party.screen(db, ring, [party_id], AT) == 0
    assert state(db, party_id) == "active"


def test_the_same_file_is_no_new_version(db, ring):
    told = ("un-list", sha256_hex(make.name("file")), [Listed("甲")])
    first = party.load_list(db, ring, REVIEWER, *told, AT)
    assert party.load_list(db, ring, REVIEWER, *told, AT) is None
    assert load(db, ring, Listed("乙")).version == first.version + 1


def test_a_true_hit_stays(db, ring):
    party_id = world.active(db, ring)
    load(db, ring, Listed(party.party(db, party_id).name))
    party.screen(db, ring, [party_id], AT)
    [hit] = party.hits(db, party_id)
    assert party.confirm_hit(db, REVIEWER, hit.id, WHY, AT) is None
    cleared = party.ask_clear(db, REVIEWER, hit.id, WHY, solo_wait_seconds=None, at=AT)
    assert cleared is SupplierRefusal.GONE
    assert (state(db, party_id), party.supplier(db, party_id).is_payout_held) == ("suspended", True)
    party.sanction(db, REVIEWER, party_id, measure("pause", AT + DAY), AT)
    party.lift_due(db, AT + DAY)
    assert state(db, party_id) == "suspended"  # not by the clock, either


def test_lists_are_asked_when_a_supplier_hands_in(db, ring):
    party_id = world.with_papers(db, ring)
    load(db, ring, Listed(party.party(db, party_id).name))
    assert party.begin_review(db, ring, APPLICANT, party_id, AT) is None
    assert party.screened_at(db, party_id) == AT
    for one in party.documents(db, party_id):
        party.decide_document(db, REVIEWER, one.id, "accepted", "", AT)
    world.prove(db, party_id)
    assert party.accept(db, REVIEWER, party_id, WHY, AT) is SupplierRefusal.LISTED
    assert state(db, party_id) == "kyb_review"


@pytest.mark.parametrize("begin", [world.in_review, world.active])
def test_whoever_is_new_behind_a_supplier_is_asked_about_at_once(db, ring, begin):
    party_id, number = begin(db, ring), world.person_number()
    load(db, ring, Listed("某人", ids=(number,)))
    told = ("legal_representative", "李四", number, 0)
    party.set_principal(db, ring, APPLICANT, party_id, told, AT)
    assert [one.matched for one in party.hits(db, party_id)] == ["id"]
    assert party.supplier(db, party_id).is_payout_held


def test_a_listed_supplier_gets_no_deposit_back(db, ring):
    party_id = world.active(db, ring)
    party.leave(db, APPLICANT, party_id, WHY, AT)
    load(db, ring, Listed(party.party(db, party_id).name))
    late = AT + 400 * DAY
    party.screen(db, ring, [party_id], late)
    refusal = world.move_deposit(db, party_id, 1_000_000, flow="back", at=late)
    assert refusal is SupplierRefusal.DEPOSIT_LOCKED
    assert party.deposit(db, party_id).held_fen == 1_000_000


def test_what_was_found_is_in_the_trail(db, ring):
    party_id = world.active(db, ring)
    load(db, ring, Listed(party.party(db, party_id).name))
    party.screen(db, ring, [party_id], AT)
    told = [entry for entry in audit.entries_of(db, 0, "party", str(party_id)) if entry.verb == "supplier.hit"]
    assert [entry.after["hits"] for entry in told] == [["organisation un-list name"]]
