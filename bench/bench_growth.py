"""`script/bench growth [BIG [SMALL [SKUS]]]`: what a purchase costs when there is a past: CPU of till and server, and buffers
touched, with BIG cards and sales behind it ÷ with SMALL. Two houses with the same settings take turns, each warmed,
vacuumed and analysed; autovacuum is off while they are measured. ratio = CPU, medians of rounds (bar 1.15).

The past is written by SQL, in order of time: pools of 10,000 cards, all sold, taken in turn from SKUS SKUs, of which the
first 5 are those that are bought from; a tenth as many cards again lie on the shelves of the others. Sold-out pools stay
on sale, as Kashu leaves them. A small past is checked with every invariant of Kashu."""

from __future__ import annotations

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

from bench import shop
from bench.house import House

ROUNDS = 7
PURCHASES = 2_000
WARM = 60_000  # so many that pages written for the first time since the checkpoint, whole, are not what is measured
BOUGHT_SKUS = 5
POOL_CARDS = 10_000
CHUNK = 500_000
CHECKED_MAX = 200_000
STATS_SECONDS = 11  # an idle session tells what it has counted within 10 s

SETTING = """
CREATE TABLE bench_sku AS
SELECT row_number() OVER (ORDER BY sku.id) - 1 AS place, sku.id AS sku_id, product.seller_id,
       (SELECT hash FROM catalog_page LIMIT 1) AS page_hash,
       (SELECT max(id) FROM catalog_agreement WHERE kind = 'trade') AS agreement_id,
       (SELECT min(id) FROM party_party WHERE kind = 'supplier') AS supplier_id
FROM catalog_sku AS sku JOIN catalog_product AS product ON product.id = sku.product_id;
CREATE TABLE bench_account AS SELECT row_number() OVER (ORDER BY id) - 1 AS place, id FROM sales_account;
ANALYZE bench_sku, bench_account;
"""
# Of every eleven pools, one lies on the shelf of a SKU that nobody buys.
POOLS = """
CREATE TABLE bench_pool AS
SELECT 1000000 + n AS pool_id, sku.*, n < %(sold)s AS is_sold
FROM generate_series(0, %(pools)s - 1) AS n JOIN bench_sku AS sku ON sku.place =
    CASE WHEN n < %(sold)s THEN n %% %(skus)s ELSE %(bought)s + n %% (%(skus)s - %(bought)s) END;
ALTER TABLE bench_pool ADD PRIMARY KEY (pool_id);
INSERT INTO cards_pool (id, sku_id, supplier_id, kind, sellable, reason, expires_first)
SELECT pool_id, sku_id, supplier_id, 'single_use', true, '', '2099-12-31' FROM bench_pool;
INSERT INTO cards_batch (pool_id, code, state, file_name, file_bytes, manifest_hash, data_key, unit_cost_fen, lines_done,
    lines_total, accepted, cost_fen, received_by, received_at, loaded_at, on_sale_at)
SELECT pool_id, 'PAST-' || pool_id, 'on_sale', 'past.txt', 1, '', (SELECT data_key FROM cards_batch LIMIT 1), 3000, %(cards)s,
    %(cards)s, %(cards)s, %(cards)s * 3000, 'past', now(), now(), now() FROM bench_pool;
ANALYZE bench_pool, cards_pool, cards_batch;
"""
# Version 7, without the server's strong and slow randomness.
IDS = {
    name: f"(stamp || '7' || substr(md5({salt}), 1, 3) || '8' || substr(md5({salt}), 4, 15))::uuid"
    for name, salt in {
        "order_id": "'order' || n",
        "line_id": "'line' || n",
        "entry_id": "'entry' || n",
        "side_id": "'side' || side.account_id || n",
        "deed_id": "'deed' || n",
    }.items()
}
PAST = """
DROP TABLE IF EXISTS bench_past;
CREATE UNLOGGED TABLE bench_past AS
SELECT n, 1000000 + n / {cards} AS pool_id, {past} + n AS card_id, {order_id} AS order_id, {line_id} AS line_id, at, stamp, account.id AS account_id, lpad(to_hex(n * 2654435761 % 4294967296), 8, '0') AS tail
FROM (SELECT n, now() - make_interval(secs => ({most} - n) * 5.0) AS at FROM generate_series({first}, {last}) AS n) AS told
CROSS JOIN LATERAL (SELECT lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') AS stamp) AS made
JOIN bench_account AS account ON account.place = n % {accounts};
ANALYZE bench_past;
"""
CARDS = """
INSERT INTO cards_card (pool_id, id, line_no, sealed, mask, unit_cost_fen, expires_on, state, order_id, sale_line_id, sold_at,
    revealed_at)
SELECT pool_id, card_id, 1 + n % {cards}, {sealed}, '····92TR', 3000, '2099-12-31', 'sold', order_id, line_id, at, at
FROM bench_past
"""
FINGERPRINTS = """
INSERT INTO cards_fingerprint (fingerprint, pool_id, card_id, line_no)
SELECT sha256(int8send(id)), pool_id, id, line_no FROM cards_card WHERE id >= {past} ORDER BY 1
"""
ORDERS = """
INSERT INTO sales_order (pool_id, id, number, token, state, quantity, total_fen, device, address, source_entry, consent_at,
    consent_hash, placed_at, hold_until, paid_at, delivered_at, account_id)
SELECT pool_id, order_id, 'PAST-' || tail, 'PAST-' || substr(md5(tail), 1, 22), 'delivered', 1, 3990, '', '', 'purchase', at,
    '', at, at, at, at, account_id FROM bench_past
"""
LINES = """
INSERT INTO sales_line (pool_id, id, order_pool_id, order_id, sku_id, seller_id, supplier_id, quantity, price_fen,
    price_steps, total_fen, cost_fen, is_third_party, fee_rule_id, commission_fen, page_hash, agreement_id, placed_on,
    delivered_at, revealed_at, warranty_ends_on)
SELECT past.pool_id, line_id, past.pool_id, order_id, sku_id, seller_id, supplier_id, 1, 3990,
    '[{{"what": "base", "price_fen": 3990}}]', 3990, 3000, false, 1, 0, page_hash, agreement_id, at::date, at, at,
    at::date + 30 FROM bench_past AS past JOIN bench_pool AS pool ON pool.pool_id = past.pool_id ORDER BY n
"""
KEYED = """
INSERT INTO ledger_entry (account_id, id, reason_id, recipe, amount_fen, memo, posted_at)
SELECT account_id, {entry_id}, line_id, 'line_purchased', -3990, 'PAST-' || tail, at FROM bench_past ORDER BY n
"""
POOLED = """
INSERT INTO ledger_sale_entry (pool_id, id, reason_id, recipe, account_id, amount_fen, posted_at)
SELECT pool_id, {side_id}, line_id, 'line_purchased', side.account_id, side.amount_fen, at
FROM bench_past CROSS JOIN (VALUES (2, 3990), (4, -3000), (5, 3000)) AS side (account_id, amount_fen) ORDER BY n
"""
AUDIT = """
INSERT INTO audit_entry (pool_id, id, at, actor_kind, actor, verb, object_kind, object_id, after)
SELECT pool_id, {deed_id}, at, 'buyer', 'account ' || account_id, 'order.purchased', 'order', order_id::text,
    ('{{"code": "PAST", "number": "PAST-' || tail || '", "quantity": 1, "revealed": true, "total_fen": 3990}}')::jsonb
FROM bench_past ORDER BY n
"""
KEYS = """
INSERT INTO sales_key (scope, key, asked, pool_id, order_id, made_at)
SELECT convert_to('account:' || account_id, 'UTF8'), substr(md5('key' || tail), 1, 16), sha256(tail::bytea)::text, pool_id,
    order_id, at FROM bench_past ORDER BY 1, 2
"""
SHELF = """
INSERT INTO cards_card (pool_id, id, line_no, sealed, mask, unit_cost_fen, expires_on)
SELECT pool_id, 2 * {past} + (pool_id - 1000000) * {cards} + n, n + 1, {sealed}, '····92TR', 3000, '2099-12-31'
FROM bench_pool CROSS JOIN generate_series(0, {cards} - 1) AS n WHERE NOT is_sold
"""
BALANCES = """
UPDATE ledger_guarded AS guarded SET balance_fen = (SELECT sum(amount_fen) FROM ledger_entry WHERE account_id = guarded.account_id)
"""
INDEXES = """
SELECT told.tablename, told.indexname, told.indexdef, pg_get_constraintdef(made.oid)
FROM pg_indexes AS told LEFT JOIN pg_constraint AS made
  ON made.conname = told.indexname AND made.conrelid = told.tablename::regclass
WHERE told.tablename = ANY (%s) ORDER BY 1, 2
"""
POINTING = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND confrelid = ANY (%s::regclass[]) ORDER BY 1, 2
"""
FIRST = ["cards_card", "ledger_sale_entry", "sales_key", "sales_line"]
TABLES = [*FIRST, "audit_entry", "cards_fingerprint", "ledger_entry", "sales_order"]
SIDES = ((CARDS, ORDERS, AUDIT, KEYED), (LINES, POOLED, KEYS))  # as heavy as each other


def main(big: int, small: int, skus: int) -> None:
    with ExitStack() as stack:  # whatever happens, the houses are told to close
        houses = [stack.enter_context(closing(House(_keep, sales, skus))) for sales in (small, big)]
        for house in houses:
            house.ask("fill")
        for house in houses:
            house.ask("warm")
        begun = [house.ask("buffers") for house in houses]
        rounds = [[house.ask("measure") for house in houses] for _ in range(ROUNDS)]
        time.sleep(STATS_SECONDS)
        touched = [house.ask("buffers") - before for house, before in zip(houses, begun, strict=True)]
        spent = [buffers / (ROUNDS * PURCHASES) for buffers in touched]
        counted = houses[1].ask("count")
    for turn, (one, other) in enumerate(rounds):
        print(f"round {turn}: small {one}; big {other}")
    cpu = [statistics.median(one.cpu_ms for one in side) for side in zip(*rounds, strict=True)]
    rate = [statistics.median(one.per_second for one in side) for side in zip(*rounds, strict=True)]
    print(
        f"growth ratio={cpu[1] / cpu[0]:.2f} buffers_ratio={spent[1] / spent[0]:.2f} cpu_ms_small={cpu[0]:.3f}"
        f" cpu_ms_big={cpu[1]:.3f} buffers_small={spent[0]:.0f} buffers_big={spent[1]:.0f} per_second_small={rate[0]:.0f}"
        f" per_second_big={rate[1]:.0f} cards={counted[0]} sales={counted[1]} small={small} skus={skus}"
    )


def _keep(end, sales: int, skus: int) -> None:
    """Answer what is asked until nobody asks any more."""
    with shop.opened() as (run, _):
        assert end.recv() == "fill"
        told = shop.stock(run, int((WARM + PURCHASES * (ROUNDS + 1)) / BOUGHT_SKUS / 2 * 1.2) + 500, skus=BOUGHT_SKUS)
        fill(run, sales, skus)
        end.send(None)
        with shop.till(run) as till:
            answers = {
                "warm": lambda: [shop.measure(run, till, told, WARM), time.sleep(STATS_SECONDS)],
                "measure": lambda: shop.measure(run, till, told, PURCHASES),
                "buffers": lambda: buffers(run),
                "count": lambda: _count(run),
            }
            try:
                while True:
                    end.send(answers[end.recv()]())
            except EOFError:
                pass


def fill(run, sales: int, skus: int) -> None:
    """Write a past of so many sales."""
    from kashu import catalog
    from kashu.kernel import clock
    from kashu.kernel.db import connect
    from kashu.server import invariants
    from tests import make

    begun = time.perf_counter()
    with connect(run.dsn) as db, db.transaction():
        code = [make.sku(db) for _ in range(skus - BOUGHT_SKUS)][-1].code
        body = catalog.page_body(catalog.offers(db, [code], clock.now())[code], None)
        catalog.keep_pages(db, {catalog.page_hash(body): body}, clock.now())
    # As the superuser, because only one may leave out the checks of foreign keys; the invariants below make up for it.
    dsn = run.embedded.dsn("postgres")
    writers = [connect(dsn) for _ in SIDES]
    for db in writers:
        db.execute(
            "SET statement_timeout = 0; SET synchronous_commit = off; SET work_mem = '256MB'; SET maintenance_work_mem = '1GB'; SET lock_timeout = 0"
        )
        db.execute("SET session_replication_role = replica")
    set_up(writers[0], {"autovacuum": "off", "fsync": "off", "full_page_writes": "off", "max_wal_size": "8GB"})
    writers[0].execute(SETTING)
    accounts = writers[0].execute("SELECT count(*) FROM bench_account").fetchone()[0]
    pools = -(-sales // POOL_CARDS)
    told = {"sold": pools, "pools": pools + -(-pools // 10), "skus": skus, "bought": BOUGHT_SKUS, "cards": POOL_CARDS}
    for statement in POOLS.split(";\n"):
        writers[0].execute(statement, told if "%(" in statement else None)
    sealed = writers[0].execute("SELECT max(sealed) FROM (SELECT sealed FROM cards_card LIMIT 1) AS one").fetchone()[0]
    words = {
        "past": 10**10,
        "cards": POOL_CARDS,
        "sealed": f"'\\x{sealed.hex()}'::bytea",
        "most": sales,
        "accounts": accounts,
        **IDS,
    }
    pointing = writers[0].execute(POINTING, [TABLES]).fetchall()
    for table, name, _ in pointing:
        writers[0].execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    indexes = writers[0].execute(INDEXES, [TABLES]).fetchall()  # made at the end, sorted, in a fraction of the time
    for table, name, _, constraint in indexes:
        writers[0].execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}" if constraint else f"DROP INDEX {name}")
    for first in range(0, sales, CHUNK):
        writers[0].execute(PAST.format(**words, first=first, last=min(first + CHUNK, sales) - 1))
        with ThreadPoolExecutor(len(SIDES)) as threads:
            list(threads.map(lambda db, side: [db.execute(one.format(**words)) for one in side], writers, SIDES))
    writers[0].execute(SHELF.format(**words))
    if sales <= CHECKED_MAX:  # no purchase ever looks at a fingerprint
        writers[0].execute(FINGERPRINTS.format(**words))
    with ThreadPoolExecutor(len(SIDES)) as threads:
        list(
            threads.map(
                indexed,
                writers,
                [[one for one in indexes if (one[0] in FIRST) == is_first] for is_first in (True, False)],
            )
        )
    for table, name, constraint in pointing:
        writers[0].execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {constraint}")
    writers[0].execute(BALANCES)
    writers[0].execute("DROP TABLE bench_past")
    filled = time.perf_counter()
    shop.vacuum(run)
    set_up(writers[0], {"fsync": "on", "full_page_writes": "on", "max_wal_size": "2GB"})
    writers[0].execute("CHECKPOINT")
    size = writers[0].execute("SELECT pg_size_pretty(pg_database_size('kashu'))").fetchone()[0]
    checked = ""
    if sales <= CHECKED_MAX:
        found = invariants.check(writers[0])
        assert found == [], found[:5]
        checked = ", every invariant holds"
    for db in writers:
        db.close()
    print(
        f"{sales} past sales written in {filled - begun:.0f} s, vacuumed in {time.perf_counter() - filled:.0f} s, {size}{checked}",
        flush=True,
    )


def indexed(db, indexes) -> None:
    for table, name, definition, constraint in indexes:
        db.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {constraint}" if constraint else definition)


def set_up(db, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        db.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    db.execute("SELECT pg_reload_conf()")


def buffers(run) -> int:
    """Buffers touched in the database so far."""
    from kashu.kernel.db import connect, value

    with connect(run.embedded.dsn("postgres", "postgres")) as db:
        return value(db, "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = 'kashu'")


def _count(run) -> tuple[int, int]:
    from kashu.kernel.db import connect

    with connect(run.owner_dsn) as db:
        db.execute("SET statement_timeout = 0")
        return db.execute("SELECT (SELECT count(*) FROM cards_card), (SELECT count(*) FROM sales_order)").fetchone()


if __name__ == "__main__":
    told = [int(one) for one in sys.argv[1:]]
    main(*told, *(10_000_000, 100_000, 100)[len(told) :])
