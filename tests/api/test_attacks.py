"""What somebody who means harm can send, and what it must not do to others."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace

import pytest

from kashu import party, sales
from kashu.jobs import webhooks
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.party import KeyRefusal
from kashu.sales import AccountRefusal, Receipt, SellRefusal
from kashu.server.wiring import context
from kashu.till.app import App
from kashu.wire.open import auth
from tests import make
from tests.race.at_once import at_once


def test_a_huge_order_of_a_poor_account_is_nobody_elses_wait(house):
    app = App(context(house))

    call = SimpleNamespace(purchase=SimpleNamespace(quantity=10**9))
    assert app._purchases._weigh(call) == 1_000
    assert (
        app._checkouts._weigh(
            replace(make.IDENTITIES and sales.Checkout("A", 10**6, make.buyer(), "k" * 8, "c", "h5", b"", ""))
        )
        == 1_000
    )


@pytest.mark.parametrize("per_second", [5, 50])
def test_who_asks_faster_than_the_rate_still_gets_the_rate(per_second, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(auth.time, "monotonic", lambda: now[0])
    bucket, let_in = (float(per_second), 0.0), 0
    for _ in range(per_second * 20):  # ten seconds at twice the rate
        now[0] += 0.5 / per_second
        bucket, is_let = auth._draw(bucket, per_second)
        let_in += is_let
    assert abs(let_in - per_second * 11) <= 1


def test_a_flood_of_names_does_not_shut_out_who_is_known(till, machine, monkeypatch):
    monkeypatch.setattr(auth, "LOOKS_PER_SECOND", 1)
    monkeypatch.setattr(auth, "KNOWN_SECONDS", 0)  # every call looks the key up again
    buyer = machine()
    assert till.get(buyer, "/open/v1/account").status_code == 200
    stranger = type(buyer)("kk_" + "x" * 20, "s")
    for n in range(10):
        stranger.key_id = f"kk_{n:020d}"
        till.get(stranger, "/open/v1/account")
        assert till.get(buyer, "/open/v1/account").status_code == 200


def test_an_answer_that_drips_is_ended(house, monkeypatch):
    class Drip(BaseHTTPRequestHandler):
        def do_POST(self):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for _ in range(40):
                try:
                    self.wfile.write(b"X: y\r\n")
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(0.1)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Drip)
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(webhooks, "TIMEOUT_SECONDS", 0.5)
    try:
        begun = time.monotonic()
        told = webhooks._post(context(house), f"http://127.0.0.1:{server.server_port}/", b"{}", {})
        assert told == (None, "TimeoutError")
        assert time.monotonic() - begun < 3
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("url", ["https://a..com/x", f"https://{'a' * 64}.com/x"])
def test_a_host_that_cannot_be_is_refused_and_tried_without_a_crash(db, ring, house, url):
    told = party.add_webhook(
        db, ring, make.STAFF, (make.organisation(db), url, ("topup.credited",)), clock.now(), needs_https=True
    )
    assert told is party.WebhookRefusal.WRONG_URL
    assert webhooks._post(replace(context(house), is_behind_proxy=True), url, b"{}", {})[0] is None


def test_a_rotation_at_the_limit_of_keys_leaves_a_successor(db, ring):
    owner, at = make.organisation(db), clock.now()
    keys = [party.make_key(db, ring, make.STAFF, owner, f"k{n}", ("account.read",), at)[0] for n in range(20)]
    assert party.make_key(db, ring, make.STAFF, owner, "more", ("account.read",), at) is KeyRefusal.TOO_MANY
    new, _ = party.rotate_key(db, ring, make.STAFF, keys[0].id, 0, at)
    assert party.api_key(db, new.id).is_live(at)
    assert party.rotate_key(db, ring, make.STAFF, keys[0].id, 3_600, at) is KeyRefusal.NOT_LIVE


def test_a_large_order_locks_no_more_than_it_needs(dsn, ring):
    """Nine pools, an order of a bit more than the first: whoever comes at the same moment still finds the rest."""
    with connect(dsn) as db, db.transaction():
        sku, one, other = make.sku(db), make.account(db, 10**9), make.account(db, 10**9)
        for many in (100, *([88] * 8)):
            make.batch(db, ring, sku, many)
        sales.sell(db, ring, [make.purchase(sku, other)], clock.now())  # the page is kept
    with connect(dsn) as first, first.transaction():
        [told] = sales.sell(first, ring, [make.purchase(sku, one, 110)], clock.now())
        assert isinstance(told, Receipt)
        [again] = at_once(dsn, 1, lambda db, _: sales.sell(db, ring, [make.purchase(sku, other)], clock.now())[0])
        assert isinstance(again, Receipt)


def test_one_browsers_burst_locks_no_more_than_it_may_hold(dsn, ring):
    with connect(dsn) as db, db.transaction():
        sku, account = make.stocked(db, ring, 400), make.account(db, 10**9)
        who = make.buyer()
        burst = [make.checkout(db, sku, 100, who) for _ in range(20)]
        sales.sell(db, ring, [make.purchase(sku, account)], clock.now())  # the page is kept
    with connect(dsn) as first, first.transaction():
        placed = sales.place(first, ring, burst, clock.now())
        assert sum(isinstance(one, sales.Placed) for one in placed) < 4
        [told] = at_once(dsn, 1, lambda db, _: sales.sell(db, ring, [make.purchase(sku, account)], clock.now())[0])
        assert isinstance(told, Receipt)


def test_bulk_purchases_are_bounded_and_paid_for(db, ring):
    sku, rich, poor = make.stocked(db, ring, 1), make.account(db, 10**12), make.account(db, 100)

    def ask(account):
        return sales.ask_bulk(
            db, ring, make.STAFF, make.purchase(sku, account, 1_000_000), "correct horse battery", clock.now()
        )

    assert ask(poor) is SellRefusal.SHORT_OF_FUNDS
    told = [ask(rich) for _ in range(6)]
    assert [isinstance(one, sales.Bulk) for one in told] == [True] * 5 + [False]
    assert told[5] is SellRefusal.TOO_MANY_OPEN


def test_a_day_is_spent_once_around_midnight(db, ring):
    sku, account = make.stocked(db, ring, 5, price_fen=1_000), make.account(db, day_max_fen=1_000)
    midnight = clock.day_start(clock.biz_date(clock.now()) + timedelta(days=1))
    after, before = midnight + timedelta(seconds=1), midnight - timedelta(milliseconds=100)
    told = [sales.sell(db, ring, [make.purchase(sku, account)], at)[0] for at in (after, before, after)]
    assert [type(one) for one in told] == [Receipt, SellRefusal, SellRefusal]


def test_a_limit_set_in_the_middle_of_a_day_knows_the_whole_day(db, ring):
    sku, account = make.stocked(db, ring, 5, price_fen=1_000), make.account(db)
    sales.sell(db, ring, [make.purchase(sku, account)], clock.now())
    sales.change_account(db, make.STAFF, account.id, ("active", 1_000, 1_500), "", clock.now())
    assert sales.sell(db, ring, [make.purchase(sku, account)], clock.now()) == [SellRefusal.OVER_LIMIT]


@pytest.mark.parametrize("other", ["icbc-001", "ＩＣＢＣ-001", "ICBC\u200b-001", " ICBC-001 "])
def test_one_transfer_is_credited_once_however_it_is_written(db, other):
    account, at = make.account(db, 0), clock.now()
    told = make.name("x")[-6:]
    first = sales.ask_topup(db, make.STAFF, account.id, (100, "HT", f"ICBC-001{told}"), solo_wait_seconds=None, at=at)
    sales.credit_topup(db, make.SECOND, first.approval_id, at, is_alone=False)
    again = sales.ask_topup(
        db,
        make.STAFF,
        account.id,
        (100, "HT", f"{other.strip()}{told}"),
        solo_wait_seconds=None,
        at=at,
    )
    assert again is AccountRefusal.ALREADY_CREDITED


def test_no_prepayment_reaches_an_account_that_was_closed(db):
    account, at = make.account(db, 0), clock.now()
    asked = sales.ask_topup(db, make.STAFF, account.id, (100, "HT", make.name("bank")), solo_wait_seconds=None, at=at)
    sales.change_account(db, make.STAFF, account.id, ("closed", 1_000, None), "", at)
    assert sales.credit_topup(db, make.SECOND, asked.approval_id, at, is_alone=False) is AccountRefusal.NOT_ACTIVE
    assert value(db, "SELECT state FROM audit_approval WHERE id = %s", [asked.approval_id]) == "waiting"


def test_a_connection_that_sends_no_body_is_let_go(house, monkeypatch):
    from kashu.till import app as till_app

    monkeypatch.setattr(till_app, "BODY_SECONDS", 0.2)

    async def wait():
        async def never():
            await asyncio.sleep(30)

        return await till_app._body(never, 100)

    assert asyncio.run(asyncio.wait_for(wait(), 5)) is None
