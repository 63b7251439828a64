"""From a delivered order to the phone and back by receipt: over HTTP, through the jobs, in both lanes."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from prometheus_client import REGISTRY

from kashu import catalog, messages, sales
from kashu.jobs import handlers
from kashu.kernel import clock
from kashu.kernel.db import Pool, connect, value, values
from kashu.kernel.text import canonical_json
from kashu.messages import Sender, Template
from kashu.sales import LinkRefusal
from kashu.server.wiring import context
from kashu.till.app import App
from kashu.wire import posting
from kashu.wire.sms import calling
from sandbox.messages.box import KEY_ID, SECRET, VENDORS
from tests import make

LINK = "订单尾号 ${tail} 的卡密已送达，打开 shop.example/m/${link} 查看。"
CARD = "订单尾号 ${tail} 的卡密 ${card} ，请勿告诉他人。"
TAIL = {"name": "tail", "regex": "[0-9A-Z]{4}", "max_len": 4}


class Nobody:
    def send(self, phone, body):
        raise AssertionError("the box is for development")


@pytest.fixture
def ctx(house, monkeypatch):
    monkeypatch.setattr(calling, "TIMEOUT_SECONDS", 1)
    return replace(context(house), sender=Nobody())


@pytest.fixture
def senders(house, ring, world):
    """`senders(*kinds)`: these vendors in this order and no others; says their ids."""

    def open_senders(*kinds, card_max=0):
        ids = []
        with connect(house.dsn) as db, db.transaction():
            db.execute("UPDATE messages_sender SET is_open = false")
            for place, kind in enumerate(kinds):
                name = make.name(kind).lower()
                told = Sender(
                    name, kind, "sms", kind, "卡枢", world.at(kind), "", "1400000001", KEY_ID, b"", place, True
                )
                assert messages.set_sender(db, ring, make.STAFF, told, SECRET, clock.now()) is None
                link = {"name": "link", "regex": "[A-Za-z0-9_-]{22}", "max_len": 22}
                add(db, name, "delivered", LINK, [TAIL, link])
                if card_max:
                    add(db, name, "card", CARD, [TAIL, {"name": "card", "regex": "[0-9A-Z-]+", "max_len": card_max}])
                ids.append(name)
        return ids

    return open_senders


def add(db, sender, purpose, text, variables):
    one = Template(0, sender, purpose, f"T-{purpose}", text, variables, purpose == "card", "approved")
    found = messages.add_template(db, make.STAFF, one, clock.now())
    assert isinstance(found, int), found


@pytest.fixture
def delivered(house, ring):
    """An order that was paid, with its phone; `delivered(quantity, pushes)`."""

    def deliver(quantity=1, pushes=False):
        phone = f"138{next(make.numbers):08d}"
        with connect(house.dsn) as db, db.transaction():
            make.channel(db)
            sku = make.stocked(db, ring, quantity)
            catalog.edit_sku(db, make.STAFF, replace(sku, push_secret=pushes), clock.now())
            order = make.order(db, ring, sku, quantity, make.buyer(phone, ring=ring))
            assert sales.settle(db, [make.notice(order)], clock.now()) == ["paid"]
        return order, phone

    return deliver


def note(ctx, order):
    handlers.note_delivery(ctx, {"pool_id": order.pool_id, "order_id": str(order.id)})


def bring(ctx, house, order, purpose="delivered"):
    """One sending of the order's message; says how it stands."""
    with connect(house.dsn) as db:
        found = message(db, order, purpose)
    handlers.send_message(ctx, {"message_id": str(found.id)})
    with connect(house.dsn) as db:
        return messages.message(db, found.id)


def message(db, order, purpose="delivered"):
    sql = "SELECT id FROM messages_message WHERE purpose = %s AND about = %s"
    return messages.message(db, value(db, sql, [purpose, str(order.id)]))


def state(house, order):
    with connect(house.dsn) as db:
        return value(db, "SELECT state FROM sales_order WHERE id = %s", [order.id])


def test_the_phone_gets_a_link_and_never_the_card(ctx, house, world, senders, delivered):
    [name] = senders("aliyun")
    order, phone = delivered()
    note(ctx, order)
    note(ctx, order)
    found = bring(ctx, house, order)
    assert (found.state, found.sender_id) == ("sent", name)
    [one] = world.sent("aliyun")
    assert one.to == phone
    assert "KZ7F" not in one.values
    with connect(house.dsn) as db:
        assert value(db, "SELECT count(*)::int FROM sales_link WHERE order_id = %s", [order.id]) == 1
        assert value(db, "SELECT revealed_at FROM sales_line WHERE order_id = %s", [order.id]) is None
        assert found.since == value(db, "SELECT delivered_at FROM sales_order WHERE id = %s", [order.id])


