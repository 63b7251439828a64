"""Each adapter against its twin over real HTTP: taken, refused, silent, asked afterwards; and a mail server."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kashu.kernel.ids import new_id
from kashu.messages import Outcome, Sender
from kashu.wire.mail import Mail
from kashu.wire.sms import Letter, aliyun, calling, tencent, volcengine
from sandbox.messages.box import KEY_ID, SECRET
from tests import make
from tests.ports import free_port

KINDS = ("aliyun", "tencent", "volcengine")
ADAPTERS = {"aliyun": aliyun.Aliyun, "tencent": tencent.Tencent, "volcengine": volcengine.Volcengine}
READERS = {"aliyun": aliyun.read_receipts, "tencent": tencent.read_receipts, "volcengine": volcengine.read_receipts}


def sender(kind, endpoint, key_id=KEY_ID):
    channel = "mail" if kind == "smtp" else "sms"
    return Sender(kind, kind, channel, kind, "卡枢", endpoint, "", "1400000001", key_id, b"", 0, True)


def letter(**told):
    at = datetime.now(UTC)
    to = f"139{next(make.numbers):08d}"
    found = Letter(new_id(), to, "卡枢", "T1", {"tail": "8D1X"}, "订单尾号 8D1X 已退款。", at)
    return replace(found, **told)


@pytest.fixture(params=KINDS)
def twin(request, world, monkeypatch):
    """(kind, adapter, world) for each vendor."""
    monkeypatch.setattr(calling, "TIMEOUT_SECONDS", 1)
    return request.param, ADAPTERS[request.param](sender(request.param, world.at(request.param)), SECRET), world


def settled(world, kind):
    """When the twin's message has come to an end."""
    for _ in range(100):
        if world.sent(kind) and all(one.state != "sent" for one in world.sent(kind)):
            return
        time.sleep(0.02)
    raise AssertionError("nothing has arrived")


def test_a_message_is_taken_with_our_id_and_the_vendors_number(twin):
    kind, adapter, world = twin
    one = letter()
    answer = adapter.send(one)
    [kept] = world.sent(kind)
    assert (answer.outcome, answer.vendor_no) == (Outcome.TAKEN, kept.number)
    assert (kept.tag, kept.to, kept.template) == (str(one.message_id), one.to, "T1")
    assert "8D1X" in kept.values


def test_it_can_be_asked_about_until_it_has_arrived(twin):
    kind, adapter, world = twin
    one = letter()
    answer = adapter.send(one)
    settled(world, kind)
    told = adapter.ask(replace(one, vendor_no=answer.vendor_no))
    assert told.outcome is Outcome.ARRIVED
    assert abs((told.at - datetime.now(UTC)).total_seconds()) < 5


def test_one_that_did_not_arrive_says_so(twin):
    kind, adapter, world = twin
    world.fault(kind, failed=1)
    one = letter()
    answer = adapter.send(one)
    settled(world, kind)
    assert adapter.ask(replace(one, vendor_no=answer.vendor_no)).outcome is Outcome.FAILED


def test_a_wrong_key_is_a_definite_no(twin):
    kind, adapter, world = twin
    for wrong in (
        ADAPTERS[kind](adapter.sender, "another secret"),
        ADAPTERS[kind](replace(adapter.sender, key_id="x"), SECRET),
    ):
        assert wrong.send(letter()).outcome is Outcome.REFUSED
    assert world.sent(kind) == []


def test_a_refusal_is_definite_and_a_number_that_is_none_is_final(twin):
    kind, adapter, world = twin
    assert adapter.send(letter(to="12")).is_final
    world.fault(kind, refuse=1)
    answer = adapter.send(letter())
    assert (answer.outcome, answer.is_final) == (Outcome.REFUSED, False)
    assert answer.trouble


def test_the_vendors_limit_is_a_refusal(twin):
    kind, adapter, _world = twin
    one = letter(values={"code": "123456"})
    assert adapter.send(one).outcome is Outcome.TAKEN
    again = adapter.send(replace(one, message_id=new_id()))
    assert again.outcome is Outcome.REFUSED
    expected = {"aliyun": "isv.BUSINESS_LIMIT_CONTROL", "tencent": "LimitExceeded.PhoneNumberThirtySecondLimit"}
    assert again.trouble == expected.get(kind, "RE:0013")


