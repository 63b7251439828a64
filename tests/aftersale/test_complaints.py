"""Complaints by published steps and terms (C-39): opened, taken up, answered, decided, objected to, decided again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kashu import aftersale, audit, party, sales
from kashu.aftersale import Complaint, ComplaintRefusal, rules
from kashu.kernel.db import value
from tests import make
from tests.aftersale import world
from tests.aftersale.world import AT, BUYER, CLERK, OTHER, TRADER, WHY, bought, complain, decided

HOUR = timedelta(hours=1)


@pytest.fixture
def order(db, ring):
    return bought(db, ring)


def verbs(db, told):
    return [one.verb for one in audit.entries_of(db, told.pool_id, "complaint", str(told.id))]


def test_a_complaint_goes_its_whole_way_and_every_step_is_in_the_trail(db, order):
    """C-39."""
    placed, who = order
    told = complain(db, placed, who)
    assert (told.state, told.is_flagged) == ("opened", False)
    assert told.take_up_by == datetime(2026, 11, 3, 16, tzinfo=UTC)  # the midnight that ends Tuesday in Shanghai
    assert told.answer_by == datetime(2026, 11, 4, 16, tzinfo=UTC)
    assert told.decide_by == datetime(2026, 11, 11, 16, tzinfo=UTC)
    assert aftersale.take_up(db, CLERK, told.id, AT).state == "taken"
    assert aftersale.answer(db, TRADER, told.supplier_id, told.id, "已核查，可换卡", AT).answered_by == TRADER.name
    first = aftersale.decide(db, CLERK, told.id, "rejected", WHY, AT)
    assert (first.state, first.final_outcome) == ("decided", "rejected")
    objected = aftersale.object_to(db, BUYER, placed.token, who.device, (told.id, "截图在此"), AT)
    assert (objected.state, objected.due_at) == ("objected", datetime(2026, 11, 11, 16, tzinfo=UTC))
    assert aftersale.review(db, CLERK, told.id, "upheld", WHY, AT) is ComplaintRefusal.SAME_PERSON
    last = aftersale.review(db, OTHER, told.id, "upheld", WHY, AT)
    assert (last.state, last.outcome, last.final_outcome, last.due_at) == ("closed", "rejected", "upheld", None)
    steps = ["answer", "decide", "object", "open", "review", "take_up"]
    assert sorted(verbs(db, told)) == [f"complaint.{one}" for one in steps]  # all of one instant


def test_a_decision_is_objected_to_once_and_in_time(db, order):
    placed, who = order
    told = decided(db, placed, who)
    late = AT + timedelta(days=rules.OBJECT_DAYS, seconds=1)
    again = (told.id, "不同意")
    assert aftersale.object_to(db, BUYER, placed.token, who.device, again, late) is ComplaintRefusal.TOO_LATE
    assert aftersale.object_to(db, BUYER, placed.token, who.device, (told.id, ""), AT) is ComplaintRefusal.NO_WORDS
    assert isinstance(aftersale.object_to(db, BUYER, placed.token, who.device, again, AT), Complaint)
    aftersale.review(db, OTHER, told.id, "rejected", WHY, AT)
    assert aftersale.object_to(db, BUYER, placed.token, who.device, again, AT) is ComplaintRefusal.WRONG_STATE


def test_only_one_complaint_of_an_order_is_open(db, order):
    placed, who = order
    first = complain(db, placed, who)
    assert complain(db, placed, who) is ComplaintRefusal.OPEN_ALREADY
    aftersale.withdraw(db, BUYER, placed.token, who.device, first.id, AT)
    second = decided(db, placed, who)
    third = complain(db, placed, who)
    assert isinstance(third, Complaint)
    objection = (second.id, "不同意")  # while another is open, an old one is not opened again
    assert aftersale.object_to(db, BUYER, placed.token, who.device, objection, AT) is ComplaintRefusal.OPEN_ALREADY


def test_ten_in_a_day_are_taken_and_no_more(db, ring):
    who = make.buyer("13900139456", ring=ring)
    orders = [bought(db, ring, who=who)[0] for _ in range(rules.DAY_MAX + 1)]
    answers = [complain(db, placed, who) for placed in orders]
    assert [type(one) for one in answers[:-1]] == [Complaint] * rules.DAY_MAX
    assert answers[-1] is ComplaintRefusal.TOO_MANY
    other = make.buyer()
    assert isinstance(complain(db, bought(db, ring, who=other)[0], other), Complaint)
    assert isinstance(complain(db, orders[-1], who, AT + timedelta(days=1)), Complaint)


def test_the_link_alone_opens_no_complaint_and_moves_none(db, order):
    placed, who = order
    stranger = make.buyer()
    assert complain(db, placed, stranger) is ComplaintRefusal.NOT_YOURS
    told = complain(db, placed, who)
    withdrawn = aftersale.withdraw(db, BUYER, placed.token, stranger.device, told.id, AT)
    assert withdrawn is ComplaintRefusal.NOT_YOURS
    assert aftersale.complaint(db, told.id).state == "opened"


def test_another_orders_complaint_is_not_moved_through_ones_own_order(db, ring, order):
    placed, who = order
    told = decided(db, placed, who)
    mine, me = bought(db, ring)
    assert aftersale.object_to(db, BUYER, mine.token, me.device, (told.id, "x"), AT) is ComplaintRefusal.GONE


@pytest.mark.parametrize(
    ("kind", "words", "why"),
    [
        ("goods", "", ComplaintRefusal.NO_WORDS),
        ("goods", "长" * 1_001, ComplaintRefusal.TOO_LONG),
        ("weather", "雨", ComplaintRefusal.WRONG_KIND),
    ],
)
def test_what_cannot_be_taken_says_why_and_leaves_nothing(db, order, kind, words, why):
    placed, who = order
    assert complain(db, placed, who, kind=kind, words=words) is why
    assert aftersale.complaints_of_order(db, placed.pool_id, placed.id) == []
    assert isinstance(complain(db, placed, who, words="长" * 1_000), Complaint)


def test_an_unpaid_order_has_nothing_to_complain_of(db, ring):
    who = make.buyer()
    placed = make.order(db, ring, make.stocked(db, ring, 1), 1, who)
    assert complain(db, placed, who) is ComplaintRefusal.NOT_PAID


def test_a_supplier_answers_its_own_once_and_silence_or_lateness_is_counted(db, ring, order):
    """C-39: what grading reads of a supplier."""
    placed, who = order
    told = complain(db, placed, who)
    stranger = make.supplier(db)
    assert aftersale.answer(db, TRADER, stranger, told.id, "我们没错", AT) is ComplaintRefusal.GONE
    assert aftersale.answer(db, TRADER, told.supplier_id, told.id, "", AT) is ComplaintRefusal.NO_WORDS
    figures = lambda at: aftersale.figures(db, told.supplier_id, at, AT - HOUR)  # noqa: E731
    assert figures(told.answer_by) == aftersale.Figures(complaints=1, upheld=0, late_answers=0, open=1)
    assert figures(told.answer_by + HOUR).late_answers == 1  # silent for longer than its term
    answered = aftersale.answer(db, TRADER, told.supplier_id, told.id, "已换", told.answer_by + HOUR)
    assert answered.is_answer_late(AT)
    assert aftersale.answer(db, TRADER, told.supplier_id, told.id, "再说", AT) is ComplaintRefusal.WRONG_STATE
    aftersale.take_up(db, CLERK, told.id, AT)
    aftersale.decide(db, CLERK, told.id, "partly", WHY, AT)
    assert figures(AT) == aftersale.Figures(complaints=1, upheld=1, late_answers=1, open=0)


def test_a_decision_needs_words_and_evidence_and_somebody_who_is_not_the_supplier(db, ring, order, house):
    placed, who = order
    told = complain(db, placed, who)
    assert aftersale.decide(db, CLERK, told.id, "upheld", WHY, AT) is ComplaintRefusal.WRONG_STATE  # nobody took it up
    aftersale.take_up(db, CLERK, told.id, AT)
    for outcome, why in (("upheld", ("", WHY[1])), ("upheld", ("有据", "")), ("perhaps", WHY)):
        assert aftersale.decide(db, CLERK, told.id, outcome, why, AT) is ComplaintRefusal.NO_REASON
    email = f"{make.name('both')}@kashu.example"
    person = value(
        db,
        "INSERT INTO party_person (email, name, role, password, is_active, date_joined) VALUES (%s, 'x', 'support', '!', true, now()) RETURNING id",
        [email],
    )
    both = world.Actor("person", email)
    party.add_member(db, make.STAFF, told.supplier_id, person, AT)
    assert aftersale.decide(db, both, told.id, "rejected", WHY, AT) is ComplaintRefusal.SAME_PERSON


def test_whoever_complains_often_and_never_rightly_is_shown_to_staff_and_not_turned_away(db, ring):
    """C-39: abuse is identified."""
    who = make.buyer("13900139457", ring=ring)
    told = [decided(db, bought(db, ring, who=who)[0], who, at=AT + n * HOUR) for n in range(4)]
    assert [aftersale.complaint(db, one.id).is_flagged for one in told] == [False, False, False, True]
    fifth = complain(db, bought(db, ring, who=who)[0], who, AT + 5 * HOUR)
    assert isinstance(fifth, Complaint)  # flagged, and taken like any other
    assert aftersale.complaint(db, fifth.id).is_flagged
    aftersale.take_up(db, CLERK, fifth.id, AT)
    aftersale.decide(db, CLERK, fifth.id, "upheld", WHY, AT)
    sixth = complain(db, bought(db, ring, who=who)[0], who, AT + 6 * HOUR)
    assert not aftersale.complaint(db, sixth.id).is_flagged  # one that was right clears them
    later = AT + timedelta(days=rules.ABUSE_DAYS + 1)
    seventh = complain(db, bought(db, ring, who=who)[0], who, later)
    assert not aftersale.complaint(db, seventh.id).is_flagged


def test_terms_that_were_missed_are_told_once_and_stay_known(db, order):
    """C-39: a breach is visible."""
    placed, who = order
    told = complain(db, placed, who)
    mine = lambda at: [one.name for one in aftersale.tell_overdue(db, at) if one.id == told.id]  # noqa: E731
    assert mine(told.take_up_by - HOUR) == []
    assert mine(told.answer_by + HOUR) == ["take_up", "answer"]
    assert mine(told.answer_by + 2 * HOUR) == []
    assert {"answer", "take_up"} <= {one.name for one in aftersale.overdue(db, told.answer_by + HOUR, 10_000)}
    counted = {one.name: one for one in aftersale.counts(db, told.answer_by)}
    assert counted["decide"].running >= 1
    aftersale.take_up(db, CLERK, told.id, told.answer_by + 2 * HOUR)
    assert aftersale.breached(db, [told.id]) == {told.id: ["take_up", "answer"]}
    missed = [e for e in audit.entries_of(db, 0, "complaint", str(told.id)) if e.verb == "term.missed"]
    assert sorted(one.after["clock"] for one in missed) == ["answer", "take_up"]


def test_three_years_on_nobody_knows_who_complained(db, order):
    """C-54."""
    placed, who = order
    told = decided(db, placed, who)
    assert aftersale.erase_due(db, AT.replace(year=2029)) == 0
    while aftersale.erase_due(db, AT.replace(year=2029) + timedelta(days=1)):
        pass
    after = aftersale.complaint(db, told.id)
    assert (after.words, after.state, after.outcome) == ("", "decided", "rejected")
    assert after.erased_at is not None
    assert value(db, "SELECT buyer FROM aftersale_complaint WHERE id = %s", [told.id]) is None


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ("电话13900139456请回", "电话****请回"),
        ("电话 139-0013 9456", "电话 ****"),
        ("１３９００１３９４５６", "****"),
        ("KZ7F-48MW-Q3XD-92TR 无效", "**** 无效"),
        ("写信到 li.si@mail.example 吧", "写信到 **** 吧"),
        ("买了 2 张 50 元券, 3 天没到", "买了 2 张 50 元券, 3 天没到"),
        ("没到（３天了），请换一张！", "没到（3天了），请换一张！"),
        ("１３９，００１３９４５６：急", "139，****：急"),
    ],
)
def test_a_supplier_reads_no_number_and_no_key(words, seen):
    """C-55."""
    assert aftersale.for_supplier(words) == seen


MOVES = st.lists(st.sampled_from(["take_up", "decide", "object_to", "review", "withdraw", "answer"]), max_size=8)


def test_whatever_is_tried_in_whatever_order_a_complaint_is_in_one_true_state(db, order):
    """The table of moves is all that can happen: a move it does not have is refused and changes nothing."""
    placed, who = order
    after = {
        "take_up": "taken",
        "decide": "decided",
        "object_to": "objected",
        "review": "closed",
        "withdraw": "withdrawn",
    }

    def verbs_of(told):
        own = (BUYER, placed.token, who.device)
        return {
            "take_up": lambda: aftersale.take_up(db, CLERK, told.id, AT),
            "decide": lambda: aftersale.decide(db, CLERK, told.id, "rejected", WHY, AT),
            "object_to": lambda: aftersale.object_to(db, *own, (told.id, "不同意"), AT),
            "review": lambda: aftersale.review(db, OTHER, told.id, "partly", WHY, AT),
            "withdraw": lambda: aftersale.withdraw(db, *own, told.id, AT),
            "answer": lambda: aftersale.answer(db, TRADER, told.supplier_id, told.id, "答复", AT),
        }

    @given(MOVES)
    def holds(tried):
        with db.transaction(force_rollback=True):
            told = complain(db, placed, who)
            for name in tried:
                before = aftersale.complaint(db, told.id)
                done = verbs_of(told)[name]()
                now = aftersale.complaint(db, told.id)
                if isinstance(done, ComplaintRefusal):
                    assert now == before
                elif name != "answer":
                    assert rules.COMPLAINT.allows(before.state, after[name])
                    assert now.state == after[name]

    holds()


def test_an_order_of_nobody_has_no_complaint(db):
    who = make.buyer()
    told = aftersale.open_complaint(db, BUYER, "1A-abcdefghijklmnopqrstuv", who.device, ("goods", "x"), AT)
    assert told is ComplaintRefusal.NO_SUCH_ORDER
    assert sales.by_token(db, "1A-abcdefghijklmnopqrstuv") is None