def test_a_refusal_goes_to_the_next_vendor_with_the_same_id(ctx, house, world, senders, delivered):
    _, second = senders("aliyun", "tencent")
    world.fault("aliyun", refuse=1)
    order, _ = delivered()
    note(ctx, order)
    assert bring(ctx, house, order).state == "queued"
    found = bring(ctx, house, order)
    assert (found.state, found.sender_id) == ("sent", second)
    assert [one.tag for one in world.sent("tencent")] == [str(found.id)]
    assert world.sent("aliyun") == []


@pytest.mark.parametrize("fault", ["time_out", "error", "lose_answer"])
def test_silence_goes_to_no_other_vendor(ctx, house, world, senders, delivered, fault):
    first, _ = senders("volcengine", "tencent")
    world.fault("volcengine", **{fault: 1})
    order, _ = delivered()
    note(ctx, order)
    found = bring(ctx, house, order)
    assert (found.state, found.sender_id) == ("unknown", first)
    assert bring(ctx, house, order).state == "unknown"
    handlers.ask_message(ctx, {"message_id": str(found.id), "number": 1, "turn": 0})
    assert world.sent("tencent") == []
    assert len(world.sent("volcengine")) == (fault == "lose_answer")
    assert state(house, order) == "delivered"  # all the while the card has been there


def test_asking_finds_what_was_taken_though_the_answer_was_lost(ctx, house, world, senders, delivered):
    senders("aliyun", "tencent")
    world.fault("aliyun", lose_answer=1)
    order, _ = delivered()
    note(ctx, order)
    assert bring(ctx, house, order).state == "unknown"
    before = pushes("aliyun")
    for _ in range(50):
        if world.sent("aliyun")[0].state == "arrived":
            break
        time.sleep(0.02)
    with connect(house.dsn) as db:
        found = message(db, order)
    handlers.ask_message(ctx, {"message_id": str(found.id), "number": 1, "turn": 0})
    with connect(house.dsn) as db:
        assert message(db, order).state == "arrived"
    assert pushes("aliyun") == before + 1


def test_in_a_world_full_of_faults_nobody_is_told_twice_by_chance(ctx, house, ring, world, senders, delivered):
    """Forty messages, three vendors that refuse, break and lose answers: each has a message at most once, and a second
    vendor has it only where the first refused it or failed to bring it."""
    kinds = ("aliyun", "tencent", "volcengine")
    names = dict(zip(senders(*kinds), kinds, strict=True))
    for seed, kind in enumerate(kinds):
        world.fault(kind, seed, refuse=0.3, error=0.1, lose_answer=0.2, failed=0.2)
    drafts = [
        messages.Draft("delivered", make.name("x"), f"136{next(make.numbers):08d}", {"tail": "8D1X", "link": "a" * 22})
        for _ in range(40)
    ]
    with connect(house.dsn) as db, db.transaction():
        ids = messages.write(db, ring, drafts, clock.now())
    for _ in range(3):
        for one in ids:
            handlers.send_message(ctx, {"message_id": str(one)})
        time.sleep(0.3)
        for name, kind in names.items():
            told = [row for sms in world.sent(kind) if sms.state != "sent" for row in VENDORS[kind].receipt(sms)]
            for _ in range(2):  # each of them twice, and all of them again in every round
                posting.receipts(
                    ctx.pool, ring, *address(ring, name).split("?"), canonical_json(told * 2).encode(), clock.now()
                )
    with connect(house.dsn) as db:
        open_ones = [one for one in (messages.message(db, one) for one in ids) if one.state == "unknown"]
    for one in open_ones:  # Tencent's receipts do not carry our id, its answers do
        handlers.ask_message(ctx, {"message_id": str(one.id), "number": one.tries, "turn": 0})
    taken = {kind: [sms.tag for sms in world.sent(kind)] for kind in kinds}
    assert all(len(tags) == len(set(tags)) for tags in taken.values())
    arrived = {sms.tag for kind in kinds for sms in world.sent(kind) if sms.state == "arrived"}
    carried = [sms.tag for kind in kinds for sms in world.sent(kind) if sms.state == "arrived"]
    assert len(carried) == len(arrived)  # on no phone twice
    with connect(house.dsn) as db:
        states = {str(one): messages.message(db, one).state for one in ids}
        assert not values(
            db,
            "SELECT 1 FROM messages_try WHERE message_id = ANY (%s) GROUP BY message_id, sender_id HAVING count(*) FILTER (WHERE state <> 'refused') > 1",
            [ids],
        )
    assert {one for one, state in states.items() if state == "arrived"} == arrived
    assert len(arrived) > 10
    assert set(states.values()) >= {"arrived", "unknown"}


def pushes(channel):
    return REGISTRY.get_sample_value("kashu_push_seconds_count", {"channel": channel}) or 0.0


