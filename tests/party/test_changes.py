"""Public data that changes, and suppliers that cannot be reached, by working days (C-13; LIVE §15, §22)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kashu import aftersale, audit, party
from kashu.kernel.db import connect, value
from kashu.party import Change, ChangeRefusal, NewChange, SupplierRefusal
from kashu.party.rules import changes as rules
from tests import make, moves
from tests.party import world
from tests.party.world import APPLICANT, AT, HASH, OTHER, REVIEWER, WHY

TODAY = date(2026, 11, 2)  # a Monday


@pytest.fixture
def seller(db, ring):
    return world.active(db, ring, AT)


def declare(db, party_id, at=AT, **changed):
    told = {"name": "", "address": "杭州市余杭区 2 号", "contact": "", "happened_on": TODAY} | changed
    return party.declare_change(db, APPLICANT, party_id, NewChange(**told), at)


def verbs(db, party_id):
    return [one.verb for one in audit.entries_of(db, 0, "party", str(party_id))]


def test_a_change_is_published_when_it_was_verified_and_not_before(db, seller, ring):
    """C-13: seven working days to verify and publish; until then the old data is public."""
    before = party.party(db, seller)
    told = declare(db, seller)
    assert (told.is_late, told.verify_by) == (False, datetime(2026, 11, 11, 16, tzinfo=UTC))
    assert party.party(db, seller) == before
    assert (
        party.decide_change(db, ring, REVIEWER, told.id, "published", ("现场核对", ""), AT) is ChangeRefusal.NO_REASON
    )
    assert party.decide_change(db, ring, REVIEWER, told.id, "published", WHY, AT).state == "published"
    after = party.party(db, seller)
    assert (after.address, after.contact, after.name) == ("杭州市余杭区 2 号", before.contact, before.name)
    assert party.decide_change(db, ring, REVIEWER, told.id, "refused", WHY, AT) is ChangeRefusal.GONE
    assert {"supplier.change", "supplier.change.published"} <= set(verbs(db, seller))


@pytest.mark.parametrize(
    ("happened_on", "is_late"),
    [
        (date(2026, 10, 28), False),  # Wednesday: Thursday, Friday, Monday
        (date(2026, 10, 27), True),
        (date(2026, 10, 30), False),
    ],
)
def test_later_than_three_working_days_is_marked_and_taken(db, seller, happened_on, is_late):
    """C-13: three working days to tell of a change."""
    told = declare(db, seller, happened_on=happened_on)
    assert (told.state, told.is_late) == ("declared", is_late)


def test_a_holiday_is_no_working_day_of_the_three(db, seller):
    spring = datetime(2026, 2, 26, 4, tzinfo=UTC)
    assert not declare(db, seller, spring, happened_on=date(2026, 2, 14)).is_late  # 24, 25 and 26 February


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"address": ""}, ChangeRefusal.NOTHING_NEW),
        ({"address": "长" * 121}, ChangeRefusal.TOO_LONG),
        ({"name": "长" * 81}, ChangeRefusal.TOO_LONG),
        ({"happened_on": TODAY + timedelta(days=1)}, ChangeRefusal.IN_FUTURE),
    ],
)
def test_what_is_no_change_is_not_taken(db, seller, changed, why):
    assert declare(db, seller, **changed) is why
    assert party.changes(db, seller) == []


def test_one_change_waits_at_a_time_and_a_refused_one_leaves_everything(db, seller, ring):
    told = declare(db, seller)
    assert declare(db, seller) is ChangeRefusal.OPEN_ALREADY
    before = party.party(db, seller)
    assert party.decide_change(db, ring, REVIEWER, told.id, "refused", ("查无此地", ""), AT).reason == "查无此地"
    assert party.party(db, seller) == before
    assert isinstance(declare(db, seller), Change)


def test_a_name_that_somebody_has_is_not_taken(db, ring, seller):
    other = party.party(db, world.active(db, ring, AT)).name
    assert declare(db, seller, name=other) is ChangeRefusal.NAME_TAKEN
    wanted = make.name("新名")
    told = declare(db, seller, name=wanted)
    db.execute("UPDATE party_party SET name = %s WHERE name = %s", [wanted, other])
    assert party.decide_change(db, ring, REVIEWER, told.id, "published", WHY, AT) is ChangeRefusal.NAME_TAKEN


def test_what_is_public_is_not_changed_past_the_desk(db, ring, seller):
    answer = party.set_particulars(db, APPLICANT, seller, "别处", "1", AT)
    assert answer is SupplierRefusal.DECLARE_CHANGE
    fresh = world.applied(db, ring)
    assert party.set_particulars(db, APPLICANT, fresh, "别处", "1", AT) is None
    assert declare(db, fresh) is ChangeRefusal.WRONG_STATE


def test_an_unreached_supplier_is_reminded_answers_and_the_notice_is_settled(db, ring, seller):
    """C-13: five working days to remind; reminding tells every person of the supplier."""
    make.box(db, ring)
    email = f"{make.name('m')}@supplier.example"
    sql = "INSERT INTO party_person (email, name, role, password, is_active, date_joined) VALUES (%s, 'x', 'member', '!', true, now()) RETURNING id"
    party.add_member(db, make.STAFF, seller, value(db, sql, [email]), AT)
    told = party.note_unreached(db, REVIEWER, seller, "杭州市市场监督管理局", HASH, AT)
    assert (told.state, told.remind_by) == ("noted", datetime(2026, 11, 9, 16, tzinfo=UTC))
    assert party.note_unreached(db, REVIEWER, seller, "同一机关", HASH, AT) is ChangeRefusal.OPEN_ALREADY
    assert party.settle_unreached(db, REVIEWER, told.id, WHY, AT) is ChangeRefusal.GONE  # not before it was reminded
    reminded = party.remind(db, ring, REVIEWER, told.id, AT)
    assert (reminded.state, reminded.answer_by) == ("reminded", datetime(2026, 11, 5, 16, tzinfo=UTC))
    assert party.remind(db, ring, REVIEWER, told.id, AT) is ChangeRefusal.GONE
    sql = "SELECT count(*)::int FROM messages_message WHERE purpose = 'reminder' AND about LIKE %s"
    assert value(db, sql, [f"{told.id}:%"]) == 1
    assert party.answer_unreached(db, APPLICANT, seller, told.id, "", AT) is ChangeRefusal.NO_REASON
    assert party.answer_unreached(db, APPLICANT, seller, told.id, "已搬到 2 号", AT).state == "answered"
    assert party.settle_unreached(db, OTHER, told.id, WHY, AT).state == "settled"
    assert isinstance(party.note_unreached(db, REVIEWER, seller, "再次", HASH, AT), party.Unreached)


def test_silence_after_a_reminder_tells_that_a_sanction_is_due(db, ring, seller):
    """C-13: then sanction."""
    told = party.note_unreached(db, REVIEWER, seller, "市场监管局", HASH, AT)
    mine = lambda at: [one.name for one in aftersale.tell_overdue(db, at) if one.id == told.id]  # noqa: E731
    assert mine(told.remind_by) == ["remind"]
    reminded = party.remind(db, ring, REVIEWER, told.id, told.remind_by)
    assert mine(reminded.answer_by - timedelta(seconds=1)) == []
    assert mine(reminded.answer_by) == ["sanction"]
    change = declare(db, seller)
    assert [one.name for one in aftersale.tell_overdue(db, change.verify_by) if one.id == change.id] == ["publish"]
    assert aftersale.breached(db, [told.id, change.id]) == {told.id: ["remind", "sanction"], change.id: ["publish"]}


def test_nobody_verifies_their_own_organisation(db, seller, ring):
    told = declare(db, seller)
    email = f"{make.name('both')}@kashu.example"
    sql = "INSERT INTO party_person (email, name, role, password, is_active, date_joined) VALUES (%s, 'x', 'support', '!', true, now()) RETURNING id"
    party.add_member(db, make.STAFF, seller, value(db, sql, [email]), AT)
    both = type(REVIEWER)("person", email)
    assert party.decide_change(db, ring, both, told.id, "published", WHY, AT) is ChangeRefusal.SAME_PERSON


VERBS = (
    "declare",
    "declare",
    "rename",
    "publish",
    "refuse",
    "silent",
    "note",
    "remind",
    "answer",
    "settle",
    "stranger",
)


@settings(deadline=None, max_examples=8)
@example(["declare", "publish", "rename", "publish", "note", "remind", "answer", "settle", "note"])
@example(["note", "stranger", "answer", "remind", "settle", "settle", "remind"])
@given(st.lists(st.sampled_from(VERBS), min_size=4, max_size=16))
def test_whatever_is_done_the_public_sees_what_was_published_last(house, steps):
    """Property: any mix of verbs. One change and one notice wait at a time, and only a publication changes public data."""
    with connect(house.dsn, autocommit=False) as db:
        db.execute("SELECT")
        seller, other = world.active(db, house.ring, AT), world.active(db, house.ring, AT)
        shown = party.party(db, seller)

        def look():
            changes = {one.id: one.state for one in party.changes(db, seller)}
            notices = {one.id: one.state for one in party.all_unreached(db, seller)}
            return changes, notices, party.party(db, seller)

        for verb in steps:
            before = look()
            done = moves.told_or_nothing(db, look, partial(_do, db, house.ring, seller, other, verb))
            after = look()
            moves.by_the_table(rules.CHANGE, before[0], after[0], born="declared")
            moves.by_the_table(rules.UNREACHED, before[1], after[1], born="noted")
            assert verb != "stranger" or done is ChangeRefusal.GONE
            assert list(after[0].values()).count("declared") <= 1
            assert [state != "settled" for state in after[1].values()].count(True) <= 1
            for one in party.changes(db, seller):
                if one.state == "published" and before[0][one.id] == "declared":
                    told = {"name": one.name, "address": one.address, "contact": one.contact}
                    shown = replace(shown, **{name: text for name, text in told.items() if text})
            assert after[2] == shown
        db.rollback()


def _do(db, ring, seller, other, verb):
    change = next((one.id for one in party.changes(db, seller)), UUID(int=0))
    notice = next((one.id for one in party.all_unreached(db, seller)), UUID(int=0))
    return {
        "declare": lambda: declare(db, seller, address=make.name("杭州市")),
        "rename": lambda: declare(db, seller, name=make.name("新名"), contact=make.name("0571")),
        "publish": lambda: party.decide_change(db, ring, REVIEWER, change, "published", WHY, AT),
        "refuse": lambda: party.decide_change(db, ring, REVIEWER, change, "refused", WHY, AT),
        "silent": lambda: party.decide_change(db, ring, REVIEWER, change, "published", ("", ""), AT),
        "note": lambda: party.note_unreached(db, REVIEWER, seller, "市场监管局", HASH, AT),
        "remind": lambda: party.remind(db, ring, REVIEWER, notice, AT),
        "answer": lambda: party.answer_unreached(db, APPLICANT, seller, notice, "已搬到 2 号", AT),
        "settle": lambda: party.settle_unreached(db, OTHER, notice, WHY, AT),
        "stranger": lambda: party.answer_unreached(db, APPLICANT, other, notice, "不是我们的", AT),
    }[verb]()


def test_a_phone_that_was_published_bars_its_supplier_too(db, ring, seller):
    """C-15: a blacklisted supplier does not come back under the phone that it declared later."""
    phone = f"139{next(world.serial) % 10**8:08d}"
    told = declare(db, seller, address="", contact=f"+86 {phone[:3]}-{phone[3:]}")
    party.decide_change(db, ring, REVIEWER, told.id, "published", WHY, AT)
    assert party.sanction(db, REVIEWER, seller, world.measure("blacklist"), AT).grade == "blacklist"
    again = party.apply(db, ring, APPLICANT, world.application(phone=phone), AT)
    assert again is SupplierRefusal.BLACKLISTED
    other = world.active(db, ring, AT)
    wanted = declare(db, other, address="", contact=phone)
    assert party.decide_change(db, ring, REVIEWER, wanted.id, "published", WHY, AT) is ChangeRefusal.BLACKLISTED
    assert party.party(db, other).contact != phone
