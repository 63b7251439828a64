"""`script/soak MINUTES SEED`: random clients on a whole house while its processes are killed outright.

Machines buy, guests check out and pay, the gateway's notices come 1 to 20 times, shuffled, a tenth of them forged;
orders are refunded, card files imported, batches withdrawn and put back, keys rotated. Every acknowledged answer is
kept, and afterwards held against the database: nothing acknowledged is missing, no card is in two answers, the same key
has the same answer, every paid order is delivered or refunded, the books and the trail are sound.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import random
import re
import secrets
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg

from bench import soak_gateway, soak_kinds
from bench.soak_gateway import KINDS
from tests.journeys.conftest import Running, start, stop
from tests.ports import free_port

SKUS = 3
MACHINES = 4
CHANCES = {"till": 4, "web": 4, "worker": 3, "postgres": 3, "postmaster": 1}
GUESTS = [
    ("zimu-month", "ZM-MONTH"),
    ("shangu-50", "SG-50"),
    ("zhiwei-year", "ZW-YEAR"),
    ("guangying-direct", "GY-MONTH"),
]
ENDED = ("卡密已送达", "充值已完成", "退款中", "已退款")
LOW, MORE = 400, 1_500
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile Safari"
LATE_SHARE, LATE_SECONDS = 0.05, 80  # holds last for 60 s: these gateways say closed first, and paid afterwards


@dataclass
class Machine:
    """A buyer's machine; `key` changes while it works."""

    account_id: int
    key: tuple[str, str]
    done: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass
class World:
    """The house, who uses it, and all that it has acknowledged."""

    kashu: Running
    run: object
    seed: int
    until: float
    machines: list[Machine] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    answers: dict[tuple[int, str], list[dict]] = field(default_factory=lambda: defaultdict(list))
    paid: list[str] = field(default_factory=list)
    late: list[tuple[float, str, str]] = field(default_factory=list)
    shown: list[tuple[str, str]] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def gateway(self) -> str:
        """Where the sandbox is."""
        return f"http://127.0.0.1:{self.kashu.port + 2}"

    def over(self) -> bool:
        return self.stop.is_set() or time.monotonic() > self.until

    @contextlib.contextmanager
    def db(self):
        from kashu.kernel.db import connect

        db = connect(self.run.dsn)
        try:
            with db.transaction():
                yield db
        finally:
            db.close()


def soak(seconds: float, seed: int, gap: tuple[float, float] = (2.0, 7.0)) -> dict:
    """Run for so long; what happened, and under `faults` what should not have."""
    from kashu.server.env import read
    from kashu.server.runtime import Runtime

    folder = Path(tempfile.mkdtemp(prefix="kashu-soak-"))
    folder.chmod(0o711)
    kashu = start(folder / "var", free_port(4), KASHU_HOLD_SECONDS="60")
    run = Runtime(read({"KASHU_VAR": str(kashu.var), "KASHU_PORT": str(kashu.port), "KASHU_HOLD_SECONDS": "60"}))
    world = World(kashu, run, seed, time.monotonic() + seconds)
    try:
        prepare(world)
        soak_kinds.prepare(world)
        works = [machine_buys] * MACHINES + [guest_buys] * 3
        works += [
            soak_gateway.gateway_repeats,
            soak_gateway.money_comes_late,
            soak_gateway.bad_days,
            stock_moves,
            keys_turn,
            soak_kinds.clerk_works,
        ]
        threads = [threading.Thread(target=keep_on, args=[world, work, n]) for n, work in enumerate(works)]
        for thread in threads:
            thread.start()
        burn(world, random.Random(seed), gap)
        for thread in threads:
            thread.join()
        kashu.until_ready()
        soak_gateway.good_day(world)
        faults = check(world)
        print(
            json.dumps({"faults": faults[:50], **world.counts}, ensure_ascii=False), flush=True
        )  # whatever comes after
    finally:
        world.stop.set()
        run.pool.close()
        stop(kashu)
        shutil.rmtree(folder, ignore_errors=True)
    return {"seconds": round(seconds), "seed": seed, **dict(sorted(world.counts.items())), "faults": faults}