@pytest.fixture(params=["till", "web"])
def lane(request, house, site):
    """`lane(path, body)` posts a receipt and answers (status, text)."""
    if request.param == "web":
        from django.test import Client

        def ask(path, body):
            answer = Client().generic("POST", path, body, content_type="application/json")
            return answer.status_code, answer.content.decode()

        yield ask
        return
    pool = Pool(house.dsn)
    app = App(replace(context(house), pool=pool))

    def ask_till(path, body):
        async def go():
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://till") as http:
                return await http.post(path, content=body)

        answer = asyncio.run(go())
        return answer.status_code, answer.text

    yield ask_till
    pool.close()


def address(ring, name):
    return f"{posting.PREFIX}{name}?key={posting.callback_key(ring, name)}"


@pytest.mark.parametrize("kind", ["aliyun", "tencent", "volcengine"])
def test_a_receipt_at_our_door_is_the_arrival(lane, kind, ctx, house, ring, world, senders, delivered):
    [name] = senders(kind)
    order, _ = delivered()
    note(ctx, order)
    bring(ctx, house, order)
    [one] = world.sent(kind)
    one.arrived_at = time.time()
    one.state = "arrived"
    body, before = canonical_json(VENDORS[kind].receipt(one)).encode(), pushes(kind)
    for _ in range(2):
        assert lane(address(ring, name), body) == (200, posting.HEARD[kind])
    with connect(house.dsn) as db:
        assert message(db, order).state == "arrived"
    assert pushes(kind) == before + 1


def test_who_does_not_know_the_address_is_not_believed(lane, ctx, house, ring, world, senders, delivered):
    name, other = senders("aliyun", "tencent")
    order, _ = delivered()
    note(ctx, order)
    bring(ctx, house, order)
    body = canonical_json(VENDORS["aliyun"].receipt(world.sent("aliyun")[0])).encode()
    for path in (f"{posting.PREFIX}{name}", f"{posting.PREFIX}{name}?key=x", f"{posting.PREFIX}{name}?key=%C3%BC",
                 f"{posting.PREFIX}nobody?key={posting.callback_key(ring, 'nobody')}",
                 f"{posting.PREFIX}{name}?key={posting.callback_key(ring, other)}"):  # fmt: skip
        assert lane(path, body) == (404, "no such sender")
    assert lane(address(ring, name), b"{}") == (400, "not an array of receipts")
    assert lane(address(ring, name), b"x" * (posting.BODY_BYTES_MAX + 1)) == (413, "too large")
    with connect(house.dsn) as db:
        assert message(db, order).state == "sent"


def test_the_key_goes_only_where_it_was_switched_on(ctx, house, world, senders, delivered):
    senders("aliyun", card_max=35)
    order, _ = delivered()
    note(ctx, order)
    with connect(house.dsn) as db:
        assert values(db, "SELECT purpose FROM messages_message WHERE about = %s", [str(order.id)]) == ["delivered"]


def test_a_key_that_is_pushed_is_seen_audited_and_kept_nowhere(ctx, house, world, senders, delivered):
    senders("aliyun", card_max=35)
    order, _ = delivered(pushes=True)
    note(ctx, order)
    found = bring(ctx, house, order, "card")
    assert found.state == "sent"
    assert "KZ7F-" in world.sent("aliyun")[0].values
    with connect(house.dsn) as db, db.transaction():
        assert value(db, "SELECT revealed_at FROM sales_line WHERE order_id = %s", [order.id]) is not None
        told = values(
            db, "SELECT verb FROM audit_entry WHERE object_id = %s AND verb = 'order.pushed'", [str(order.id)]
        )
        assert told == ["order.pushed"]
        refund = sales.refund(db, make.STAFF, order.token, order.checkout.buyer.device, "r", clock.now())
        assert refund is sales.RefundRefusal.ALREADY_SEEN
        sealed = ctx.ring.open_personal(found.sealed, f"message {found.id}")
        assert "KZ7F" not in sealed
        assert value(db, "SELECT count(*)::int FROM outbox WHERE body::text LIKE '%%KZ7F-%%'") == 0


def test_a_key_that_does_not_fit_gives_way_to_the_link_unseen(ctx, house, world, senders, delivered):
    senders("aliyun", card_max=4)
    order, _ = delivered(pushes=True)
    note(ctx, order)
    assert bring(ctx, house, order, "card").state == "refused"
    assert world.sent("aliyun") == []
    with connect(house.dsn) as db:
        assert value(db, "SELECT revealed_at FROM sales_line WHERE order_id = %s", [order.id]) is None
    assert bring(ctx, house, order).state == "sent"


