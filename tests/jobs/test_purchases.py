"""What follows a purchase: lists, webhooks with their tries, and the relay that does both by the batch."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise

import pytest

from kashu import party, sales
from kashu.jobs import handlers, worker
from kashu.jobs.webhooks import announce_purchases, send_webhook
from kashu.kernel import clock, events
from kashu.kernel.db import connect, value, values
from kashu.party import WebhookRefusal
from kashu.server.wiring import context
from tests import make


@pytest.fixture
def ear():
    """A server that hears webhooks; `ear.answers` are the statuses it gives, 204 when there is none left."""

    class Ear(BaseHTTPRequestHandler):
        heard, answers = [], []

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.heard.append(({name.lower(): text for name, text in self.headers.items()}, body))
            self.send_response(self.answers.pop(0) if self.answers else 204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Ear)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Ear.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield Ear
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def bought(dsn, ring, ear):
    """A purchase of an organisation that listens: (organisation, account, hook, secret, facts)."""

    def buy(many=1):
        with connect(dsn) as db, db.transaction():
            sku, account = make.stocked(db, ring, many), make.account(db)
            hook, secret = party.add_webhook(
                db,
                ring,
                make.STAFF,
                (account.party_id, ear.url, ("purchase.delivered",)),
                clock.now(),
                needs_https=False,
            )
            sales.sell(db, ring, [make.purchase(sku, account, reference=f"R{n}") for n in range(many)], clock.now())
            facts = [
                row[0]
                for row in db.execute(
                    "SELECT body FROM outbox WHERE topic = 'purchase.delivered' AND (body ->> 'account_id')::bigint = %s",
                    [account.id],
                )
            ]
        return account, hook, secret, facts

    return buy


def messages(dsn, hook):
    with connect(dsn) as db, db.transaction():
        return party.messages(db, hook.id, 100)


def test_a_purchase_is_told_signed_as_standard_webhooks_has_it(house, dsn, bought, ear):
    account, hook, secret, facts = bought()
    announce_purchases(context(house), facts)
    [message] = messages(dsn, hook)
    send_webhook(context(house), {"message_id": str(message.id)})

    [(headers, body)] = ear.heard
    told = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    right = base64.b64encode(
        hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), told, hashlib.sha256)
    ).decode()
    assert headers["webhook-signature"] == f"v1,{right}"
    assert headers["webhook-id"] == str(message.id)
    data = json.loads(body)
    assert data["type"] == "purchase.delivered"
    assert (data["data"]["reference"], data["data"]["total_fen"]) == ("R0", 3_990)
    assert b"KZ7F" not in body
    assert messages(dsn, hook)[0].state == "delivered"
    with connect(dsn) as db, db.transaction():
        [key] = sales.orders_of_account(db, account.id, clock.now() + timedelta(days=1), 10)
        assert sales.orders(db, [key])[key[1]].number == data["data"]["id"]


def test_a_fact_that_comes_twice_is_told_once(house, dsn, bought):
    _, hook, _, facts = bought(3)
    announce_purchases(context(house), facts)
    announce_purchases(context(house), facts[:2])
    assert len(messages(dsn, hook)) == 3


def test_a_webhook_is_tried_again_with_growing_gaps_and_given_up(house, dsn, bought, ear):
    _, hook, _, facts = bought()
    ear.answers += [500] * 20
    announce_purchases(context(house), facts)
    [message] = messages(dsn, hook)
    dues = []
    for _ in range(12):
        send_webhook(context(house), {"message_id": str(message.id)})
        with connect(dsn) as db:
            dues.append(
                value(
                    db,
                    "SELECT max(due_at) FROM outbox WHERE topic = 'webhook.send' AND body ->> 'message_id' = %s",
                    [str(message.id)],
                )
            )
    found = messages(dsn, hook)[0]
    assert (found.state, found.tries, found.status) == ("given_up", 10, 500)
    assert len(ear.heard) == 10
    gaps = [b - a for a, b in pairwise(dues)][:7]
    assert gaps == sorted(gaps)


def test_a_message_is_sent_again_from_the_log_with_its_id(house, dsn, bought, ear):
    account, hook, _, facts = bought()
    announce_purchases(context(house), facts)
    [message] = messages(dsn, hook)
    send_webhook(context(house), {"message_id": str(message.id)})
    with connect(dsn) as db, db.transaction():
        assert (
            party.send_again(db, make.STAFF, account.party_id + 1, message.id, clock.now())
            is WebhookRefusal.NO_SUCH_WEBHOOK
        )
        assert party.send_again(db, make.STAFF, account.party_id, message.id, clock.now()) is None
    send_webhook(context(house), {"message_id": str(message.id)})
    assert len({headers["webhook-id"] for headers, _ in ear.heard}) == 1
    assert len(ear.heard) == 2


def test_nobody_makes_us_call_our_own_network_in_production(house, dsn, bought, ear):
    _, hook, _, facts = bought()
    ctx = replace(context(house), is_behind_proxy=True)
    announce_purchases(ctx, facts)
    [message] = messages(dsn, hook)
    send_webhook(ctx, {"message_id": str(message.id)})
    assert ear.heard == []
    assert messages(dsn, hook)[0].trouble == "the address is not public"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/x",
        "https://u:p@a.example/",
        "https://",
        "http://a.example/hook",
        "https://a b.example/",
        "https://例子.example/x",
    ],
)
def test_an_address_that_is_none(db, ring, url):
    told = party.add_webhook(
        db, ring, make.STAFF, (make.organisation(db), url, ("topup.credited",)), clock.now(), needs_https=True
    )
    assert told is WebhookRefusal.WRONG_URL


def test_a_closed_webhook_hears_nothing_more(house, dsn, bought, ear):
    account, hook, _, facts = bought()
    with connect(dsn) as db, db.transaction():
        assert party.close_webhook(db, make.STAFF, account.party_id, hook.id, clock.now()) is None
    announce_purchases(context(house), facts)
    assert messages(dsn, hook) == []


def test_one_fact_that_breaks_the_batch_hurts_only_itself(house, monkeypatch):
    done = []

    def handler(_ctx, bodies):
        if any(body.get("bad") for body in bodies):
            raise RuntimeError("bad")
        done.extend(bodies)

    monkeypatch.setitem(handlers.AT_ONCE, "planted", handler)
    at = clock.now()
    facts = [events.Leased(0, one, "planted", {"bad": n == 1}, 1, at) for n, one in enumerate(make.ids(3))]
    assert [fact.body for fact in worker._do_at_once(context(house), "planted", facts)] == [{"bad": False}] * 2
    assert len(done) == 2


def test_what_a_topup_and_a_bulk_purchase_announce(house, dsn, ring, ear):
    with connect(dsn) as db, db.transaction():
        account = make.account(db, 0)
        hook, _ = party.add_webhook(
            db, ring, make.STAFF, (account.party_id, ear.url, party.TOPICS), clock.now(), needs_https=False
        )
        topup = make.topup(db, account.id, 5_000)
    handlers.HANDLERS["topup.credited"](context(house), {"account_id": account.id, "topup_id": str(topup.id)})
    [message] = messages(dsn, hook)
    assert message.body["data"]["amount_fen"] == 5_000
    with connect(dsn) as db:
        assert values(
            db,
            "SELECT count(*) FROM outbox WHERE topic = 'webhook.send' AND body ->> 'message_id' = %s",
            [str(message.id)],
        ) == [1]
