"""A message from its writing to its arrival, with vendors' words as they come: late, twice, in the wrong order, never."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from kashu import messages
from kashu.kernel import clock
from kashu.kernel.db import connect, value, values
from kashu.messages import Answer, Draft, Outcome, Receipt, Sender, Template
from kashu.messages.service import ASK_GAPS_SECONDS
from tests import make
from tests.race.at_once import at_once

TAKEN, REFUSED, UNKNOWN = Answer(Outcome.TAKEN, "V1"), Answer(Outcome.REFUSED, trouble="no"), Answer(Outcome.UNKNOWN)
VARIABLES = {
    "code": [{"name": "code", "regex": "[0-9]{6}", "max_len": 6}],
    "refunded": [{"name": "tail", "regex": "[0-9A-Z]{4}", "max_len": 4}],
    "card": [
        {"name": "tail", "regex": "[0-9A-Z]{4}", "max_len": 4},
        {"name": "card", "regex": "[0-9A-Z-]+", "max_len": 35},
    ],
}
TEXTS = {
    "code": "验证码 ${code} 请勿告诉他人",
    "refunded": "订单 ${tail} 已退款",
    "card": "订单 ${tail} 卡密 ${card} 请收好",
}


def vendor(db, ring, name, place=0, kind="aliyun", purposes=("code", "refunded")):
    told = Sender(name, kind, "sms", name, "卡枢", "http://127.0.0.1:1", "", "app", "key", b"", place, True)
    assert messages.set_sender(db, ring, make.STAFF, told, "secret", clock.now()) is None
    for purpose in purposes:
        one = Template(
            0, name, purpose, f"T-{purpose}", TEXTS[purpose], VARIABLES[purpose], purpose == "card", "approved"
        )
        assert isinstance(messages.add_template(db, make.STAFF, one, clock.now()), int)


@pytest.fixture
def two(db, ring):
    """Two senders and no others, one after the other."""
    db.execute("UPDATE messages_sender SET is_open = false")
    vendor(db, ring, "first", 1)
    vendor(db, ring, "second", 2, "tencent")
    return db


def draft(purpose="refunded", to=None, **told):
    values = {"code": "123456"} if purpose == "code" else {"tail": "8D1X"}
    return Draft(purpose, make.name("about"), to or phone(), values, **told)


def phone():
    return f"139{next(make.numbers):08d}"


def written(db, ring, *drafts, at=None):
    return messages.write(db, ring, drafts or [draft()], at or clock.now())


def facts(db, message_id, topic="message.send"):
    sql = "SELECT count(*)::int FROM outbox WHERE topic = %s AND body ->> 'message_id' = %s"
    return value(db, sql, [topic, str(message_id)])


def state(db, message_id):
    found = messages.message(db, message_id)
    return found.state, found.sender_id


def test_a_message_is_taken_noted_and_sent(two, ring):
    at = clock.now()
    [one] = written(two, ring, at=at)
    assert facts(two, one) == 1
    told = messages.take(two, ring, one, at)
    assert (told.sender.id, told.template.template_id, told.values) == ("first", "T-refunded", {"tail": "8D1X"})
    assert state(two, one) == ("unknown", "first")
    assert facts(two, one, "message.ask") == 1
    assert messages.answered(two, told, TAKEN, at) is None
    found = messages.message(two, one)
    assert (found.state, found.vendor_no, found.sent_at, found.tries) == ("sent", "V1", at, 1)


def test_nothing_of_the_number_is_in_the_clear(two, ring):
    to = phone()
    [one] = written(two, ring, draft(to=to))
    row = two.execute("SELECT messages_message::text FROM messages_message WHERE id = %s", [one]).fetchone()[0]
    assert to not in row
    assert to.encode().hex() not in row
    assert f"****{to[-4:]}" in row


def test_the_same_purpose_about_the_same_thing_is_written_once(two, ring):
    one = draft()
    assert len(written(two, ring, one, one)) == 1
    assert written(two, ring, replace(one, to=phone())) == []
    assert messages.is_written(two, "refunded", one.about)


def test_a_message_is_taken_by_one_and_never_twice(two, ring):
    [one] = written(two, ring)
    assert messages.take(two, ring, one, clock.now()) is not None
    assert messages.take(two, ring, one, clock.now()) is None


def test_a_definite_no_goes_to_the_next_with_the_same_id(two, ring):
    at = clock.now()
    [one] = written(two, ring, at=at)
    first = messages.take(two, ring, one, at)
    messages.answered(two, first, REFUSED, at)
    assert state(two, one)[0] == "queued"
    second = messages.take(two, ring, one, at)
    assert (second.sender.id, second.message.id, second.number) == ("second", first.message.id, 2)


def test_a_number_that_is_none_goes_to_nobody_else(two, ring):
    [one] = written(two, ring)
    told = messages.take(two, ring, one, clock.now())
    messages.answered(
        two, told, Answer(Outcome.REFUSED, trouble="isv.MOBILE_NUMBER_ILLEGAL", is_final=True), clock.now()
    )
    assert state(two, one) == ("refused", "first")


def test_silence_goes_to_nobody_until_a_second_copy_is_harmless(two, ring):
    at = clock.now()
    [one] = written(two, ring, at=at)
    told = messages.take(two, ring, one, at)
    messages.answered(two, told, UNKNOWN, at)
    assert state(two, one) == ("unknown", "first")
    messages.asked(two, told, UNKNOWN, 0, at + timedelta(seconds=30))
    assert state(two, one) == ("unknown", "first")
    assert facts(two, one, "message.ask") == 2
    messages.asked(two, told, UNKNOWN, 2, at + timedelta(seconds=600))
    assert state(two, one)[0] == "queued"
    assert messages.take(two, ring, one, at + timedelta(seconds=601)).sender.id == "second"


def test_the_key_is_never_sent_a_second_time_on_silence(two, ring):
    for name in ("first", "second"):
        one = Template(0, name, "card", "T-card", TEXTS["card"], VARIABLES["card"], True, "approved")
        assert isinstance(messages.add_template(two, make.STAFF, one, clock.now()), int)
    at = clock.now()
    [one] = written(two, ring, draft("card"), at=at)
    told = messages.take(two, ring, one, at)
    messages.answered(two, told, UNKNOWN, at)
    for turn in range(len(ASK_GAPS_SECONDS)):
        messages.asked(two, told, UNKNOWN, turn, at + timedelta(days=turn))
    assert state(two, one) == ("unknown", "first")
    assert facts(two, one, "message.ask") == len(ASK_GAPS_SECONDS)


def test_what_the_vendor_never_had_goes_to_the_next(two, ring):
    at = clock.now()
    [one] = written(two, ring, at=at)
    told = messages.take(two, ring, one, at)
    messages.answered(two, told, UNKNOWN, at)
    messages.asked(two, told, REFUSED, 1, at + timedelta(seconds=150))
    assert state(two, one)[0] == "queued"


def test_what_was_taken_is_not_untaken_by_a_missing_record(two, ring):
    at = clock.now()
    [one] = written(two, ring, at=at)
    told = messages.take(two, ring, one, at)
    messages.answered(two, told, TAKEN, at)
    messages.asked(two, told, REFUSED, 1, at + timedelta(seconds=150))
    assert state(two, one) == ("sent", "first")


def sent(db, ring, at, number=None, since=None):
    [one] = written(db, ring, draft(since=since), at=at)
    told = messages.take(db, ring, one, at)
    number = number or make.name("V")
    messages.answered(db, told, Answer(Outcome.TAKEN, number), at)
    return one, told, number


def test_a_receipt_says_when_it_arrived_and_twice_is_once(two, ring):
    at = clock.now()
    one, _, number = sent(two, ring, at, since=at - timedelta(seconds=2))
    receipt = Receipt(number, None, True, at + timedelta(seconds=3))
    [arrival] = messages.take_receipts(two, "first", [receipt], at + timedelta(seconds=9))
    assert (arrival.kind, arrival.seconds) == ("aliyun", 5.0)
    assert messages.take_receipts(two, "first", [receipt, receipt], at + timedelta(seconds=10)) == []
    found = messages.message(two, one)
    assert (found.state, found.arrived_at) == ("arrived", at + timedelta(seconds=3))


def test_a_failure_told_later_goes_to_the_next_and_an_arrival_still_counts(two, ring):
    at = clock.now()
    one, _, number = sent(two, ring, at)
    messages.take_receipts(two, "first", [Receipt(number, None, False, at, "UNDELIV")], at)
    assert state(two, one)[0] == "queued"
    second = messages.take(two, ring, one, at)
    assert second.sender.id == "second"
    [arrival] = messages.take_receipts(two, "first", [Receipt(number, None, True, at)], at)
    assert arrival.kind == "aliyun"
    assert state(two, one) == ("arrived", "first")
    assert messages.answered(two, second, TAKEN, at) is None
    assert state(two, one) == ("arrived", "first")


def test_when_everybody_failed_it_has_failed(two, ring):
    at = clock.now()
    one, _, number = sent(two, ring, at)
    messages.take_receipts(two, "first", [Receipt(number, None, False, at, "UNDELIV")], at)
    second = messages.take(two, ring, one, at)
    messages.answered(two, second, Answer(Outcome.TAKEN, "S1"), at)
    messages.take_receipts(two, "second", [Receipt("S1", None, False, at, "UNDELIV")], at)
    assert messages.take(two, ring, one, at) is None
    assert state(two, one)[0] == "failed"
    assert messages.take_receipts(two, "second", [Receipt("S1", None, True, at)], at) != []


def test_a_receipt_that_is_quicker_than_the_answer_counts(two, ring):
    """Tencent's receipts carry its number alone, and may come before we have it."""
    at, number = clock.now(), make.name("V")
    [one] = written(two, ring, at=at)
    told = messages.take(two, ring, one, at)
    assert messages.take_receipts(two, "first", [Receipt(number, None, True, at)], at) == []
    arrival = messages.answered(two, told, Answer(Outcome.TAKEN, number), at)
    assert arrival.kind == "aliyun"
    assert state(two, one) == ("arrived", "first")