def prepare(world: World) -> None:
    from kashu import party
    from kashu.kernel import clock
    from tests import make

    with world.db() as db:
        skus = [make.sku(db) for _ in range(SKUS)]
        for sku in skus:
            make.batch(db, world.run.ring, sku, MORE)
        world.codes = [sku.code for sku in skus]
        for _ in range(MACHINES):
            account = make.account(db, 10**13)
            key, secret = party.make_key(
                db,
                world.run.ring,
                make.STAFF,
                account.party_id,
                "soak",
                ("purchases.write", "purchases.read"),
                clock.now(),
                10_000,
            )
            world.machines.append(Machine(account.id, (key.id, secret)))


def keep_on(world: World, work, n: int) -> None:
    """Do something again and again, whatever fails: a house on fire answers with errors, and that is fine."""
    chance = random.Random(world.seed * 1_000 + n)
    while not world.over():
        try:
            work(world, chance, n)
        except (httpx.HTTPError, psycopg.Error, sqlite3.Error, KeyError, TypeError, ValueError, IndexError) as error:
            world.counts[f"trouble {type(error).__name__}"] += 1
            time.sleep(0.2)


def machine_buys(world: World, chance: random.Random, n: int) -> None:
    """One purchase, asked for until it has an answer; now and then an old one again."""
    machine = world.machines[n % MACHINES]
    if machine.done and chance.random() < 0.15:
        key, body = chance.choice(machine.done)
        world.counts["purchases repeated"] += 1
    else:
        key = secrets.token_hex(12)
        told = {
            "sku": chance.choice(world.codes),
            "quantity": chance.choice([1, 1, 1, 2, 5]),
            "reference": chance.choice(["", key]),
        }
        if chance.random() < 0.3:
            told = soak_kinds.purchase(world, chance, key)
        body = json.dumps(told).encode()
    with httpx.Client(trust_env=False, timeout=10) as http:
        while True:
            port = world.kashu.port + (1 if chance.random() < 0.8 else 0)
            try:
                answer = http.post(
                    f"http://127.0.0.1:{port}/open/v1/purchases", content=body, headers=signed(machine.key, key, body)
                )
            except httpx.HTTPError:
                world.counts["purchases unanswered"] += 1
                time.sleep(0.1)
                continue
            if answer.status_code in (401, 429, 500, 502, 503) or (
                answer.status_code == 409 and b"in_flight" in answer.content
            ):
                world.counts[f"purchases told {answer.status_code}"] += 1
                time.sleep(0.1)
                is_locked_out = answer.status_code == 401 and world.over()  # no new key will come any more
                if world.stop.is_set() or is_locked_out:
                    return
                continue
            break
    if answer.status_code in (201, 202):
        machine.done.append((key, body))
        world.answers[machine.account_id, key].append(answer.json())
        world.counts["purchases acknowledged"] += 1
    else:
        world.counts[f"purchases refused {answer.json()['code']}"] += 1
    time.sleep(chance.uniform(0.02, 0.2))


def signed(key: tuple[str, str], idempotency: str, body: bytes) -> dict[str, str]:
    stamp, nonce = str(int(time.time())), secrets.token_hex(12)
    told = f"POST\n/open/v1/purchases\n{stamp}\n{nonce}\n{idempotency}\n{hashlib.sha256(body).hexdigest()}"
    sign = hmac.new(key[1].encode(), told.encode(), hashlib.sha256).hexdigest()
    return {
        "Kashu-Key": key[0],
        "Kashu-Timestamp": stamp,
        "Kashu-Nonce": nonce,
        "Kashu-Signature": sign,
        "Idempotency-Key": idempotency,
    }


