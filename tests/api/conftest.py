"""The open API on both lanes: the till as ASGI and Django as WSGI, driven by one client over real requests."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field, replace

import httpx
import pytest

from kashu import party
from kashu.kernel import clock
from kashu.kernel.db import connect
from kashu.server.wiring import context
from tests import make

ALL = ("catalog.read", "account.read", "purchases.read", "purchases.write")


@dataclass
class Machine:
    """A B-end buyer's machine with its key."""

    key_id: str
    secret: str = field(repr=False)
    account: object = None

    def signed(self, method, target, body=b"", key="", **changed):
        stamp, nonce = changed.get("stamp", str(int(time.time()))), changed.get("nonce", secrets.token_hex(16))
        told = f"{method}\n{target}\n{stamp}\n{nonce}\n{key}\n{hashlib.sha256(body).hexdigest()}"
        sign = hmac.new(changed.get("secret", self.secret).encode(), told.encode(), hashlib.sha256).hexdigest()
        headers = {"Kashu-Key": self.key_id, "Kashu-Timestamp": stamp, "Kashu-Nonce": nonce, "Kashu-Signature": sign}
        return headers | ({"Idempotency-Key": key} if key else {})


class Lane:
    """Asks one lane; `get` and `buy` sign for a machine."""

    def __init__(self, name, ask):
        self.name, self.ask = name, ask

    def get(self, machine, target, **changed):
        return self.ask("GET", target, machine.signed("GET", target, **changed))

    def buy(self, machine, sku, quantity=1, key=None, reference="", **changed):
        body = json.dumps({"sku": getattr(sku, "code", sku), "quantity": quantity, "reference": reference}).encode()
        return self.post(machine, "/open/v1/purchases", body, key, **changed)

    def post(self, machine, target, body, key=None, **changed):
        key = secrets.token_hex(8) if key is None else key
        return self.ask("POST", target, machine.signed("POST", target, body, key, **changed), body)


@pytest.fixture
def till(house):
    from kashu.kernel.db import Pool
    from kashu.till.app import App

    pool = Pool(house.dsn)
    with asyncio.Runner() as runner:
        app = App(replace(context(house), pool=pool))
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://till")

        def ask(method, target, headers, body=b""):
            return runner.run(client.request(method, target, headers=headers, content=body))

        yield Lane("till", ask)
        runner.run(client.aclose())
    pool.close()


@pytest.fixture
def web(site):
    from kashu.server.wsgi import application

    with httpx.Client(transport=httpx.WSGITransport(app=application), base_url="http://testserver") as client:
        yield Lane(
            "web",
            lambda method, target, headers, body=b"": client.request(method, target, headers=headers, content=body),
        )


@pytest.fixture(params=["till", "web"])
def lane(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def machine(dsn, ring):
    """A machine with an account and a key, committed."""

    def open_machine(balance_fen=1_000_000, scopes=ALL, per_second=1_000, **told):
        with connect(dsn) as db, db.transaction():
            account = make.account(db, balance_fen, **told)
            key, secret = party.make_key(
                db, ring, make.STAFF, account.party_id, "shop", scopes, clock.now(), per_second
            )
        return Machine(key.id, secret, account)

    return open_machine


@pytest.fixture
def stocked(dsn, ring):
    def stock(many, **told):
        with connect(dsn) as db, db.transaction():
            return make.stocked(db, ring, many, **told)

    return stock
