"""`script/bench trace [CARDS]`: from a card in somebody's hand to the root of its authorisation, among CARDS cards, beside the
same in a house with a hundredth of them. The two take turns. ratio = medians of a trace, big ÷ small.

Each house: ten roots, each with four links below and five below each of those, and under every lowest link a batch that was
bought, counted by a second person and put on sale by the functions of the desk. One batch is a tenth of all cards and was
withdrawn; the others share the rest. A tenth of every batch is sold, each card to an order of its own. The cards, their
fingerprints and the orders are written by SQL.

A trace is what the desk does (`cards.trace`, the order's number, the supplier) from its question to its commit; every
second card asked for is a sold one. Then samples are drawn from the large batch, and every root is revoked while somebody
else reads what is offered; at last cards are traced again, right after a start with nothing in memory."""

from __future__ import annotations

import os
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass

from bench import shop
from bench.bench_growth import CHUNK, IDS, INDEXES, LINES, ORDERS, POINTING, SETTING, buffers, indexed, set_up
from bench.house import House

ROOTS, MIDDLES, LEAVES = 10, 4, 5
POOLS = ROOTS * MIDDLES * LEAVES
CARDS_MIN = 20 * POOLS  # every batch has a sold card
ROUNDS = 50  # short turns: what else the machine does falls on both
TRACES = 20
WARM = 200
DRAWS = 20
ORDERS_SHOWN = 50  # as many as a page of the desk shows
OFFERED_MAX = 100
FIRST_CARD = 10**10
COSTS = ("revoked", "stopped", "unsold", "orders")
TABLES = ["cards_card", "cards_fingerprint", "sales_order", "sales_line"]

POOL = """
CREATE TABLE bench_pool AS
SELECT told.pool_id, told.first, told.cards, told.cards / 10 AS sold,
       sum(told.cards / 10) OVER (ORDER BY told.first) - told.cards / 10 AS sold_before, pool.supplier_id AS pool_supplier_id, sku.*
FROM unnest(%s::bigint[], %s::bigint[], %s::int[]) AS told (pool_id, first, cards)
JOIN cards_pool AS pool ON pool.id = told.pool_id JOIN bench_sku AS sku ON sku.sku_id = pool.sku_id
"""
PAST = """
CREATE UNLOGGED TABLE bench_past AS
SELECT made.n, pool_id, first + n - sold_before AS card_id, {order_id} AS order_id, {line_id} AS line_id, at, stamp, {account} AS account_id,
       lpad(to_hex(n * 2654435761 % 4294967296), 8, '0') AS tail
FROM bench_pool CROSS JOIN LATERAL (
    SELECT n, at, lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') AS stamp
    FROM generate_series(sold_before::bigint, sold_before::bigint + sold - 1) AS n
    CROSS JOIN LATERAL (SELECT now() - make_interval(secs => 10000000 - n) AS at) AS instant
) AS made
"""
SOLD = """
INSERT INTO cards_card (pool_id, id, line_no, sealed, mask, unit_cost_fen, state, order_id, sale_line_id, sold_at, revealed_at)
SELECT pool_id, card_id, 1 + card_id - first, %(sealed)s, '····92TR', 3000, 'sold', order_id, line_id, at, at
FROM bench_past JOIN bench_pool USING (pool_id) WHERE pool_id = %(pool)s ORDER BY card_id
"""
SHELF = """
INSERT INTO cards_card (pool_id, id, line_no, sealed, mask, unit_cost_fen)
SELECT pool_id, first + n, 1 + n, %(sealed)s, '····92TR', 3000
FROM bench_pool CROSS JOIN generate_series(sold, cards - 1) AS n WHERE pool_id = %(pool)s
"""


@dataclass
class Filled:
    """A house's batches, the large one first, each as (pool, first card, cards); its roots, each with the SKU under it."""

    pools: list[tuple[int, int, int]]
    roots: list[tuple[int, int]]
    chance: random.Random


@dataclass(frozen=True, slots=True)
class Fall:
    """What a root's fall took, in seconds: until it was committed, until nothing was offered, counting, listing."""

    revoked: float
    stopped: float
    unsold: float
    orders: float
    cards: int