def guest_buys(world: World, chance: random.Random, _n: int) -> None:
    """A guest: sheet, checkout (through the till or the web lane), pay page, then a look or a refund, or nothing."""
    slug, code = chance.choice(GUESTS)
    with httpx.Client(
        base_url=world.kashu.url, trust_env=False, timeout=10, headers={"accept-language": "zh-CN", "user-agent": PHONE}
    ) as http:
        page = http.get(f"/s/{slug}/checkout", params={"sku": code}).text
        form = dict(re.findall(r'name="(csrfmiddlewaretoken|sku|quantity|key|page)" value="([^"]*)"', page))
        if code == "GY-MONTH":
            form |= {"f_phone": f"1390013{chance.choice(soak_kinds.ENDS)}"}
        form |= {
            "consent": re.search(r'name="consent" value="(\w+)"', page)[1],
            "pay": chance.choice(KINDS),
            "effort": "",
        }
        port = world.kashu.port + chance.randint(0, 1)
        told = None
        for _ in range(3):  # an impatient buyer sends the form again
            with contextlib.suppress(httpx.HTTPError, ValueError):
                told = http.post(f"http://127.0.0.1:{port}/checkout", data=form).json()
                break
        world.counts["checkouts"] += 1
        if not told or "go" not in told:
            world.counts[f"checkouts refused {(told or {}).get('refused', 'other')}"] += 1
            return
        token = told["go"].split("/")[2]
        where = http.get(told["go"]).headers.get("location", "")
        if "/alipay/" in where:  # the payer's browser brings the signed order to the gateway, which has the pay page
            where = http.get(where).headers.get("location", "")
        if "/pay/" not in where:
            return
        if chance.random() < LATE_SHARE:
            world.late.append((time.monotonic() + LATE_SECONDS, token, urlsplit(where).path.rpartition("/")[2]))
            return
        if chance.random() > 0.75:
            return
        with httpx.Client(trust_env=False, timeout=10) as gateway:
            if "支付成功" not in gateway.get(where).text:
                return
            gateway.post(where, data={"outcome": "success"})
        world.paid.append(token)
        world.counts["checkouts paid"] += 1
        look(world, chance, http, token)


def look(world: World, chance: random.Random, http: httpx.Client, token: str) -> None:
    for _ in range(30):
        html = http.get(f"/o/{token}").text
        if any(text in html for text in ENDED):
            break
        time.sleep(0.3)
    else:
        return
    if "卡密已送达" not in html:
        return
    csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]*)"', html)[1]
    verb = "refund" if chance.random() < 0.2 else "reveal"
    shown = http.post(f"/o/{token}/{verb}", data={"csrfmiddlewaretoken": csrf}).text
    world.counts[f"orders {verb}ed"] += 1
    world.shown += [(token, secret) for secret in re.findall(r'<span class="mono">([0-9A-Z-]{19})</span>', shown)]


def stock_moves(world: World, chance: random.Random, _n: int) -> None:
    """Import a file where a shelf runs low, put loaded batches on sale, withdraw one and put it back."""
    from kashu import cards
    from kashu.kernel import clock
    from tests import make

    with world.db() as db:
        loaded = [row[0] for row in db.execute("SELECT pool_id FROM cards_batch WHERE state = 'loaded'")]
        low = db.execute(
            """
            SELECT sku.id, count(card.id) FROM catalog_sku AS sku JOIN cards_pool AS pool ON pool.sku_id = sku.id AND pool.sellable
            LEFT JOIN cards_card AS card ON card.pool_id = pool.id AND card.state = 'on_shelf'
            WHERE sku.kind = 'single_use' GROUP BY sku.id HAVING count(card.id) < %s LIMIT 1""",
            [LOW],
        ).fetchone()
        waiting = db.execute("SELECT count(*) FROM cards_batch WHERE state IN ('loading', 'loaded')").fetchone()[0]
        on_sale = [row[0] for row in db.execute("SELECT pool_id FROM cards_batch WHERE state = 'on_sale'")]
    for pool_id in loaded:
        with world.db() as db:
            make.put_on_sale(db, world.run.ring, pool_id)
        world.counts["batches on sale"] += 1
    if low is not None and not waiting:
        import_file(world, low[0])
    elif on_sale and chance.random() < 0.3:
        pool_id = chance.choice(on_sale)
        with world.db() as db:
            cards.withdraw(db, make.STAFF, pool_id, "soak", clock.now())
        world.counts["batches withdrawn"] += 1
        time.sleep(chance.uniform(0.2, 1))
        while not world.stop.is_set():
            try:
                with world.db() as db:
                    cards.put_on_sale(db, make.STAFF, pool_id, clock.now())
                break
            except psycopg.Error:
                time.sleep(0.3)
    time.sleep(chance.uniform(0.5, 2))


