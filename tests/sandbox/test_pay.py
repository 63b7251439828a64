"""Each channel's protocol against its twin over real HTTP: the whole life of a payment, and every bad day we can think of."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from kashu.kernel import rsa
from kashu.kernel.clock import biz_date
from kashu.payments import Method, Notice, Shape
from kashu.wire.pay import wechatpay
from kashu.wire.pay.protocol import (
    GatewayError,
    GatewayRefusalError,
    NoticeRefusal,
    RefundAsk,
    RefundNotice,
    RefundState,
    Share,
    SplitState,
    TradeState,
)
from tests import make
from tests.sandbox.conftest import RING, wait_for

KINDS = ("douyin", "wechat", "alipay")


@pytest.fixture(params=KINDS)
def kind(request, world):
    for one in KINDS:
        world.fault(one)
    world.http.post(f"{world.url}/pay/admin/api/clock", json={"shift_seconds": 0})
    world.answers.clear()
    return request.param


def number():
    return f"1A-{make.name('T')[-14:].upper().replace('-', 'X')}"


def back(trade_no, gateway_no, amount_fen=3_990, refund="1A-REFUND1"):
    return RefundAsk(refund, trade_no, gateway_no, amount_fen, 3_990, "质量问题", "http://127.0.0.1:9/callbacks/x")


def paid(world, kind, **fault):
    """A paid trade: its number, the adapter, the gateway's number."""
    trade_no, adapter = number(), world.adapter(kind)
    world.fault(kind, **fault)
    adapter.create(world.ask(trade_no))
    assert world.pay(trade_no)
    found = adapter.query(trade_no)
    assert found.notice is not None
    return trade_no, adapter, found.notice.gateway_no


def notices_of(world, kind, trade_no, at=None):
    adapter, told = world.adapter(kind), []
    for headers, body in list(world.notices):
        found = adapter.parse_notice(headers, body, at or datetime.now(UTC))
        if isinstance(found, Notice) and found.trade_no == trade_no:
            told.append(found)
    return told


def test_a_payments_whole_life(world, kind):
    trade_no, adapter = number(), world.adapter(kind)
    assert adapter.query(trade_no).state is TradeState.MISSING
    told = adapter.create(world.ask(trade_no))
    assert told.shape is Shape.QR
    assert adapter.create(world.ask(trade_no)) == told
    with pytest.raises(GatewayRefusalError):
        adapter.create(world.ask(trade_no, 1))
    assert adapter.query(trade_no).state is TradeState.PENDING
    assert "¥39.90" in world.http.get(told.told).text
    world.answers.append(b"not yet" if kind == "alipay" else b"no")
    world.http.post(told.told, data={"outcome": "success"})
    found = adapter.query(trade_no)
    assert found.state is TradeState.PAID
    assert (found.notice.amount_fen, found.notice.trade_no, found.notice.source) == (3_990, trade_no, "query")
    assert (found.notice.merchant, found.notice.app_id) == (adapter.channel.merchant, adapter.channel.app_id)
    wait_for(lambda: notices_of(world, kind, trade_no))
    notice = notices_of(world, kind, trade_no)[0]
    assert (notice.amount_fen, notice.gateway_no) == (3_990, found.notice.gateway_no)
    assert abs((notice.paid_at - datetime.now(UTC)).total_seconds()) < 60
    assert adapter.close(trade_no).state is TradeState.PAID


def test_a_notice_that_is_not_acknowledged_comes_again_under_the_same_id(world):
    trade_no, adapter = number(), world.adapter("alipay")
    world.fault("alipay")
    adapter.create(world.ask(trade_no))
    world.answers.append(b"not yet")
    world.pay(trade_no)
    wait_for(lambda: len(notices_of(world, "alipay", trade_no)) >= 2)
    one, two = notices_of(world, "alipay", trade_no)[:2]
    assert (one.event_id, one.gateway_no) == (two.event_id, two.gateway_no)


# A pay page for desktops is Alipay's alone; its answers and notices have neither serial nor window.
WAYS = [(kind, method) for kind in KINDS for method in Method if method is not Method.PAGE or kind == "alipay"]
NOT_ALIPAYS = ("stale", "unknown_serial", "serial")


def faults_of(*names):
    return [(kind, fault) for kind in KINDS for fault in names if kind != "alipay" or fault not in NOT_ALIPAYS]