def main(cards: int) -> None:
    sizes = (max(cards // 100, CARDS_MIN), cards)
    with ExitStack() as stack:  # whatever happens, the houses are told to close
        houses = [stack.enter_context(closing(House(_keep, many))) for many in sizes]
        for what in ("fill", "warm"):
            for house in houses:
                house.ask(what)
        begun = [house.ask("buffers") for house in houses]
        rounds = [[house.ask("trace") for house in houses] for _ in range(ROUNDS)]
        touched = [house.ask("buffers") - before for house, before in zip(houses, begun, strict=True)]
        drawn = [house.ask("draw") for house in houses]
        falls = [house.ask("revoke") for house in houses]
        colds = [house.ask("cold") for house in houses]
    small, big = ([seconds for one in side for seconds in one] for side in zip(*rounds, strict=True))
    for name, traces, ice, samples, roots in zip(("small", "big"), (small, big), colds, drawn, falls, strict=True):
        print(f"{name}: trace {_ms(traces)}; cold {_ms(ice)}; draw {_ms(samples)}")
        print(f"{name}: " + "; ".join(f"{what} {_ms([getattr(one, what) for one in roots])}" for what in COSTS))
    worst = {what: max(getattr(one, what) for one in falls[1]) * 1000 for what in COSTS}
    print(
        f"trace ratio={statistics.median(big) / statistics.median(small):.2f} median_ms={statistics.median(big) * 1000:.2f}"
        f" p99_ms={_p99(big) * 1000:.2f} slowest_ms={max(big) * 1000:.2f} cold_slowest_ms={max(colds[1]) * 1000:.1f} median_ms_small={statistics.median(small) * 1000:.2f}"
        f" p99_ms_small={_p99(small) * 1000:.2f} buffers={touched[1] / len(big):.0f} buffers_small={touched[0] / len(small):.0f}"
        f" revoke_ms={worst['revoked']:.1f} stopped_ms={worst['stopped']:.1f}"
        f" unsold_ms={worst['unsold']:.1f} orders_ms={worst['orders']:.1f} root_cards={max(fall.cards for fall in falls[1])}"
        f" draw_ms={statistics.median(drawn[1]) * 1000:.2f} draw_slowest_ms={max(drawn[1]) * 1000:.2f} draw_from={cards // 10}"
        f" cards={cards} small={sizes[0]} traced={len(big)}"
    )


def _ms(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds) * 1000:.2f} ms, slowest {max(seconds) * 1000:.2f} ms"


def _p99(seconds: list[float]) -> float:
    return sorted(seconds)[len(seconds) * 99 // 100 - 1]


def _keep(end, cards: int) -> None:
    """Answer what is asked until nobody asks any more."""
    with shop.opened() as (run, _):
        from kashu.kernel.db import connect

        assert end.recv() == "fill"
        filled = fill(run, cards)
        end.send(None)
        with connect(run.dsn) as db:
            answers = {
                "warm": lambda: trace(run, db, filled, WARM) and None,
                "buffers": lambda: db.execute("SELECT pg_stat_force_next_flush()") and buffers(run),
                "trace": lambda: trace(run, db, filled, TRACES),
                "draw": lambda: draw(db, filled),
                "revoke": lambda: [revoke(run, db, root, sku) for root, sku in filled.roots],
                "cold": lambda: db.close() or cold(run, filled),
            }
            try:
                while True:
                    end.send(answers[end.recv()]())
            except EOFError:
                pass


def fill(run, many: int) -> Filled:
    """Batches under their chains, through the functions of the desk; their cards, prints and orders by SQL."""
    from kashu import cards
    from kashu.kernel import clock
    from kashu.kernel.db import connect
    from tests import make

    begun = time.perf_counter()
    with connect(run.dsn) as db, db.transaction():
        links, roots = _chains(db, run.ring)
        large = many // 10
        rest, odd = divmod(many - large, POOLS - 1)
        sizes = [large, *(rest + (n < odd) for n in range(POOLS - 1))]
        received = [_received(db, run.ring, sku, owner) for _, owner, sku in links]
        account = make.account(db).id
    firsts = [FIRST_CARD + sum(sizes[:n]) for n in range(POOLS)]
    pools = list(zip(received, firsts, sizes, strict=True))
    size = _written(run, pools, account)
    with connect(run.dsn) as db:
        for (pool_id, _, _), (leaf, _, _) in zip(pools, links, strict=True):
            with db.transaction():
                _put_on_sale(db, pool_id, leaf)
        with db.transaction():  # a sample is drawn where nothing is for sale and the supplier answers for its cards
            at = clock.now()
            assert isinstance(cards.withdraw(db, make.STAFF, received[0], "盘点", at), cards.Batch)
            new = cards.Source(
                make.name("src"), links[0][1], "验卡", "http://127.0.0.1:1", "k-1", b"", True, "", at, checks_cards=True
            )
            cards.set_source(db, run.ring, make.STAFF, new, "secret", at)
    shop.vacuum(run)
    print(f"{many} cards in {POOLS} batches written in {time.perf_counter() - begun:.0f} s, {size}", flush=True)
    return Filled(pools, roots, random.Random(many))


def _chains(db, ring):
    """Lowest links as (link, whom it was granted to, SKU) and roots as (link, SKU): a SKU for each root, a party for each link."""
    from tests import make

    links, roots = [], []
    for _ in range(ROOTS):
        sku = make.sku(db)
        root, _ = _link(db, ring, None)
        roots.append((root.id, sku.id))
        for _ in range(MIDDLES):
            middle, _ = _link(db, ring, root)
            leaves = [_link(db, ring, middle) for _ in range(LEAVES)]
            links += [(leaf.id, owner, sku.id) for leaf, owner in leaves]
    return links, roots


def _link(db, ring, parent):
    """A verified link, granted to a supplier of its own."""
    from datetime import date

    from kashu import compliance
    from kashu.kernel import clock
    from tests import make

    brand, owner = "知微课堂", make.supplier(db)
    grantor = (brand, None) if parent is None else (parent.grantee, parent.grantee_id)
    new = compliance.Authorisation(
        0, None if parent is None else parent.id, *grantor, owner, make.name("SQ"), brand, ["membership"], ["全国"], True, True,
        parent is None, date(2020, 1, 1), date(2099, 12, 31), file_sha256=make.file(db, ring),
    )  # fmt: skip
    taken = compliance.authorisations.register(db, make.STAFF, new, clock.now())
    return compliance.authorisations.decide(
        db, make.REVIEWER, taken.id, is_good=True, reason="核对原件", at=clock.now()
    ), owner


def _received(db, ring, sku_id: int, owner: int) -> int:
    """A batch whose file is being loaded."""
    from kashu import cards
    from kashu.kernel import clock
    from tests import make

    form = cards.Format("utf-8", "dashes", ("number", "secret"), has_header=False)
    told = cards.NewBatch(sku_id, owner, "single_use", "cards.txt", 1, "0" * 64, "", form, 3_000, "")
    batch = cards.receive(db, ring, make.STAFF, told, clock.now())
    assert isinstance(cards.start(db, make.STAFF, batch.pool_id, clock.now()), cards.Batch)
    return batch.pool_id


def _put_on_sale(db, pool_id: int, leaf: int) -> None:
    from kashu import cards
    from kashu.kernel import clock
    from tests import make

    at = clock.now()
    batch = cards.loaded(db, make.STAFF, pool_id, at)
    papers = cards.Papers(make.name("HT"), batch.cost_fen, batch.accepted, leaf)
    assert isinstance(cards.attach(db, make.STAFF, pool_id, papers, at), cards.Batch)
    assert isinstance(cards.confirm(db, make.REVIEWER, pool_id, at), cards.Batch)
    assert isinstance(cards.put_on_sale(db, make.STAFF, pool_id, at), cards.Batch)


def _written(run, pools, account: int) -> str:
    """Write the cards, their prints and their orders, the indexes afterwards; says how large the database is."""
    from kashu import catalog
    from kashu.kernel import clock
    from kashu.kernel.db import connect

    with connect(run.dsn) as db, db.transaction():
        code = db.execute("SELECT code FROM catalog_sku LIMIT 1").fetchone()[0]
        body = catalog.page_body(catalog.offers(db, [code], clock.now())[code], None)
        catalog.keep_pages(db, {catalog.page_hash(body): body}, clock.now())
    with connect(run.embedded.dsn("postgres")) as db:  # the superuser, who may leave out the checks of foreign keys
        for name, setting in (("statement_timeout", "0"), ("lock_timeout", "0"), ("synchronous_commit", "off"),
                              ("work_mem", "256MB"), ("maintenance_work_mem", "1GB"), ("session_replication_role", "replica")):  # fmt: skip
            db.execute(f"SET {name} = '{setting}'")
        set_up(db, {"autovacuum": "off", "fsync": "off", "full_page_writes": "off", "max_wal_size": "8GB"})
        for statement in SETTING.split(";\n"):
            db.execute(statement)
        pointing = db.execute(POINTING, [TABLES]).fetchall()
        for table, name, _ in pointing:
            db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        indexes = db.execute(INDEXES, [TABLES]).fetchall()  # made at the end, sorted, in a fraction of the time
        for table, name, _, constraint in indexes:
            db.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}" if constraint else f"DROP INDEX {name}")
        db.execute(POOL, [list(column) for column in zip(*pools, strict=True)])
        db.execute(PAST.format(**IDS, account=account))
        db.execute("CREATE INDEX ON bench_past (pool_id)")
        db.execute("ANALYZE bench_pool, bench_past")
        _cards(db, run.ring, pools)
        for statement in (ORDERS, LINES):
            db.execute(statement.format())
        indexed(db, indexes)
        for table, name, constraint in pointing:
            db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {constraint}")
        db.execute("DROP TABLE bench_past")
        set_up(db, {"fsync": "on", "full_page_writes": "on", "max_wal_size": "2GB"})
        db.execute("CHECKPOINT")
        return db.execute("SELECT pg_size_pretty(pg_database_size('kashu'))").fetchone()[0]


def _cards(db, ring, pools) -> None:
    """Every card with the fingerprint it would have from its file. All are sealed alike: nobody opens any here."""
    from kashu.cards import rules, store

    sealed = ring.new_data_key(0)[0].seal(0, rules.pack(*card(FIRST_CARD), ""))
    for pool_id, first, cards in pools:
        for statement in (SOLD, SHELF):
            db.execute(statement, {"pool": pool_id, "sealed": sealed})
        store.progress(db, pool_id, cards, cards, 0, cards * 3_000)
        with db.cursor().copy("COPY cards_fingerprint (fingerprint, pool_id, card_id, line_no) FROM STDIN") as rows:
            for start in range(0, cards, CHUNK):
                rows.write("".join(
                    f"\\\\x{ring.fingerprint(*card(first + n)).hex()}\t{pool_id}\t{first + n}\t{n + 1}\n"
                    for n in range(start, min(start + CHUNK, cards))
                ))  # fmt: skip


def card(card_id: int) -> tuple[str, str]:
    """A card's number and secret, as its buyer would have them."""
    return f"N{card_id}", f"KZ7F-{card_id:012d}-92TR"


def trace(run, db, filled: Filled, many: int) -> list[float]:
    """Trace cards of chance, every second one sold; seconds of each."""
    from kashu import cards, party, sales
    from kashu.kernel import clock
    from tests import make

    taken = []
    for n in range(many):
        [(pool_id, first, size)] = filled.chance.choices(filled.pools, [size for _, _, size in filled.pools])
        is_sold = n % 2 == 0
        place = filled.chance.randrange(size // 10) if is_sold else filled.chance.randrange(size // 10, size)
        begun = time.perf_counter()
        with db.transaction():
            found = cards.trace(db, run.ring, make.STAFF, *card(first + place), clock.now())
            order = sales.named(db, {found.origin.order_id}) if found.origin.order_id else {}
            party.party(db, found.origin.supplier_id)
        taken.append(time.perf_counter() - begun)
        assert (found.origin.pool_id, len(found.chain), found.broken) == (pool_id, 3, None), found
        assert len(order) == is_sold
    return taken


def cold(run, filled: Filled) -> list[float]:
    """The same from the disk: of the database nothing is in memory, neither the server's nor the machine's."""
    from kashu.kernel.db import connect

    run.embedded.stop()
    for path in [path for path in run.embedded.data.rglob("*") if path.is_file()]:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    run.embedded.start()
    with connect(run.dsn) as db:
        return trace(run, db, filled, TRACES)


def draw(db, filled: Filled) -> list[float]:
    """Draw samples from the large batch; seconds of each."""
    from kashu import cards
    from kashu.kernel import clock

    def drawn() -> None:
        with db.transaction():
            assert isinstance(cards.draw_again(db, filled.pools[0][0], clock.now()), int)

    return [_timed(drawn)[0] for _ in range(DRAWS)]


def revoke(run, db, root: int, sku: int) -> Fall:
    """Revoke a root while another session reads what is offered, without a pause; then count and list what it touches."""
    from kashu import cards, compliance, sales
    from kashu.kernel import clock
    from kashu.kernel.db import connect
    from kashu.wire.affected import FAR
    from tests import make

    offered, is_gone = threading.Event(), []

    def read() -> None:
        with connect(run.dsn) as other:
            while cards.on_shelf(other, [sku], clock.biz_date(clock.now()), OFFERED_MAX)[sku]:
                offered.set()
            is_gone.append(time.perf_counter())

    def fall() -> list[int]:
        with db.transaction():
            return compliance.authorisations.revoke(db, make.REVIEWER, root, "品牌方撤回", clock.now())

    reader = threading.Thread(target=read)
    reader.start()
    assert offered.wait(10)
    begun = time.perf_counter()
    revoked, fallen = _timed(fall)
    reader.join()
    assert len(fallen) == 1 + MIDDLES + MIDDLES * LEAVES
    unsold, many = _timed(lambda: cards.unsold_under(db, fallen))

    def look() -> list[sales.AffectedOrder]:
        assert sales.affected_under(db, fallen).orders > 0
        return sales.orders_under(db, fallen, FAR, ORDERS_SHOWN)

    listed, orders = _timed(look)
    assert 0 < len(orders) <= ORDERS_SHOWN
    return Fall(revoked, is_gone[0] - begun, unsold, listed, many)


def _timed(work: Callable):
    begun = time.perf_counter()
    told = work()
    return time.perf_counter() - begun, told


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