def test_many_keys_or_no_template_for_one_is_a_link(ctx, house, senders, delivered):
    senders("aliyun", card_max=35)
    many, _ = delivered(quantity=2, pushes=True)
    note(ctx, many)
    senders("aliyun")
    without, _ = delivered(pushes=True)
    note(ctx, without)
    with connect(house.dsn) as db:
        for order in (many, without):
            assert values(db, "SELECT purpose FROM messages_message WHERE about = %s", [str(order.id)]) == ["delivered"]


def test_a_refunded_order_pushes_nothing(ctx, house, world, senders, delivered):
    senders("aliyun", card_max=35)
    order, _ = delivered(pushes=True)
    note(ctx, order)
    with connect(house.dsn) as db, db.transaction():
        sales.refund(db, make.STAFF, order.token, None, "r", clock.now())
    assert bring(ctx, house, order, "card").state == "refused"
    assert world.sent("aliyun") == []


@pytest.fixture
def linked(ctx, house, ring, delivered):
    """A delivered order and the token that its message carried."""
    with connect(house.dsn) as db, db.transaction():
        make.box(db, ring)
    order, _phone = delivered()
    with connect(house.dsn) as db, db.transaction():
        return order, sales.make_link(db, ring, sales.by_token(db, order.token), clock.now())


def verbs(house, order):
    with connect(house.dsn) as db:
        sql = "SELECT verb FROM audit_entry WHERE object_id = %s AND verb LIKE 'order.link%%' ORDER BY at"
        return values(db, sql, [str(order.id)])


def test_looking_at_a_link_does_nothing_and_its_button_opens_the_card_here(linked, browser, house):
    order, token = linked
    for _ in range(3):
        seen = browser.get(f"/m/{token}")
        assert seen.status_code == 200
        assert order.token not in seen.content.decode()
        assert browser.head(f"/m/{token}").status_code == 200
    assert verbs(house, order) == ["order.link"]
    answer = browser.post(f"/m/{token}")
    assert (answer.status_code, answer["location"]) == (302, f"/o/{order.token}")
    assert "KZ7F-" in browser.post(f"/o/{order.token}/reveal").content.decode()
    assert verbs(house, order) == ["order.link", "order.link_opened"]
    assert browser.post(f"/m/{token}").status_code == 302  # the same browser may come again
    assert len(verbs(house, order)) == 2


def test_a_second_browser_needs_the_code_to_the_phone(linked, browser, house):
    order, token = linked
    assert browser.post(f"/m/{token}").status_code == 302
    other = make.visitor()
    answer = other.post(f"/m/{token}")
    assert answer.status_code == 403
    assert order.token not in answer.content.decode()
    assert verbs(house, order)[-1] == "order.link_refused"
    assert other.post(f"/o/{order.token}/reveal").status_code == 403


@pytest.mark.parametrize("token", ["a" * 22, "a" * 21, "a" * 5_000, "%00" * 22, "中" * 22])
def test_a_token_that_is_none(browser, token):
    assert browser.post(f"/m/{token}").status_code == 404


def test_a_link_ends_after_a_day(linked, browser, house, ring):
    order, token = linked
    late = clock.now() + timedelta(seconds=sales.LINK_SECONDS)
    with connect(house.dsn) as db, db.transaction():
        assert sales.open_link(db, ring, token, make.buyer(), late) is LinkRefusal.EXPIRED
    with connect(house.dsn) as other, other.transaction():
        other.execute("UPDATE sales_link SET expires_at = now() WHERE order_id = %s", [order.id])
    assert browser.post(f"/m/{token}").status_code == 410


def test_whoever_tries_links_out_is_stopped(browser):
    answers = [browser.post(f"/m/{'b' * 22}").status_code for _ in range(11)]
    assert answers == [404] * 10 + [429]


def test_the_token_is_not_in_the_table(linked, db):
    _order, token = linked
    assert value(db, "SELECT count(*)::int FROM sales_link WHERE encode(hash, 'escape') = %s", [token]) == 0
    assert value(db, "SELECT count(*)::int FROM audit_entry WHERE after::text LIKE %s", [f"%{token}%"]) == 0


def test_two_browsers_at_once_and_one_has_it(linked, house, ring):
    from tests.race.at_once import at_once

    _order, token = linked
    found = at_once(house.dsn, 6, lambda db, _n: sales.open_link(db, ring, token, make.buyer(), clock.now()))
    assert sorted(one is LinkRefusal.USED for one in found) == [False] + [True] * 5


def test_links_are_forgotten_long_after_their_end(linked, db):
    order, _token = linked
    assert sales.forget_links(db, clock.now() + timedelta(days=20)) == 0
    assert sales.forget_links(db, clock.now() + timedelta(days=40)) >= 1
    assert value(db, "SELECT count(*)::int FROM sales_link WHERE order_id = %s", [order.id]) == 0