@pytest.mark.parametrize(("kind", "method"), WAYS, indirect=["kind"])
def test_every_way_to_pay_leads_somewhere(world, kind, method):
    trade_no, adapter = number(), world.adapter(kind)
    told = adapter.create(world.ask(trade_no, method=method))
    shapes = {Method.H5: Shape.REDIRECT, Method.PAGE: Shape.REDIRECT, Method.NATIVE: Shape.QR}
    assert told.shape is shapes.get(method, Shape.CALL)
    if told.shape is Shape.REDIRECT:
        page = world.http.get(told.told, follow_redirects=True)
        assert "¥39.90" in page.text
        gone = world.http.post(str(page.url), data={"outcome": "success"}, follow_redirects=False)
        assert gone.headers["location"] == "http://127.0.0.1:9/back"
        assert adapter.query(trade_no).state is TradeState.PAID
    elif told.shape is Shape.CALL:
        call = json.loads(told.told)
        if kind != "alipay":
            signed = call.get("paySign") or call["sign"]
            package = call["package"] if kind == "wechat" and method is Method.JSAPI else call["prepayid"]
            text = f"{adapter.channel.app_id}\n{call.get('timeStamp') or call['timestamp']}\n{call.get('nonceStr') or call['noncestr']}\n{package}\n"
            assert rsa.is_signed((world.folder / f"{kind}-merchant.pub").read_text(), text.encode(), signed)


def test_a_closed_or_expired_trade_takes_no_money(world, kind):
    adapter = world.adapter(kind)
    closed, expired = number(), number()
    adapter.create(world.ask(closed))
    assert adapter.close(closed).state is TradeState.CLOSED
    assert not world.pay(closed)
    adapter.create(world.ask(expired, expires_at=datetime.now(UTC) + timedelta(seconds=2)))
    world.http.post(f"{world.url}/pay/admin/api/clock", json={"shift_seconds": 5})
    assert not world.pay(expired)
    assert adapter.query(expired).state is TradeState.CLOSED
    assert adapter.close(number()).state is TradeState.MISSING


def test_money_that_comes_after_the_close_is_told(world, kind):
    trade_no, adapter = number(), world.adapter(kind)
    adapter.create(world.ask(trade_no))
    adapter.close(trade_no)
    assert world.pay(trade_no, late=True)
    assert adapter.query(trade_no).state is TradeState.PAID


def test_a_refund_goes_back_once_under_its_number(world, kind):
    trade_no, adapter, gateway_no = paid(world, kind)
    asked = back(trade_no, gateway_no, 3_000, "1A-R" + number()[-8:])
    assert adapter.query_refund(asked).state is RefundState.MISSING
    assert adapter.refund(asked).state is RefundState.DONE
    assert adapter.refund(asked).state is RefundState.DONE
    assert adapter.query_refund(asked).state is RefundState.DONE
    more = back(trade_no, gateway_no, 1_000, "1A-R" + number()[-8:])
    assert adapter.refund(more).state is RefundState.REFUSED
    rest = back(trade_no, gateway_no, 990, "1A-R" + number()[-8:])
    assert adapter.refund(rest).state is RefundState.DONE
    assert adapter.query(trade_no).state is TradeState.PAID
    sent = [
        one for one in world.http.get(f"{world.url}/pay/admin/api/refunds").json() if one["gateway_no"] == gateway_no
    ]
    assert sum(one["amount_fen"] for one in sent) == 3_990


@pytest.mark.parametrize(
    ("fault", "state"),
    [("processing", RefundState.PENDING), ("abnormal", RefundState.REFUSED), ("refused", RefundState.REFUSED)],
)
def test_a_refund_that_does_not_come_off_is_not_taken_for_done(world, kind, fault, state):
    trade_no, adapter, gateway_no = paid(world, kind, refund=fault)
    asked = back(trade_no, gateway_no, refund="1A-R" + number()[-8:])
    told = adapter.refund(asked).state
    if kind == "alipay" and fault != "refused":
        assert told is RefundState.MISSING  # fund_change N and no REFUND_SUCCESS: not done, ask again
    else:
        assert told is state
    if fault == "processing":
        world.fault(kind)
        assert adapter.refund(asked).state is RefundState.DONE