def import_file(world: World, sku_id: int) -> None:
    from kashu import cards
    from kashu.kernel import clock
    from kashu.server.wiring import context
    from kashu.wire import preview, spool
    from tests import make

    ctx = context(world.run)
    lines = [
        f"{secrets.token_hex(6)}----{'-'.join(secrets.token_hex(2).upper() for _ in range(4))}" for _ in range(MORE)
    ]
    kept = spool.keep(ctx.spool, ctx.ring, ["\n".join(lines).encode()])
    with world.db() as db:
        form = preview.format_of(ctx, kept.name)
        new = cards.NewBatch(
            sku_id,
            make.supplier(db),
            "single_use",
            "soak.txt",
            kept.size,
            kept.sha256,
            kept.name,
            form,
            1_000,
            "",
            MORE,
        )
        batch = cards.receive(db, ctx.ring, make.STAFF, new, clock.now())
        cards.start(db, make.STAFF, batch.pool_id, clock.now())
    world.counts["files imported"] += 1


def keys_turn(world: World, chance: random.Random, _n: int) -> None:
    """A machine gets a new key; the old one ends at once, or after an overlap, or is revoked."""
    from kashu import party
    from kashu.kernel import clock
    from tests import make

    time.sleep(chance.uniform(2, 8))
    machine = chance.choice(world.machines)
    old = machine.key[0]
    with world.db() as db:
        key, secret = party.rotate_key(db, world.run.ring, make.STAFF, old, chance.choice([0, 60]), clock.now())
    machine.key = (key.id, secret)
    if chance.random() < 0.3:
        with world.db() as db:
            party.revoke_key(db, make.STAFF, old, clock.now())
    world.counts["keys rotated"] += 1


def burn(world: World, chance: random.Random, gap: tuple[float, float]) -> None:
    """Kill a process of the house outright, again and again."""
    names, weights = zip(*CHANCES.items(), strict=True)
    while not world.over():
        time.sleep(chance.uniform(*gap))
        [name] = chance.choices(names, weights)
        with contextlib.suppress(psutil.Error, KeyError, OSError, ValueError, IndexError):
            if name in ("postgres", "postmaster"):
                kill_postgres(world, chance, name)
            else:
                os.kill(world.kashu.children()[name].pid, signal.SIGKILL)
            world.counts["kills"] += 1
            world.counts[f"kills of {name}"] += 1


def kill_postgres(world: World, chance: random.Random, name: str) -> None:
    """A backend (PostgreSQL then restarts itself), or its parent (we start it again, as an init system would)."""
    pid = int((world.run.embedded.data / "postmaster.pid").read_text().split()[0])
    if name == "postmaster":
        os.kill(pid, signal.SIGKILL)
        while not world.stop.is_set():
            with contextlib.suppress(Exception):
                world.run.embedded.start()
                return
            time.sleep(0.5)
    backends = [one for one in psutil.Process(pid).children() if "kashu_app" in " ".join(one.cmdline())]
    os.kill(chance.choice(backends).pid, signal.SIGKILL)