def test_a_receipt_finds_its_message_where_the_answer_was_lost(two, ring):
    at = clock.now()
    [one] = written(two, ring, at=at)
    told = messages.take(two, ring, one, at)
    messages.answered(two, told, UNKNOWN, at)
    [arrival] = messages.take_receipts(two, "first", [Receipt(make.name("V"), one, True, at)], at)
    assert arrival.kind == "aliyun"
    assert messages.asked(two, told, UNKNOWN, 2, at + timedelta(seconds=700)) is None
    assert state(two, one) == ("arrived", "first")


def test_a_receipt_of_one_sender_says_nothing_of_another(two, ring):
    at = clock.now()
    one, _, number = sent(two, ring, at)
    told = [Receipt(number, None, True, at), Receipt(make.name("V"), one, True, at)]
    assert messages.take_receipts(two, "second", told, at) == []
    assert state(two, one) == ("sent", "first")


def test_a_code_that_comes_too_soon_waits_and_one_past_its_time_is_not_sent(two, ring):
    at, to = clock.now(), phone()
    one, other, late = written(
        two, ring, draft("code", to), draft("code", to), draft("code", to, expires_at=at + timedelta(seconds=50)), at=at
    )
    assert messages.take(two, ring, one, at) is not None
    assert messages.take(two, ring, other, at + timedelta(seconds=1)) is None
    assert state(two, other)[0] == "queued"
    due = value(two, "SELECT max(due_at) FROM outbox WHERE body ->> 'message_id' = %s", [str(other)])
    assert due == at + timedelta(seconds=60)
    assert messages.take(two, ring, late, at + timedelta(seconds=1)) is None
    assert (state(two, late)[0], messages.message(two, late).trouble) == ("refused", "limit")
    assert messages.take(two, ring, other, due) is not None
    [old] = written(two, ring, draft("code"), at=at)
    assert messages.take(two, ring, old, at + timedelta(seconds=300)) is None
    assert messages.message(two, old).trouble == "expired"