@pytest.mark.parametrize(
    ("kind", "fault"),
    faults_of("502", "500", "429", "lose", "half", "unsigned", "wrong_key", "unknown_serial", "stale"),
    indirect=["kind"],
)
@pytest.mark.parametrize("call", ["query", "create", "refund"])
def test_an_answer_that_is_not_the_gateways_own_word_is_no_answer(world, kind, fault, call):
    trade_no, adapter, gateway_no = paid(world, kind)
    world.fault(kind, call={call: fault})
    asked = back(trade_no, gateway_no, refund="1A-R" + number()[-8:])
    ask = {
        "query": lambda: adapter.query(trade_no),
        "create": lambda: adapter.create(world.ask(number())),
        "refund": lambda: adapter.refund(asked),
    }
    with pytest.raises(GatewayError) as told:
        ask[call]()
    assert not isinstance(told.value, GatewayRefusalError)
    if (
        call == "refund"
    ):  # the work was done all the same: only the query knows, and the same number sends nothing twice
        world.fault(kind)
        assert adapter.query_refund(asked).state is RefundState.DONE


def test_a_gateway_that_is_not_there_is_no_answer(world, kind):
    adapter = world.adapter(kind, gateway="http://127.0.0.1:9")
    with pytest.raises(GatewayError):
        adapter.query(number())


FORGERIES = {
    "key": ("wrong", NoticeRefusal.BAD_SIGNATURE),
    "serial": ("unknown", NoticeRefusal.UNKNOWN_SERIAL),
    "stale": (100_000, NoticeRefusal.STALE),
    "body": ("cut", NoticeRefusal.BAD_SIGNATURE),
}


@pytest.mark.parametrize(("kind", "fault"), faults_of(*FORGERIES), indirect=["kind"])
def test_a_forged_notice_is_refused(world, kind, fault):
    told, refusal = FORGERIES[fault]
    seen = len(world.notices)
    paid(world, kind, **{fault: told})
    wait_for(lambda: len(world.notices) > seen)
    headers, body = world.notices[seen]
    found = world.adapter(kind).parse_notice(headers, body, datetime.now(UTC))
    assert found is refusal or (kind == "alipay" and found is NoticeRefusal.MALFORMED)


@pytest.mark.parametrize("fault", [{"amount": -1}, {"merchant": "another"}, {"app": "another"}])
def test_a_signed_notice_with_another_fact_is_read_as_it_is(world, kind, fault):
    """It is ours to compare (see the tests of the settlement): the adapter changes nothing."""
    seen = len(world.notices)
    paid(world, kind, **fault)
    wait_for(lambda: len(world.notices) > seen)
    headers, body = world.notices[seen]
    adapter = world.adapter(kind)
    found = adapter.parse_notice(headers, body, datetime.now(UTC))
    assert isinstance(found, Notice)
    told = (found.amount_fen, found.merchant, found.app_id)
    assert told != (3_990, adapter.channel.merchant, adapter.channel.app_id)


def test_notices_come_many_times_at_once(world, kind):
    seen = len(world.notices)
    trade_no, _adapter, _ = paid(world, kind, times=7, at_once=True)
    wait_for(lambda: len(world.notices) >= seen + 7)
    assert len({one.event_id for one in notices_of(world, kind, trade_no)}) == 1


def test_a_notice_that_never_comes_leaves_the_query(world, kind):
    seen = len(world.notices)
    trade_no, adapter, _ = paid(world, kind, drop=True)
    assert adapter.query(trade_no).state is TradeState.PAID
    assert len(world.notices) == seen


def test_a_refund_notice_is_a_reason_to_ask_and_no_payment(world, kind):
    from sandbox.pay.alipay import AlipayGateway
    from sandbox.pay.desk import Desk
    from sandbox.pay.faults import Faults
    from sandbox.pay.v3 import V3Gateway
    from sandbox.store import Store

    store = Store(world.folder / "sandbox.sqlite")
    desk = Desk(kind, store, Faults(store))
    gateway = (AlipayGateway if kind == "alipay" else V3Gateway)(desk, world.folder, world.url)
    refund = {"number": "1A-R1".replace("-", "_" if kind == "alipay" else "-"), "gateway_no": "g", "trade_no": "1A-T",
              "amount_fen": 100, "state": "DONE", "at": datetime.now(UTC).timestamp()}  # fmt: skip
    body, headers = gateway.refund_notice(refund)
    found = world.adapter(kind).parse_notice(headers, body, datetime.now(UTC))
    assert found == RefundNotice(kind, "1A-R1")