def check(world: World) -> list[str]:
    """Everything acknowledged, against what is there."""
    settle_down(world)
    told = world.kashu.kashu("invariants", "--json", check=False).stdout.strip()
    faults = [] if told == "[]" else [f"invariants: {told[:2_000]}"]
    for words in (("ledger", "check"), ("audit", "verify")):
        told = world.kashu.kashu(*words, "--json", check=False).stdout.strip()
        faults += [] if told == "[]" else [f"{' '.join(words)}: {told[:2_000]}"]
    faults += check_purchases(world)
    faults += soak_kinds.check(world)
    with world.db() as db:
        found = dict(db.execute("SELECT token, state FROM sales_order WHERE token = ANY (%s)", [world.paid]).fetchall())
        world.counts["orders refunded in the end"] = sum(state == "refunded" for state in found.values())
        world.counts["incidents"] = db.execute("SELECT count(*) FROM sales_incident").fetchone()[0]
    faults += [
        f"paid order {token[:6]} is {found.get(token)}"
        for token in world.paid
        if found.get(token) not in ("delivered", "completed", "refunded")
    ]
    return faults


def check_purchases(world: World) -> list[str]:
    from kashu import sales
    from kashu.kernel.ids import pool_of

    faults, owner = [], {}
    for (_account, key), answers in world.answers.items():
        if not is_one_answer(answers):
            faults.append(f"key {key} had two answers")
    firsts = [answers[-1] for answers in world.answers.values()]
    for start_at in range(0, len(firsts), 200):
        some = firsts[start_at : start_at + 200]
        with world.db() as db:
            orders = {one["id"]: sales.by_number(db, pool_of(one["id"]), one["id"]) for one in some}
            kept = [(order.pool_id, order.id) for order in orders.values() if order is not None]
            there = {one.number: one for one in sales.receipts(db, world.run.ring, kept)}
        for one in some:
            receipt = there.get(one["id"])
            if receipt is None:
                faults.append(f"acknowledged purchase {one['id']} is missing")
            elif one["state"] != "processing" and [card.secret for card in receipt.cards] != [
                card["secret"] for card in one["cards"]
            ]:
                faults.append(f"purchase {one['id']} has other cards than it was answered with")
    cards = [(one["id"], card["secret"]) for one in firsts for card in one["cards"] if card["secret"] != "done by hand"]
    for where, secret in [*cards, *world.shown]:
        if owner.setdefault(secret, where) != where:
            faults.append(f"one card in {owner[secret]} and {where}")
    world.counts["cards in answers"] = len(owner)
    return faults


def is_one_answer(answers: list[dict]) -> bool:
    """Whether these are one and the same; what is being issued may come to its end, once, and stay there."""
    ends = [answer for answer in answers if answer["state"] != "processing"]
    begun = answers[: len(answers) - len(ends)]
    moving = ("state", "cards", "delivered_at")
    fixed = [{name: told for name, told in answer.items() if name not in moving} for answer in answers]
    is_in_order = all(answer["state"] == "processing" for answer in begun)
    return is_in_order and all(one == fixed[0] for one in fixed) and all(one == ends[0] for one in ends)


def settle_down(world: World, seconds: float = 150) -> None:
    """Until every paid order has come to its end: notices, queries, expiry and refunds are given time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.Error), world.db() as db:
            is_waiting = soak_kinds.waits(world)
            found = db.execute(
                "SELECT count(*) FROM sales_order WHERE token = ANY (%s) AND state NOT IN ('delivered', 'refunded')",
                [world.paid],
            )
            if found.fetchone()[0] == 0 and not is_waiting:
                return
        time.sleep(1)


if __name__ == "__main__":
    done = soak(float(sys.argv[1]) * 60, int(sys.argv[2]))
    print(json.dumps(done, ensure_ascii=False, indent=1))
    print(
        f"soak kills={done.get('kills', 0)} purchases={done.get('purchases acknowledged', 0)} paid={done.get('checkouts paid', 0)} faults={len(done['faults'])}"
    )
    sys.exit(bool(done["faults"]))
