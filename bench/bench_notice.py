"""`script/bench notice [SECONDS] [KIND]`: a payment notice to the card being readable, at 200/s and as fast as it goes.

A notice answered 200 is delivered: its commit hands the card over. At 200/s its p99 is compared with that of one-row
commits at 200/s on the same server, round after round, both counted from the instant at which each was due, both over
as many connections. ratio = median p99 of notices ÷ median p99 of commits (bars: 10; none above 3 s). Afterwards every
order is looked up, and some are revealed."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from itertools import islice

from bench import gun, shop
from bench.bench_import import in_a_child

ROUNDS = 5
PER_SECOND = 200
CONNECTIONS = 64
COMMITTERS = 16
CLOSED = 3_000
WARM = 3_000
PLACE_AT_ONCE = 100
CHANNEL = "bench-pay"
REVEALED = 20

UNDELIVERED = """
SELECT count(*) FROM sales_order AS told
JOIN sales_line AS line ON line.order_pool_id = told.pool_id AND line.order_id = told.id
LEFT JOIN cards_card AS card ON card.pool_id = line.pool_id AND card.sale_line_id = line.id AND card.state = 'sold'
WHERE told.state <> 'delivered' OR line.delivered_at IS NULL OR card.id IS NULL
"""


def main(seconds: int, kind: str = "douyin") -> None:
    many = ROUNDS * (PER_SECOND * seconds + CLOSED) + WARM
    with shop.opened() as (run, _), shop.till(run):
        placed = prepare(run, many, kind)
        coming = iter(placed)
        fire(run, kind, list(islice(coming, WARM)), 0)
        shop.vacuum(run)  # after the warming, so that no plan is one for empty tables
        rounds = []
        for turn in range(ROUNDS):
            commits = percentile(in_a_child(commit, run.owner_dsn, PER_SECOND * seconds))
            paced = fire(run, kind, list(islice(coming, PER_SECOND * seconds)), PER_SECOND)
            closed = fire(run, kind, list(islice(coming, CLOSED)), 0)
            rounds.append((commits, paced, closed))
            print(
                f"round {turn}: at {PER_SECOND}/s p99 {paced.at(0.99) * 1000:.1f} ms (median {paced.at(0.5) * 1000:.1f}, max"
                f" {max(paced.latencies) * 1000:.0f}), commit p99 {commits * 1000:.1f} ms; {CONNECTIONS} connections"
                f" {CLOSED / closed.seconds:.0f}/s p99 {closed.at(0.99) * 1000:.0f} ms, max {max(closed.latencies) * 1000:.0f}"
            )
        verify(run, placed)
    commit_p99 = statistics.median(one for one, _, _ in rounds)
    p99 = statistics.median(one.at(0.99) for _, one, _ in rounds)
    fastest = statistics.median(CLOSED / one.seconds for _, _, one in rounds)
    closed_p99 = statistics.median(one.at(0.99) for _, _, one in rounds)
    slowest = max(max(one.latencies) for _, *both in rounds for one in both)
    print(
        f"notice kind={kind} ratio={p99 / commit_p99:.2f} p99_ms={p99 * 1000:.1f} commit_p99_ms={commit_p99 * 1000:.1f}"
        f" per_second_max={fastest:.0f} p99_max_ms={closed_p99 * 1000:.0f} slowest_s={slowest:.2f} notices={many}"
    )


def prepare(run, many: int, kind: str):
    """An open channel of a kind and so many orders of as many buyers, each holding a card."""
    from kashu import catalog, sales
    from kashu.kernel import clock
    from kashu.kernel.db import connect
    from tests import make

    placed = []
    with connect(run.dsn) as db:
        with db.transaction():
            make.channel(db, f"{CHANNEL}-{kind}", kind)
            sku = make.sku(db)
            for _ in range(2):
                make.batch(db, run.ring, sku, many // 2 + PLACE_AT_ONCE)
            offer = catalog.offers(db, [sku.code], clock.now())[sku.code]
            page, consent = catalog.page_hash(catalog.page_body(offer, None)), sales.consent(db, clock.now())[1]
        while len(placed) < many:
            asked = [
                sales.Checkout(sku.code, 1, make.buyer(), make.name("k"), kind, "h5", page, consent)
                for _ in range(min(PLACE_AT_ONCE, many - len(placed)))
            ]
            with db.transaction():
                placed += sales.place(db, run.ring, asked, clock.now(), hold_seconds=3_600)
    assert all(isinstance(one, sales.Placed) for one in placed)
    return placed


def fire(run, kind: str, placed, per_second: float) -> gun.Hits:
    """Send the notices of these orders, signed just before: a signature is good for five minutes."""
    hits = gun.fire(run.env.till_port, [notice(kind, one) for one in placed], CONNECTIONS, per_second)
    assert hits.statuses == {200: len(placed)}, hits.statuses
    return hits


def notice(kind: str, placed) -> bytes:
    """What an honest gateway of this kind sends for an order."""
    from tests import gateways

    headers, body = gateways.notice(kind, placed.number, placed.total_fen)
    return gun.plain("POST", f"/callbacks/{placed.channel_id}", headers, body)


def commit(dsn: str, many: int) -> list[float]:
    """The latencies of so many commits of one row, each from the instant at which it was due."""
    import uvloop

    return uvloop.run(_commit(dsn, many))


async def _commit(dsn: str, many: int) -> list[float]:
    import psycopg

    lines = [await psycopg.AsyncConnection.connect(dsn, autocommit=True) for _ in range(COMMITTERS)]
    await lines[0].execute("CREATE TABLE IF NOT EXISTS bench_commit (id uuid PRIMARY KEY, body text NOT NULL)")
    insert = "INSERT INTO bench_commit VALUES (gen_random_uuid(), 'one row')"
    for line in lines:
        await line.execute(insert, prepare=True)
    latencies: list[float] = []
    coming = iter(range(many))
    begun = time.perf_counter()  # the loop's own clock counts whole milliseconds

    async def work(line) -> None:
        for place in coming:
            due = begun + place / PER_SECOND
            if due > time.perf_counter():
                await asyncio.sleep(due - time.perf_counter())
            await line.execute(insert, prepare=True)
            latencies.append(time.perf_counter() - due)

    await asyncio.gather(*(work(line) for line in lines))
    for line in lines:
        await line.close()
    return latencies


def percentile(latencies: list[float]) -> float:
    return gun.Hits(0, latencies, {}).at(0.99)


def verify(run, placed) -> None:
    """Every order is delivered with its card sold, paid once and booked; some are opened by their buyers."""
    from kashu import ledger, sales
    from kashu.kernel import clock
    from kashu.kernel.db import connect, value

    with connect(run.dsn) as db:
        assert value(db, UNDELIVERED) == 0
        assert value(db, "SELECT count(*) FROM cards_card WHERE state = 'sold'") == len(placed)
        assert value(db, "SELECT count(*) FROM payments_event WHERE verdict = 'paid'") == len(placed)
        assert ledger.check(db) == []
        for one in placed[:: max(1, len(placed) // REVEALED)]:
            with db.transaction():
                [card] = sales.reveal(db, run.ring, one.token, one.checkout.buyer, clock.now())
            assert card.secret.startswith("KZ7F-"), one.number
    print(f"verified: {len(placed)} orders delivered, {len(placed)} cards sold, books balanced, some cards read")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8, *sys.argv[2:3])
