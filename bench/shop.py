"""A shop of its own for measuring: a migrated database, stock, machines that buy, a till on a port that was free."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from bench import gun, house

CONNECTIONS = 128
TILL = (sys.executable, "-m", "kashu", "till")
START_SECONDS = 30


@dataclass
class Shop:
    """Accounts with keys, SKUs with pools, all committed."""

    keys: list[tuple[str, str]]
    codes: list[str]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a round of purchases came to; CPU ms of each purchase, the load generator left out."""

    per_second: float
    till_ms: float
    server_ms: float
    p99_seconds: float
    wal_bytes: float

    @property
    def cpu_ms(self) -> float:
        return self.till_ms + self.server_ms

    def __str__(self) -> str:
        parts = f"till {self.till_ms:.3f}, server {self.server_ms:.3f}"
        return f"{self.per_second:.0f}/s {self.cpu_ms:.3f} ms ({parts}), p99 {self.p99_seconds * 1000:.0f} ms"


@contextmanager
def opened():
    """A running, migrated house: (runtime, its folder). Nothing of it is left afterwards."""
    with house.folder() as folder:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            os.environ["KASHU_TILL_PORT"] = str(probe.getsockname()[1])
        from kashu.server.migrate import migrate
        from kashu.server.runtime import runtime

        run = runtime()
        run.embedded.start()
        try:
            migrate(run)
            yield run, folder
        finally:
            run.pool.close()
            run.embedded.stop("immediate")


@contextmanager
def till(run, command: Sequence[str] = TILL) -> Iterator[subprocess.Popen]:
    """A till, answering; `command` may start a changed one."""
    process = subprocess.Popen(command, env={**os.environ, "KASHU_LOG_LEVEL": "WARNING"})
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(run.env.till_port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the till does not start")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def stock(run, each: int, *, accounts: int = 20, skus: int = 5, pools: int = 2, per_second: int = 10_000) -> Shop:
    """So many accounts, each with a key, and `each` cards in every pool of every SKU; money for all of it."""
    from kashu import party
    from kashu.kernel import clock
    from kashu.kernel.db import connect
    from tests import make

    keys = []
    with connect(run.dsn) as db, db.transaction():
        for _ in range(accounts):
            account = make.account(db, 10**12)
            scopes = ("purchases.write",)
            key, secret = party.make_key(
                db, run.ring, make.STAFF, account.party_id, "bench", scopes, clock.now(), per_second
            )
            keys.append((key.id, secret))
        made = [make.sku(db) for _ in range(skus)]
        for sku in made:
            for _ in range(pools):
                make.batch(db, run.ring, sku, each)
    return Shop(keys, [sku.code for sku in made])


def vacuum(run) -> None:
    from kashu.kernel.db import connect

    with connect(run.owner_dsn) as db:
        db.execute("SET statement_timeout = 0")
        db.execute("VACUUM ANALYZE")


def postmaster(run) -> int:
    return int((run.embedded.data / "postmaster.pid").read_text().split("\n")[0])


def wal_position(run) -> int:
    """Bytes of WAL written since the beginning."""
    from kashu.kernel.db import connect, value

    with connect(run.owner_dsn) as db:
        return int(value(db, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))


def purchases(shop: Shop, many: int) -> list[bytes]:
    """Signed purchases of one card each, the accounts in turn, the SKUs by chance."""
    asked = []
    for n in range(many):
        body = json.dumps({"sku": secrets.choice(shop.codes), "quantity": 1, "reference": ""}).encode()
        asked.append(
            gun.signed(*shop.keys[n % len(shop.keys)], "POST", "/open/v1/purchases", body, secrets.token_hex(8))
        )
    return asked


def measure(run, till: subprocess.Popen, shop: Shop, many: int, connections: int = CONNECTIONS) -> Figures:
    """A round of purchases that must all succeed."""
    requests = purchases(shop, many)
    before, wal = (gun.cpu_of(till.pid), gun.cpu_of(postmaster(run))), wal_position(run)
    hits = gun.fire(run.env.till_port, requests, connections)
    after = gun.cpu_of(till.pid), gun.cpu_of(postmaster(run))
    assert hits.statuses == {201: many}, hits.statuses
    parts = [(b - a) * 1000 / many for a, b in zip(before, after, strict=True)]
    return Figures(many / hits.seconds, *parts, hits.at(0.99), (wal_position(run) - wal) / many)
