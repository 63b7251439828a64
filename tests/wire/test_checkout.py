"""Guests' checkouts on both lanes, and the work that pressure asks of machines."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from urllib.parse import urlencode

import httpx
import pytest
from altcha import v1

from kashu import catalog, sales
from kashu.kernel import clock
from kashu.kernel.db import Pool, connect, value
from kashu.server.wiring import context
from kashu.till.app import App
from kashu.wire import buyers, checkout, effort
from kashu.wire.effort import Effort
from tests import make


@pytest.fixture
def till(house):
    pool = Pool(house.dsn)
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(App(replace(context(house), pool=pool))), base_url="http://till"
        )
        yield lambda **told: runner.run(client.request("POST", "/checkout", **told))
        runner.run(client.aclose())
    pool.close()


@pytest.fixture
def web(site, monkeypatch):
    """The web lane without Django's own token: what is tested here is the address behind it."""
    from django.test import Client

    from kashu.web.store import shop

    shop._effort.cache_clear()
    client = Client()

    def post(content, headers):
        client.cookies["kashu_device"] = headers.get("cookie", "").partition("=")[2]
        answer = client.post("/checkout", content, content_type="application/x-www-form-urlencoded")
        return httpx.Response(answer.status_code, content=answer.content)

    return post


@pytest.fixture(params=["till", "web"])
def lane(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def sheet(dsn, ring):
    """What an honest page posts: `sheet(sku)` gives the form and the cookie."""

    def fill(stock=3, **changed):
        with connect(dsn) as db, db.transaction():
            sku = make.stocked(db, ring, stock)
            at = clock.now()
            offer = catalog.offers(db, [sku.code], at)[sku.code]
            page = catalog.page_hash_of(offer, None).hex()
            form = {"sku": sku.code, "quantity": "1", "key": make.name("key"), "page": page, "pay": "douyin",
                    "consent": sales.consent(db, at)[1], "phone": ""}  # fmt: skip
        return form | changed, {
            "cookie": f"kashu_device={buyers.new_name()}",
            "content-type": "application/x-www-form-urlencoded",
        }

    return fill


def send(lane, form, headers):
    return lane(content=urlencode(form), headers=headers)


def test_a_guest_is_sent_on_to_pay(lane, sheet, dsn):
    form, headers = sheet()
    answer = send(lane, form, headers)
    assert answer.status_code == 200, answer.text
    token = answer.json()["go"].split("/")[2]
    with connect(dsn) as db, db.transaction():
        assert sales.by_token(db, token).state == "placed"


def test_the_same_checkout_twice_is_one_order(lane, sheet):
    form, headers = sheet()
    assert send(lane, form, headers).json() == send(lane, form, headers).json()


@pytest.mark.parametrize(
    ("changed", "status", "told"),
    [
        ({"quantity": "9"}, 409, "out_of_stock"),
        ({"quantity": "500"}, 422, "over_limit"),
        ({"sku": "NO-SUCH"}, 404, "not_for_sale"),
        ({"page": "00" * 32}, 409, "page_changed"),
        ({"consent": ""}, 422, "no_consent"),
        ({"pay": "nobody"}, 422, "channel_closed"),
        ({"page": "zz"}, 422, "incomplete"),
        ({"key": ""}, 422, "incomplete"),
        ({"phone": "12345"}, 422, "incomplete"),
    ],
)
def test_a_refusal_is_named(lane, sheet, changed, status, told):
    form, headers = sheet(**changed)
    answer = send(lane, form, headers)
    assert (answer.status_code, answer.json()) == (status, {"refused": told})


def test_the_till_takes_no_checkout_of_a_browser_without_a_name(till, sheet):
    form, headers = sheet()
    headers["cookie"] = "kashu_device=guess"
    assert send(till, form, headers).json() == {"refused": "incomplete"}


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=1&" * 50, b"x" * 9_000])
def test_a_body_that_is_no_form(till, sheet, body):
    _, headers = sheet()
    assert till(content=body, headers=headers).status_code in (400, 422)


def test_another_site_cannot_check_out(till, sheet):
    form, headers = sheet()
    assert send(till, form, headers | {"sec-fetch-site": "cross-site"}).status_code == 400


def test_a_calm_shop_asks_for_nothing_and_pressure_for_more():
    assert effort.cost(1, 1) == 0
    assert effort.cost(60, 20) == 0
    costs = [effort.cost(arrivals, 1) for arrivals in (61, 301, 1_201)]
    assert costs == sorted(costs)
    assert costs[0] > 0
    assert effort.cost(30, 21) > 0


def test_work_is_bound_to_its_checkout(ring):
    door = Effort(ring)
    told = door.challenge(200, "browser key-1")
    found = v1.solve_challenge(told["challenge"], told["salt"], "SHA-256", 200)
    solution = v1.Payload("SHA-256", told["challenge"], found.number, told["salt"], told["signature"]).to_base64()
    assert door.is_done(solution, "browser key-1")
    assert not door.is_done(solution, "browser key-2")
    wrong = v1.Payload("SHA-256", told["challenge"], found.number + 1, told["salt"], told["signature"]).to_base64()
    assert not door.is_done(wrong, "browser key-1")
    assert not Effort(type(ring).new()).is_done(solution, "browser key-1")


@pytest.mark.parametrize(
    "solution",
    [
        "",
        "x",
        "bm90IGpzb24=",
        "W10=",
        "eyJzYWx0IjogMX0=",
        "eyJhbGdvcml0aG0iOiAxLCAiY2hhbGxlbmdlIjogMSwgIm51bWJlciI6IDEsICJzYWx0IjogMSwgInNpZ25hdHVyZSI6IDF9",
    ],
)
def test_nonsense_is_no_work(ring, solution):
    assert not Effort(ring).is_done(solution, "browser key")


def test_a_rush_is_asked_for_work_and_the_work_opens_the_door(till, sheet):
    form, headers = sheet(stock=3)
    for _ in range(effort.ADDRESS_CALM + 1):
        answer = send(till, form | {"sku": "NO-SUCH"}, headers)
    assert answer.status_code == 429
    told = answer.json()["challenge"]
    answer = send(till, form, headers)
    told = answer.json()["challenge"]
    found = v1.solve_challenge(told["challenge"], told["salt"], "SHA-256", told["maxNumber"])
    solution = v1.Payload("SHA-256", told["challenge"], found.number, told["salt"], told["signature"]).to_base64()
    answer = send(till, form | {"effort": solution}, headers)
    assert answer.status_code == 200, answer.text


def test_guests_who_come_together_are_placed_together_and_not_oversold(dsn, ring, house, sheet):
    form, _ = sheet(stock=10)
    pool = Pool(house.dsn)

    async def rush():
        app = App(replace(context(house), pool=pool))
        app._effort.arrived = lambda _: 0
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://till") as client:
            asked = [
                client.post(
                    "/checkout",
                    content=urlencode(form | {"key": make.name("key")}),
                    headers={"cookie": f"kashu_device={buyers.new_name()}"},
                )
                for _ in range(40)
            ]
            return await asyncio.gather(*asked)

    answers = asyncio.run(rush())
    pool.close()
    assert sum(answer.status_code == 200 for answer in answers) == 10
    assert {answer.json().get("refused") for answer in answers if answer.status_code != 200} <= {
        "out_of_stock",
        "too_many_unpaid",
    }
    with connect(dsn) as db:
        assert (
            value(
                db,
                "SELECT count(*) FROM cards_card WHERE state = 'held' AND pool_id = (SELECT max(pool.id) FROM cards_pool AS pool JOIN catalog_sku AS sku ON sku.id = pool.sku_id WHERE sku.code = %s)",
                [form["sku"]],
            )
            == 10
        )
    assert checkout.PATH == "/checkout"
