"""`script/bench flash [PURCHASES]`: machines rush for one SKU. 10,000 purchases of a card each, by 50 accounts over 200
connections, for 2,000 cards in 4 pools: exactly those are sold, the others hear 409; who hears 429 waits as told and
asks again. The database is asked afterwards.

`script/bench flash snapshot [PURCHASES]`: what the low-water marks are for (design §7.7). After 20,000 purchases from one
pool under an old snapshot, two tills take turns, one with marks and one without. ratio = their rates for a buyer who
comes alone; in a crowd, a batch of many shares one look for cards."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import sys
from dataclasses import dataclass, field

from bench import gun, shop

CARDS, POOLS = 2_000, 4
ACCOUNTS, CONNECTIONS = 50, 200
KEY_PER_SECOND = 50
WARM = 500
ATTEMPTS_MAX = 100
UNDER_SNAPSHOT = 20_000
TURNS = 3
ALONE = 300

WRONG = """
SELECT 'sold cards', count(*) FROM cards_card WHERE state = 'sold' AND pool_id = ANY (%(pools)s) HAVING count(*) <> %(cards)s
UNION ALL
SELECT 'buyers of a card', count(*) FROM cards_card AS card JOIN sales_line AS line ON line.id = card.sale_line_id
WHERE card.pool_id = ANY (%(pools)s) HAVING count(DISTINCT line.order_id) <> %(cards)s
UNION ALL
SELECT 'spent', sum(price_fen) FROM sales_line WHERE pool_id = ANY (%(pools)s) HAVING sum(price_fen) <> %(cards)s * 3990
UNION ALL
SELECT 'a balance', guarded.balance_fen FROM ledger_guarded AS guarded
WHERE guarded.balance_fen <> 10::numeric ^ 12 - (SELECT coalesce(sum(told.total_fen), 0) FROM sales_order AS told
                                                 WHERE told.account_id = guarded.account_id)
