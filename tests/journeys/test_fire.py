"""Sales while processes are killed outright. Whatever was acknowledged is still there, and the house is sound."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import tempfile
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.journeys.conftest import start, stop
from tests.ports import free_port


@pytest.mark.parametrize(
    ("seconds", "seed"), [pytest.param(20, 7, id="short"), pytest.param(300, 11, id="long", marks=pytest.mark.long)]
)
@pytest.mark.timeout(900)
def test_killed_processes_lose_no_paid_order(seconds, seed):
    folder = Path(tempfile.mkdtemp(prefix="kashu-fire-"))
    folder.chmod(0o711)
    kashu = start(folder / "var", free_port(4))
    history: list[tuple[str, str]] = []
    try:
        stopping = threading.Event()
        buyers = [
            threading.Thread(target=shop, args=[kashu, random.Random(seed * 100 + n), history, stopping])
            for n in range(4)
        ]
        for buyer in buyers:
            buyer.start()
        kills = burn(kashu, random.Random(seed), time.monotonic() + seconds)
        stopping.set()
        for buyer in buyers:
            buyer.join()
        kashu.until_ready()
        settle_down(kashu, history)
        done = kashu.kashu("invariants", "--json", check=False)
        trail = kashu.kashu("audit", "verify", "--json", check=False)
        paid = [token for what, token in history if what == "paid"]
        states = {token: state_of(kashu, token) for token in paid}
    finally:
        stop(kashu)

    assert done.stdout.strip() == "[]", done.stdout
    assert trail.stdout.strip() == "[]", trail.stdout
    assert len(paid) >= 3
    assert kills >= 3
    assert set(states.values()) <= {"delivered", "refunded"}
    shown = [card for what, card in history if what == "card"]
    assert len(shown) == len(set(shown)), "one card was shown to two buyers"


def test_an_import_survives_a_killed_worker(tmp_path):
    """The worker dies in the middle of a file; the next one takes the job up and imports nothing twice."""
    from kashu import cards
    from kashu.kernel import clock
    from kashu.kernel.db import connect, value
    from kashu.server.env import read
    from kashu.server.runtime import Runtime
    from kashu.server.wiring import context
    from kashu.wire import preview, spool
    from tests import make

    folder = Path(tempfile.mkdtemp(prefix="kashu-worker-"))
    folder.chmod(0o711)
    kashu = start(folder / "var", free_port(4))
    run = Runtime(read({"KASHU_VAR": str(kashu.var), "KASHU_PORT": str(kashu.port)}))
    many = 120_000
    try:
        ctx = context(run)
        kept = spool.keep(ctx.spool, ctx.ring, ["\n".join(f"WORKER-{n:07d}-KILLED" for n in range(many)).encode()])
        with connect(run.dsn) as db, db.transaction():
            sku, form = make.sku(db), preview.format_of(ctx, kept.name)
            new = cards.NewBatch(
                sku.id, make.supplier(db), "single_use", "f", kept.size, kept.sha256, kept.name, form, 1, "", many
            )
            batch = cards.receive(db, ctx.ring, make.STAFF, new, clock.now())
            cards.start(db, make.STAFF, batch.pool_id, clock.now())
        with connect(run.dsn) as db:
            sql = "SELECT lines_done FROM cards_batch WHERE pool_id = %s"
            wait_until(lambda: value(db, sql, [batch.pool_id]) > 0)
            os.kill(kashu.children()["worker"].pid, signal.SIGKILL)
            killed_at = value(db, sql, [batch.pool_id])
            wait_until(
                lambda: value(db, "SELECT state FROM cards_batch WHERE pool_id = %s", [batch.pool_id]) == "loaded"
            )
            told = db.execute(
                "SELECT accepted, rejected FROM cards_batch WHERE pool_id = %s", [batch.pool_id]
            ).fetchone()
            cards_there = value(db, "SELECT count(*)::int FROM cards_card WHERE pool_id = %s", [batch.pool_id])
    finally:
        run.pool.close()
        stop(kashu)
    assert killed_at < many, "the worker was done before it could be killed"
    assert (told, cards_there) == ((many, 0), many)


def wait_until(is_true, seconds=120):
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def burn(kashu, chance, until):
    """Kill a process of ours outright every second or so."""
    kills = 0
    while time.monotonic() < until:
        time.sleep(chance.uniform(0.7, 1.6))
        name = chance.choice(["till", "web", "worker", "postgres", "till", "web"])
        with contextlib.suppress(psutil.Error, KeyError, OSError, ValueError):
            if name == "postgres":
                postmaster_kill(kashu, chance)
            else:
                os.kill(kashu.children()[name].pid, signal.SIGKILL)
            kills += 1
    return kills


def postmaster_kill(kashu, chance):
    """A backend, so that PostgreSQL restarts itself; its whole server is killed in the launcher's own tests."""
    pid = int((kashu.var / "pg" / "data" / "postmaster.pid").read_text().split()[0])
    backends = [one for one in psutil.Process(pid).children() if "kashu_app" in " ".join(one.cmdline())]
    if backends:
        os.kill(chance.choice(backends).pid, signal.SIGKILL)


