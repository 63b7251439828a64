"""`script/bench rush [GUESTS] [CARDS]`: guests through the store's checkout: 10,000 for 2,000 cards of one SKU. A third of
those who hold a card pay, the rest let it lapse; who was refused comes again. In the end every card is sold and none
twice; p99 of the answers ≤ 1 s.

The till is the real one, behind a pretended proxy so that guests have addresses of their own. The work it asks for
under pressure is asked for and done here too, but cut to a hundredth: ten thousand phones are not at hand."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import random
import sys
import time
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from urllib.parse import urlencode

from bench import gun, shop
from bench.bench_import import in_a_child
from bench.bench_notice import notice

CONNECTIONS = 256
HOLD_SECONDS = 30
WAVES = 3
POOLS = 4
KIND = "douyin"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile Safari"
TILL = (sys.executable, "-m", "bench.bench_rush", "till")


@dataclass
class Wave:
    """What a wave of guests heard: the latency of every answer, who was placed and what the others were told."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    worked: int = 0

    @property
    def p99(self) -> float:
        return sorted(self.latencies)[int(len(self.latencies) * 0.99)]


def main(guests: int, cards: int) -> None:
    chance = random.Random(1)
    with shop.opened() as (run, _), shop.till(run, TILL):
        form, pools = prepare(run, cards)
        waves, sold = [], 0
        for turn in range(WAVES):
            wave: Wave = in_a_child(rush, run.env.till_port, form, guests)
            payers = wave.tokens if turn == WAVES - 1 else chance.sample(wave.tokens, len(wave.tokens) // 3)
            sold += pay(run, payers)
            waves.append(wave)
            print(f"wave {turn}: {len(wave.tokens)} placed, {wave.refused}, {len(payers)} paid; {guests / wave.seconds:.0f} guests/s,"
                  f" p99 {wave.p99 * 1000:.0f} ms, {wave.worked} did the work")  # fmt: skip
            if turn < WAVES - 1:
                time.sleep(HOLD_SECONDS + 1)
        oversold = verify(run, pools, cards)
    p99 = max(one.p99 for one in waves)
    placed = sum(len(one.tokens) for one in waves)
    rate = placed / sum(one.seconds for one in waves)
    guests_rate = guests * WAVES / sum(one.seconds for one in waves)
    print(f"rush sold={sold} oversold={oversold} p99_ms={p99 * 1000:.0f} orders_per_second={rate:.0f} guests_per_second={guests_rate:.0f} "
          f"guests={guests} cards={cards}")  # fmt: skip


def prepare(run, cards: int):
    """One SKU on sale, an open channel: (the sheet's form, pools)."""
    from kashu import catalog, sales
    from kashu.kernel import clock
    from kashu.kernel.db import connect
    from tests import make

    with connect(run.dsn) as db, db.transaction():
        make.channel(db, kind=KIND)
        sku = make.sku(db)
        pools = [make.batch(db, run.ring, sku, cards // POOLS).pool_id for _ in range(POOLS)]
        offer = catalog.offers(db, [sku.code], clock.now())[sku.code]
        consent = sales.consent(db, clock.now())[1]
    form = {
        "sku": sku.code,
        "quantity": "1",
        "page": catalog.page_hash_of(offer, None).hex(),
        "pay": KIND,
        "consent": consent,
    }
    shop.vacuum(run)
    return form, pools


def rush(port: int, form: dict[str, str], guests: int) -> Wave:
    import uvloop

    return uvloop.run(_rush(port, form, guests))


async def _rush(port: int, form: dict[str, str], guests: int) -> Wave:
    loop = asyncio.get_running_loop()
    wave = Wave()
    lines = [(await loop.create_connection(gun.Line, "127.0.0.1", port))[1] for _ in range(CONNECTIONS)]
    coming = iter(range(guests))
    begun = loop.time()

    async def guest_after_guest(line: gun.Line) -> None:
        for _ in coming:
            await one_guest(line)

    async def one_guest(line: gun.Line) -> None:
        who = base64.urlsafe_b64encode(random.randbytes(16)).decode().rstrip("=")
        headers = {"user-agent": PHONE, "cookie": f"kashu_device={who}", "x-forwarded-for": ".".join(str(random.randint(1, 250)) for _ in range(4)),
                   "content-type": "application/x-www-form-urlencoded"}  # fmt: skip
        told, asked = {}, form | {"key": who, "effort": ""}
        for _ in range(6):
            sent = loop.time()
            _, body = await line.ask(gun.plain("POST", "/checkout", headers, urlencode(asked).encode()))
            wave.latencies.append(loop.time() - sent)
            told = json.loads(body)
            if "challenge" in told:
                asked["effort"] = solve(told["challenge"])
                wave.worked += 1
            elif told.get("refused") == "busy":
                await asyncio.sleep(1)
            else:
                break
        if "go" in told:
            wave.tokens.append(told["go"].split("/")[2])
        else:
            reason = told.get("refused", "gave up")
            wave.refused[reason] = wave.refused.get(reason, 0) + 1

    await asyncio.gather(*(guest_after_guest(line) for line in lines))
    wave.seconds = loop.time() - begun
    return wave


def solve(told: dict) -> str:
    """What a browser's script does: count until the hash fits."""
    salt = told["salt"] if told["salt"].endswith("&") else told["salt"] + "&"
    for number in range(told["maxNumber"] + 1):
        if hashlib.sha256(f"{salt}{number}".encode()).hexdigest() == told["challenge"]:
            break
    names = ("algorithm", "challenge", "salt", "signature")
    return base64.b64encode(json.dumps({name: told[name] for name in names} | {"number": number}).encode()).decode()


def pay(run, tokens: list[str]) -> int:
    """The gateway's notices for these orders."""
    from kashu.kernel.db import connect

    with connect(run.dsn) as db:
        sql = """
        SELECT told.number, told.total_fen, payment.channel_id FROM sales_order AS told
        JOIN payments_payment AS payment ON payment.pool_id = told.pool_id AND payment.order_id = told.id
        WHERE told.token = ANY (%s)
        """
        found = db.execute(sql, [tokens]).fetchall()
    placed = [SimpleNamespace(number=number, total_fen=fen, channel_id=channel) for number, fen, channel in found]
    hits = gun.fire(run.env.till_port, [notice(KIND, one) for one in placed], 64)
    assert hits.statuses in ({200: len(placed)}, {}), hits.statuses
    return len(placed)


def verify(run, pools: list[int], cards: int) -> int:
    from kashu.kernel.db import connect
    from kashu.server import invariants

    with connect(run.dsn) as db:
        sold, buyers = db.execute(
            "SELECT count(*), count(DISTINCT order_id) FROM cards_card WHERE state = 'sold' AND pool_id = ANY (%s)",
            [pools],
        ).fetchone()
        breaches = invariants.check(db)
    assert breaches == [], breaches
    assert sold == buyers == cards, (sold, buyers)
    return sold - buyers


def till() -> None:
    """The till, with guests' addresses believed and their work cut to a hundredth."""
    import uvicorn

    from kashu.server.runtime import runtime
    from kashu.server.wiring import context
    from kashu.till.app import App
    from kashu.wire import effort

    effort.STEPS = tuple((rate, hashes // 100) for rate, hashes in effort.STEPS)
    run = runtime()
    ctx = replace(context(run), is_behind_proxy=True, hold_seconds=HOLD_SECONDS)
    config = uvicorn.Config(
        App(ctx),
        port=run.env.till_port,
        log_config=None,
        access_log=False,
        lifespan="on",
        http="httptools",
        loop="uvloop",
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    if sys.argv[1:] == ["till"]:
        till()
    else:
        main(*(int(told) for told in (sys.argv[1:] + ["10000", "2000"][len(sys.argv) - 1 :])))