@pytest.mark.parametrize("fault", ["error", "time_out", "lose_answer"])
def test_silence_is_unknown_whether_it_was_taken_or_not(twin, fault):
    kind, adapter, world = twin
    world.fault(kind, **{fault: 1})
    one = letter()
    assert adapter.send(one).outcome is Outcome.UNKNOWN
    assert len(world.sent(kind)) == (fault == "lose_answer")
    if fault != "lose_answer":
        return
    settled(world, kind)
    # Volcengine's records do not carry our id: without its number only a receipt can tell.
    expected = Outcome.UNKNOWN if kind == "volcengine" else Outcome.ARRIVED
    assert adapter.ask(one).outcome is expected


def test_a_vendor_that_is_not_reached_had_nothing(twin):
    kind, adapter, _world = twin
    nowhere = ADAPTERS[kind](replace(adapter.sender, endpoint=f"http://127.0.0.1:{free_port()}"), SECRET)
    answer = nowhere.send(letter())
    assert (answer.outcome, answer.is_final) == (Outcome.REFUSED, False)


def test_only_a_whole_record_after_a_while_proves_that_it_never_came(twin):
    kind, adapter, _world = twin
    one = letter()
    assert adapter.ask(one).outcome is Outcome.UNKNOWN
    later = adapter.ask(replace(one, asked_at=one.asked_at - timedelta(seconds=aliyun.GRACE_SECONDS + 1)))
    assert later.outcome is (Outcome.REFUSED if kind == "aliyun" else Outcome.UNKNOWN)


def test_receipts_are_read_as_the_twin_writes_them(twin):
    from kashu.kernel.text import canonical_json
    from sandbox.messages.box import VENDORS

    kind, adapter, world = twin
    one = letter()
    adapter.send(one)
    settled(world, kind)
    [kept] = world.sent(kind)
    [receipt] = READERS[kind](canonical_json(VENDORS[kind].receipt(kept)).encode())
    assert (receipt.vendor_no, receipt.has_arrived) == (kept.number, True)
    assert receipt.message_id == (None if kind == "tencent" else one.message_id)
    assert abs((receipt.at - datetime.now(UTC)).total_seconds()) < 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b"\xff", b"[" * 100_000, b'{"a":1}', b"null", b"[{}" + b",{}" * 500 + b"]"]
)
def test_what_is_no_receipt_is_none(kind, body):
    assert READERS[kind](body) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_receipt_of_nothing_is_left_out(kind):
    assert READERS[kind](b"[{}]") == []


@pytest.mark.parametrize("fault", ["", "busy", "refuse", "lose_answer"])
def test_mail(post_box, fault):
    port, sink = post_box
    sink.fault = fault
    mail = Mail(replace(sender("smtp", f"smtp://127.0.0.1:{port}", ""), app="kashu@shop.example"), "")
    one = letter(to="owner@kashu.example", template_id="单人模式提醒", text="申请 batch.export\n.点开头的一行")
    answer = mail.send(one)
    expected = {"": Outcome.TAKEN, "lose_answer": Outcome.UNKNOWN}.get(fault, Outcome.REFUSED)
    assert (answer.outcome, answer.is_final) == (expected, fault == "refuse")
    if fault in ("", "lose_answer"):
        from email import message_from_bytes, policy

        [(came_from, to, raw)] = sink.heard
        heard = message_from_bytes(raw, policy=policy.default)
        assert (came_from, to) == ("kashu@shop.example", "owner@kashu.example")
        assert heard["Subject"] == "单人模式提醒"
        assert heard["Message-ID"] == f"<{one.message_id}@shop.example>"
        assert heard.get_content().rstrip().splitlines() == ["申请 batch.export", ".点开头的一行"]
    else:
        assert sink.heard == []


def test_a_mail_server_that_is_not_there_had_nothing():
    mail = Mail(replace(sender("smtp", f"smtp://127.0.0.1:{free_port()}", ""), app="a@b.example"), "")
    assert mail.send(letter(to="o@b.example")).outcome is Outcome.REFUSED
    assert Mail(replace(mail.sender, endpoint="nowhere"), "").send(letter(to="o@b.example")).outcome is Outcome.REFUSED


def test_the_same_seed_has_the_same_faults():
    from sandbox.messages.faults import Faults

    rates = {"refuse": 0.2, "error": 0.2, "late": 0.5}
    one, same, other = Faults(1, rates), Faults(1, rates), Faults(2, rates)
    told = [str(n) for n in range(300)]
    assert [one.call("a", n) for n in told] == [same.call("a", n) for n in told]
    assert [one.call("a", n) for n in told] != [other.call("a", n) for n in told]
    drawn = [one.call("a", n) for n in told]
    assert 30 < drawn.count("refuse") < 90
    assert drawn.count("time_out") == 0