def shop(kashu, chance, history, stopping):
    """Buy, pay, sometimes give up, sometimes look: again and again, whatever fails."""
    while not stopping.is_set():
        with (
            httpx.Client(base_url=kashu.url, trust_env=False, timeout=10, headers={"accept-language": "zh-CN"}) as http,
            contextlib.suppress(httpx.HTTPError, KeyError, TypeError),
        ):
            buy(http, chance, history)


def buy(http, chance, history):
    slug, code = chance.choice([("zimu-month", "ZM-MONTH"), ("shangu-50", "SG-50"), ("zhiwei-year", "ZW-YEAR")])
    page = http.get(f"/s/{slug}/checkout", params={"sku": code}).text
    form = dict(re.findall(r'name="(csrfmiddlewaretoken|sku|quantity|key|page)" value="([^"]*)"', page))
    form |= {"consent": re.search(r'name="consent" value="(\w+)"', page)[1], "pay": "sandbox", "place": "1"}
    answer = None
    for _ in range(3):  # an impatient buyer sends the form again
        with contextlib.suppress(httpx.HTTPError):
            answer = http.post(f"/s/{slug}/checkout", data=form)
            if answer.status_code in (302, 409, 429):
                break
    if answer is None or answer.status_code != 302:
        return
    cashier = http.get(answer.headers["location"]).text if "/pay/" in answer.headers["location"] else ""
    where = answer.headers["location"]
    token = where.rsplit("/", 1)[-1] if "/o/" in where else None
    if "/pay/" in where and "支付成功" in cashier and chance.random() < 0.8:
        back = httpx.post(where, data={"outcome": "success"}, trust_env=False, timeout=10)
        token = back.headers["location"].rsplit("/", 1)[-1]
        history.append(("paid", token))
    if token is None:
        return
    for _ in range(20):
        html = http.get(f"/o/{token}").text
        if "卡密已送达" in html:
            break
        time.sleep(0.2)
    else:
        return
    csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]*)"', html)[1]
    verb = "refund" if chance.random() < 0.2 else "reveal"
    shown = http.post(f"/o/{token}/{verb}", data={"csrfmiddlewaretoken": csrf}).text
    history.extend(("card", secret) for secret in re.findall(r'<span class="mono">([0-9A-Z-]{19})</span>', shown))


def settle_down(kashu, history, seconds=90):
    """Until every paid order has come to its end: notices, queries and refunds are given time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        states = {state_of(kashu, token) for what, token in history if what == "paid"}
        if states <= {"delivered", "refunded"}:
            return
        time.sleep(1)


def state_of(kashu, token):
    with httpx.Client(trust_env=False, timeout=10) as http:
        return http.get(f"{kashu.url}/o/{token}/status").json()["state"]