def test_money_is_split_and_brought_back(world, kind):
    _trade_no, adapter, gateway_no = paid(world, kind)
    shares = [Share("supplier-1", 3_000, "货款"), Share("streamer-1", 500, "佣金")]
    done = SplitState.PENDING if kind == "alipay" else SplitState.DONE
    split = "1A-S" + number()[-8:]
    assert adapter.split(gateway_no, split, shares) is done
    assert adapter.split(gateway_no, split, shares) is done
    with pytest.raises(GatewayRefusalError):
        adapter.split(gateway_no, "1A-S" + number()[-8:], [Share("x", 1_000, "多")])
    if kind == "alipay":
        with pytest.raises(GatewayRefusalError, match="NOT_OFFERED"):
            adapter.return_split(split, "1A-B" + number()[-8:], shares[0])
        return
    assert adapter.return_split(split, "1A-B" + number()[-8:], Share("supplier-1", 3_000, "退")) is SplitState.DONE
    with pytest.raises(GatewayRefusalError):
        adapter.return_split(split, "1A-B" + number()[-8:], Share("supplier-1", 1_000, "退"))


@pytest.mark.parametrize("kind", ["wechat", "douyin"])
def test_a_rotated_platform_certificate_is_fetched_and_proven_by_our_own_key(world, kind):
    world.fault(kind)
    known = world.channel(kind)
    blind = world.adapter(kind, keys=tuple(one for one in known.keys if one.use != "verify"))
    world.learnt.clear()
    assert blind.query(number()).state is TradeState.MISSING
    assert [serial for serial, _pem in world.learnt] == [known.verify_serial]
    trusting = tuple(one for one in known.keys if one.use not in ("verify", "open"))
    with pytest.raises(GatewayError, match="certificates"):
        world.adapter(kind, keys=trusting).query(number())


def test_the_bill_of_a_day_comes_whole_or_not_at_all(world, kind):
    """As the channel writes it: what it is made of is the reconciliation's matter (tests/settlement)."""
    trade_no, adapter, gateway_no = paid(world, kind)
    today = biz_date(datetime.now(UTC))
    whole = b"".join(adapter.bill(today))
    text = unpacked(whole)
    assert gateway_no in text
    assert trade_no.replace("-", "_" if kind == "alipay" else "-") in text
    assert gateway_no not in unpacked(b"".join(adapter.bill(today - timedelta(days=1))))
    if kind == "wechat":
        for fault in ("truncated", "wrong_hash"):
            world.fault(kind, bill={fault: 1})
            with pytest.raises(GatewayError, match="bill"):
                list(adapter.bill(today))


def unpacked(whole):
    if whole.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            return archive.read(archive.namelist()[0]).decode("gb18030")
    return (gzip.decompress(whole) if whole.startswith(b"\x1f\x8b") else whole).decode()


def test_the_openid_of_a_visitor_in_wechat(world):
    channel = world.channel("wechat")
    url = wechatpay.consent_url(channel, "http://127.0.0.1:9/o/t/payer")
    gone = world.http.get(url.partition("#")[0])
    assert gone.headers["location"].startswith("http://127.0.0.1:9/o/t/payer?code=")
    code = gone.headers["location"].partition("code=")[2].partition("&")[0]
    assert wechatpay.openid_of(world.http, channel, RING, code).startswith("o")
    for wrong in (world.channel("wechat", keys=()), channel):
        with pytest.raises(GatewayError) as told:
            wechatpay.openid_of(world.http, wrong, RING, "" if wrong is channel else code)
        assert "secret=" not in str(told.value)


def test_the_testers_desk_sets_and_shows_faults(world):
    world.fault("alipay", amount=-1)
    page = world.http.get(f"{world.url}/pay/admin").text
    assert "&quot;amount&quot;: -1" in page
    gone = world.http.post(f"{world.url}/pay/admin", data={"channel": "alipay", "faults": "{}"}, follow_redirects=False)
    assert gone.status_code == 303
    assert world.http.get(f"{world.url}/pay/admin/api/faults/alipay").json() == {}
    assert world.http.put(f"{world.url}/pay/admin/api/faults/alipay", json={"no": 1}).status_code == 400
    assert world.http.get(f"{world.url}/pay/admin/api/nothing").status_code == 404
