"""A till that is told to stop finishes what was asked of it: nobody who had sent a request is left without its answer."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time

import httpx

from bench import gun
from kashu import party
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from tests import make
from tests.ports import free_port

MANY = 60


def test_a_told_till_answers_what_it_was_asked_and_ends(house, ring, dsn):
    with connect(dsn) as db, db.transaction():
        sku, account = make.stocked(db, ring, MANY), make.account(db, 10**9)
        key, secret = party.make_key(
            db, ring, make.STAFF, account.party_id, "k", ("purchases.write",), clock.now(), 10_000
        )
    port = free_port()
    env = {**os.environ, "KASHU_TILL_PORT": str(port), "KASHU_LOG_LEVEL": "ERROR"}
    till = subprocess.Popen([sys.executable, "-m", "kashu", "till"], env=env)
    try:
        until_up(port)
        body = json.dumps({"sku": sku.code, "quantity": 1}).encode()
        asked = [gun.signed(key.id, secret, "POST", "/open/v1/purchases", body, f"k{n}") for n in range(MANY)]
        answers = asyncio.run(stopped_in_between(port, asked, till))
        assert till.wait(20) in (0, -signal.SIGTERM)
    finally:
        till.kill()
        till.wait()

    assert [status for status, _ in answers] == [201] * MANY
    with connect(dsn) as db:
        assert value(db, "SELECT count(*) FROM sales_order WHERE account_id = %s", [account.id]) == MANY


async def stopped_in_between(port, asked, till):
    loop = asyncio.get_running_loop()
    lines = [(await loop.create_connection(gun.Line, "127.0.0.1", port))[1] for _ in asked]
    waiting = [line.ask(request) for line, request in zip(lines, asked, strict=True)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)  # the rest is on its way, or waits for its batch
    till.send_signal(signal.SIGTERM)
    answers = await asyncio.gather(*waiting)
    for line in lines:
        line.close()
    return answers


def until_up(port):
    deadline = time.monotonic() + 30
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)