"""


@dataclass
class Rush:
    """What came back: the latency of every answer by its status, the answers that ended each purchase."""

    seconds: float = 0.0
    latencies: dict[int, list[float]] = field(default_factory=dict)
    ends: list[tuple[int, bytes]] = field(default_factory=list)


def main(many: int) -> None:
    with shop.opened() as (run, _):
        told = shop.stock(run, CARDS // POOLS, accounts=ACCOUNTS, skus=1, pools=POOLS, per_second=KEY_PER_SECOND)
        warm = shop.Shop(told.keys, shop.stock(run, WARM, accounts=0, skus=1, pools=1).codes)
        shop.vacuum(run)
        with shop.till(run) as till:
            shop.measure(run, till, warm, WARM)
            rush = _in_a_child(run.env.till_port, shop.purchases(told, many))
        verify(run, told, rush, many)
    sales, refusals, again = (rush.latencies.get(status, []) for status in (201, 409, 429))
    print(
        f"flash sold={len(sales)} oversold={max(0, len(sales) - CARDS)} p99_ms={_p99_ms(sales):.0f}"
        f" refusal_p99_ms={_p99_ms(refusals):.0f} per_second={many / rush.seconds:.0f} throttled={len(again)}"
    )


def verify(run, told: shop.Shop, rush: Rush, many: int) -> None:
    """Every purchase ended; each card went to one buyer, was paid for once, and no two answers show one card."""
    from kashu import ledger
    from kashu.kernel.db import connect, values

    assert len(rush.ends) == many
    assert {status for status, _ in rush.ends} <= {201, 409}, {status for status, _ in rush.ends}
    codes = {json.loads(body)["code"] for status, body in rush.ends if status == 409}
    assert codes <= {"out_of_stock"}, codes
    shown = [card["secret"] for status, body in rush.ends if status == 201 for card in json.loads(body)["cards"]]
    assert len(shown) == len(set(shown)) == min(many, CARDS), len(shown)
    with connect(run.owner_dsn) as db:
        sql = "SELECT id FROM cards_pool WHERE sku_id = (SELECT id FROM catalog_sku WHERE code = %s)"
        wrong = db.execute(WRONG, {"pools": values(db, sql, told.codes), "cards": min(many, CARDS)}).fetchall()
        assert wrong == [], wrong
        assert ledger.check(db) == []
    print(f"verified: {len(shown)} cards sold, each to one buyer, balances and books right, all else out_of_stock")


def _p99_ms(latencies: list[float]) -> float:
    return gun.Hits(0, latencies, {}).at(0.99) * 1000 if latencies else 0.0


def _in_a_child(port: int, requests: list[bytes]) -> Rush:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_child, args=(there, port))
    process.start()
    here.send(requests)
    told: Rush = here.recv()
    process.join()
    return told


def _child(end, port: int) -> None:
    import uvloop

    end.send(uvloop.run(_rush(port, end.recv())))


class Line(gun.Line):
    """A connection that tells when to come back, too."""

    retry_after = 0

    def data_received(self, data: bytes) -> None:
        _, found, after = data.lower().partition(b"retry-after:")
        if found:
            self.retry_after = int(after.split(b"\r\n", 1)[0])
        super().data_received(data)


async def _rush(port: int, requests: list[bytes]) -> Rush:
    """Closed loop. A request that was turned away at the door is sent as it was: its nonce has not been used."""
    loop = asyncio.get_running_loop()
    lines = [await loop.create_connection(Line, "127.0.0.1", port) for _ in range(CONNECTIONS)]
    rush, coming = Rush(), iter(requests)
    begun = loop.time()

    async def work(line: Line) -> None:
        for request in coming:
            for _ in range(ATTEMPTS_MAX):
                sent = loop.time()
                status, body = await line.ask(request)
                rush.latencies.setdefault(status, []).append(loop.time() - sent)
                if status != 429:
                    break
                await asyncio.sleep(line.retry_after)
            rush.ends.append((status, body))

    await asyncio.gather(*(work(line) for _, line in lines))
    rush.seconds = loop.time() - begun
    for transport, _ in lines:
        transport.close()
    return rush


def snapshot(many: int) -> None:
    """Rates under an old snapshot, with marks and without; and, for comparison, before anybody held one."""
    without_marks = (sys.executable, "-m", "bench.bench_flash", "till-without-marks")
    with shop.opened() as (run, _):
        each = UNDER_SNAPSHOT + (2 * TURNS + 2) * many + 4 * TURNS * ALONE
        told = shop.stock(run, each, skus=1, pools=1)
        shop.vacuum(run)
        with shop.till(run) as till:
            shop.measure(run, till, told, many)
            plain = shop.measure(run, till, told, many).per_second
            old = _old_snapshot(run)
            shop.measure(run, till, told, UNDER_SNAPSHOT)
            marked, unmarked = [], []
        for turn in range(TURNS):
            for command, kept in ((shop.TILL, marked), (without_marks, unmarked)):
                with shop.till(run, command) as till:
                    shop.measure(run, till, told, ALONE)  # connect, read the keys, set a mark
                    kept.append([shop.measure(run, till, told, many), shop.measure(run, till, told, ALONE, 1)])
            print(f"turn {turn}: with marks {marked[-1][0]}; without {unmarked[-1][0]}")
            print(f"  one at a time: with marks {marked[-1][1]}; without {unmarked[-1][1]}")
        old.close()
    crowd, alone = (
        [statistics.median(kept[which].per_second for kept in side) for side in (marked, unmarked)] for which in (0, 1)
    )
    print(
        f"flash_snapshot ratio={alone[0] / alone[1]:.2f} alone_per_second={alone[0]:.0f} alone_without_marks={alone[1]:.0f}"
        f" per_second={crowd[0]:.0f} without_marks={crowd[1]:.0f} without_snapshot={plain:.0f} sold_before={UNDER_SNAPSHOT}"
    )


def _old_snapshot(run):
    """A transaction that has read something and then sits there."""
    from kashu.kernel.db import connect

    db = connect(run.owner_dsn)
    db.execute("SET idle_in_transaction_session_timeout = 0")
    db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    db.execute("SELECT count(*) FROM cards_pool")
    return db


def till_without_marks() -> None:
    from kashu.cards.service.marks import MARKS
    from kashu.server.runtime import runtime
    from kashu.server.serving import run_till

    MARKS.note = lambda _picked: None
    run_till(runtime())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["till-without-marks"]:
            till_without_marks()
        case ["snapshot", *most]:
            snapshot(int(*most or [3_000]))
        case most:
            main(int(*most or [10_000]))