def test_a_message_that_is_passed_on_is_counted_once(two, ring):
    at, to = clock.now(), phone()
    [one] = written(two, ring, draft("code", to), at=at)
    messages.answered(two, messages.take(two, ring, one, at), REFUSED, at)
    assert messages.take(two, ring, one, at + timedelta(seconds=1)).sender.id == "second"


def test_a_message_is_asked_about_though_its_template_was_withdrawn(two, ring):
    at = clock.now()
    one, _, _ = sent(two, ring, at)
    two.execute("UPDATE messages_template SET state = 'withdrawn' WHERE sender_id = 'first'")
    assert messages.errand(two, ring, one, 1).sender.id == "first"
    assert messages.errand(two, ring, one, 2) is None


def test_the_days_messages_of_a_number_are_read_by_index(two, ring):
    two.execute("SET LOCAL enable_seqscan = off")
    for sql, params, index in (
        (
            "SELECT purpose, taken_at FROM messages_message WHERE to_identity = %s AND taken_at > %s",
            [b"x" * 16, clock.now()],
            "messages_message_of_number",
        ),
        (
            "SELECT 1 FROM messages_try WHERE sender_id = %s AND vendor_no = %s AND vendor_no <> ''",
            ["first", "V1"],
            "messages_try_of_vendor",
        ),
    ):
        plan = " ".join(row[0] for row in two.execute(f"EXPLAIN {sql}", params))
        assert index in plan


def test_without_a_sender_a_message_is_refused_and_nothing_waits(two, ring):
    two.execute("UPDATE messages_sender SET is_open = false")
    [one] = written(two, ring)
    assert messages.take(two, ring, one, clock.now()) is None
    assert state(two, one) == ("refused", None)


def test_numbers_and_values_are_forgotten_after_a_week(two, ring):
    at = clock.now()
    [one] = written(two, ring, at=at - timedelta(days=8))
    [young] = written(two, ring, at=at)
    assert messages.forget(two, at) >= 1
    assert value(two, "SELECT length(sealed) FROM messages_message WHERE id = %s", [one]) == 0
    assert value(two, "SELECT length(sealed) FROM messages_message WHERE id = %s", [young]) > 0
    assert messages.take(two, ring, one, at) is None


def test_a_template_with_a_fault_is_not_kept(two):
    told = Template(0, "first", "refunded", "T", "订单 ${tail} 限时退款", VARIABLES["refunded"], False, "approved")
    assert [one.rule for one in messages.add_template(two, make.STAFF, told, clock.now())] == ["marketing"]
    assert [
        one.template_id for one in messages.templates(two) if one.sender_id == "first" and one.purpose == "refunded"
    ] == ["T-refunded"]


def test_a_new_template_takes_the_place_of_the_old_and_one_can_be_withdrawn(two):
    told = Template(0, "first", "refunded", "NEW", TEXTS["refunded"], VARIABLES["refunded"], False, "approved")
    found = messages.add_template(two, make.STAFF, told, clock.now())
    assert [one.template_id for one in messages.carriers(two, "refunded") if one.sender_id == "first"] == ["NEW"]
    assert messages.withdraw_template(two, make.STAFF, found, clock.now()) is None
    assert messages.withdraw_template(two, make.STAFF, found, clock.now()) is messages.MessageRefusal.NO_SUCH_TEMPLATE


def test_the_database_lets_no_sender_have_a_message_twice(two, ring):
    [one] = written(two, ring)
    messages.take(two, ring, one, clock.now())
    with pytest.raises(psycopg.errors.UniqueViolation), two.transaction():
        two.execute(
            "INSERT INTO messages_try (message_id, number, sender_id, state, asked_at) VALUES (%s, 2, 'first', 'unknown', now())",
            [one],
        )


@pytest.fixture
def crowd(house, ring):
    """Twelve codes for one number, written and committed; the number's identity."""

    def make_crowd(many=12):
        to, at = phone(), clock.now()
        with connect(house.dsn) as db, db.transaction():
            db.execute("UPDATE messages_sender SET is_open = false")
            vendor(db, ring, make.name("v").lower())
            return written(db, ring, *[draft("code", to) for _ in range(many)], at=at), ring.identity("phone", to)

    return make_crowd


def test_a_number_gets_one_code_a_minute_whoever_asks_at_once(house, ring, crowd):
    ids, _ = crowd()
    taken = at_once(house.dsn, len(ids), lambda db, n: messages.take(db, ring, ids[n], clock.now()))
    assert [one for one in taken if isinstance(one, Exception)] == []
    assert sum(one is not None for one in taken) == 1


def test_control_without_the_lock_several_would_be_sent(house, ring, crowd, monkeypatch):
    import threading

    ids, _ = crowd(4)
    barrier, look = threading.Barrier(4), messages.service.store.taken_since
    monkeypatch.setattr(messages.service.store, "lock_number", lambda *_: None)

    def together(*told):
        found = look(*told)
        barrier.wait(10)
        return found

    monkeypatch.setattr(messages.service.store, "taken_since", together)
    taken = at_once(house.dsn, len(ids), lambda db, n: messages.take(db, ring, ids[n], clock.now()))
    assert sum(one is not None for one in taken) == 4


def test_senders_and_templates_are_in_the_trail_without_their_secrets(two):
    told = values(two, "SELECT after::text FROM audit_entry WHERE verb LIKE 'message_%%' ORDER BY at DESC LIMIT 10")
    assert told
    assert "secret" not in " ".join(told)


def test_a_code_asked_for_again_within_a_minute_is_the_one_on_its_way(db, ring):
    from kashu import sales

    to, device, at = phone(), make.buyer(ring=ring), clock.now()
    for seconds in (0, 30, 61):
        assert sales.send_code(db, ring, to, device.device, device.address, at + timedelta(seconds=seconds)) is None
    sql = "SELECT made_at FROM sales_code WHERE phone_identity = %s ORDER BY made_at"
    assert values(db, sql, [ring.identity("phone", to)]) == [at, at + timedelta(seconds=61)]
