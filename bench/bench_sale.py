"""`script/bench sale [PURCHASES]`: signed, idempotent purchases over HTTP through the till, against pgbench committing SQL
that writes the same rows one sale per transaction, at its best client count. Same accounts, SKUs and pools, both warmed
and vacuumed, five interleaved rounds, medians. ratio = CPU ms per purchase of pgbench's side (server and client) ÷ ours
(server and till; the load generator is left out). Bars: ratio ≥ 1.5, throughput ≥ 1.0."""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from bench import gun, shop

ROUNDS = 5
ACCOUNTS = 20
SKUS = 5
POOLS_EACH = 2
CLIENTS = (2, 4, 8, 16, 32)

# One sale as the till writes it, row for row, statement for statement, without the reads a plain script can leave out.
SALE = """
\\set account random(1, {accounts})
\\set sku random(1, {skus})
BEGIN;
INSERT INTO party_nonce (key_id, nonce, seen_at) VALUES ('kk_bench', gen_random_uuid()::text, now());
SELECT balance_fen AS balance FROM ledger_guarded WHERE account_id = (SELECT id FROM bench_account WHERE n = :account) FOR NO KEY UPDATE \\gset
SELECT id AS account_id FROM bench_account WHERE n = :account \\gset
SELECT gen_random_uuid() AS order_id, gen_random_uuid() AS line_id, gen_random_uuid() AS key, pool_id FROM bench_pool WHERE n = :sku \\gset
SELECT id AS card_id, unit_cost_fen AS cost FROM cards_card WHERE pool_id = :pool_id AND state = 'on_shelf' AND expires_on >= current_date ORDER BY expires_on, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED \\gset
INSERT INTO sales_order (pool_id, id, number, token, state, quantity, total_fen, device, address, source_entry, consent_at, consent_hash, placed_at, hold_until, paid_at, delivered_at, account_id, reference) VALUES ((:pool_id)::bigint, (:order_id)::uuid, 'B-' || (:order_id)::text, 'T-' || (:order_id)::text, 'delivered', 1, 3990, '', '', 'purchase', now(), '', now(), now(), now(), now(), (:account_id)::bigint, '');
INSERT INTO sales_key (scope, key, asked, pool_id, order_id, made_at) VALUES (convert_to('account:' || (:account_id)::text, 'UTF8'), (:key)::text, '{hash}', (:pool_id)::bigint, (:order_id)::uuid, now());
INSERT INTO sales_line (pool_id, id, order_pool_id, order_id, sku_id, seller_id, supplier_id, quantity, price_fen, price_steps, total_fen, cost_fen, is_third_party, fee_rule_id, commission_fen, page_hash, agreement_id, placed_on, delivered_at, revealed_at, warranty_ends_on) SELECT (:pool_id)::bigint, (:line_id)::uuid, (:pool_id)::bigint, (:order_id)::uuid, sku_id, seller_id, supplier_id, 1, 3990, '[{{"what": "base", "price_fen": 3990}}]', 3990, (:cost)::bigint, false, 1, 0, page_hash, agreement_id, current_date, now(), now(), current_date + 30 FROM bench_pool WHERE n = :sku;
UPDATE cards_card SET state = 'sold', order_id = (:order_id)::uuid, sale_line_id = (:line_id)::uuid, sold_at = now(), revealed_at = now() WHERE pool_id = :pool_id AND id = :card_id AND state = 'on_shelf' RETURNING sealed;
INSERT INTO ledger_entry (account_id, id, reason_id, recipe, amount_fen, posted_at, memo) VALUES ((:account_id)::bigint, gen_random_uuid(), (:line_id)::uuid, 'line_purchased', -3990, now(), 'B-' || (:order_id)::text);
UPDATE ledger_guarded SET balance_fen = balance_fen - 3990 WHERE account_id = :account_id;
INSERT INTO ledger_sale_entry (pool_id, id, reason_id, recipe, account_id, amount_fen, posted_at) VALUES ((:pool_id)::bigint, gen_random_uuid(), (:line_id)::uuid, 'line_purchased', 2, 3990, now()), ((:pool_id)::bigint, gen_random_uuid(), (:line_id)::uuid, 'line_purchased', 4, -(:cost)::bigint, now()), ((:pool_id)::bigint, gen_random_uuid(), (:line_id)::uuid, 'line_purchased', 5, (:cost)::bigint, now());
INSERT INTO audit_entry (pool_id, id, at, actor_kind, actor, verb, object_kind, object_id, after) VALUES ((:pool_id)::bigint, gen_random_uuid(), now(), 'buyer', 'account ' || (:account_id)::text, 'order.purchased', 'order', (:order_id)::text, '{{"code": "BENCH", "number": "B-0", "quantity": 1, "revealed": true, "total_fen": 3990}}');
INSERT INTO outbox (pool_id, id, topic, body, due_at, recorded_at) VALUES ((:pool_id)::bigint, gen_random_uuid(), 'order.delivered', '{{"order_id": "0", "pool_id": 1}}', now(), now());
COMMIT;
"""


def main(many: int) -> None:
    with shop.opened() as (run, folder):
        each = int(many * (2 * ROUNDS + 4) / SKUS / POOLS_EACH * 1.3) + 500
        told = shop.stock(run, each, accounts=ACCOUNTS, skus=SKUS, pools=POOLS_EACH)
        lay_out(run, told)
        script = folder / "sale.sql"
        script.write_text(SALE.format(accounts=ACCOUNTS, skus=SKUS, hash="0" * 64))
        with shop.till(run) as till:
            shop.measure(run, till, told, many // 2)
            clients = max(CLIENTS, key=lambda n: pgbench(run, script, n, max(1, many // 4 // n))[0])
            shop.vacuum(run)
            rounds = [
                (shop.measure(run, till, told, many), pgbench(run, script, clients, many // clients))
                for _ in range(ROUNDS)
            ]
    for turn, (one, (their_rate, their_cpu)) in enumerate(rounds):
        print(f"round {turn}: till {one}; pgbench {their_rate:.0f}/s {their_cpu:.3f} ms")
    cpu, rate = (statistics.median(getattr(one, name) for one, _ in rounds) for name in ("cpu_ms", "per_second"))
    their_rate, their_cpu = (statistics.median(other[place] for _, other in rounds) for place in (0, 1))
    wal = statistics.median(one.wal_bytes for one, _ in rounds)
    print(f"sale ratio={their_cpu / cpu:.2f} throughput={rate / their_rate:.2f} cpu_ms={cpu:.3f} pgbench_cpu_ms={their_cpu:.3f} "
          f"per_second={rate:.0f} pgbench_per_second={their_rate:.0f} clients={clients} wal_bytes={wal:.0f} purchases={many}")  # fmt: skip


def lay_out(run, told: shop.Shop) -> None:
    """What pgbench looks its accounts and pools up in."""
    from kashu import catalog
    from kashu.kernel import clock
    from kashu.kernel.db import connect

    with connect(run.owner_dsn) as db:
        at = clock.now()
        pages = [catalog.page_body(offer, None) for offer in catalog.offers(db, told.codes, at).values()]
        catalog.keep_pages(db, {catalog.page_hash(body): body for body in pages}, at)
        db.execute("CREATE TABLE bench_account AS SELECT row_number() OVER () AS n, id FROM sales_account")
        db.execute("""CREATE TABLE bench_pool AS SELECT row_number() OVER (ORDER BY max(pool.id)) AS n, max(pool.id) AS pool_id, pool.sku_id,
            max(product.seller_id) AS seller_id, max(pool.supplier_id) AS supplier_id, max(page.hash::text)::bytea AS page_hash,
            (SELECT max(id) FROM catalog_agreement) AS agreement_id
            FROM cards_pool AS pool JOIN catalog_sku AS sku ON sku.id = pool.sku_id JOIN catalog_product AS product ON product.id = sku.product_id
            CROSS JOIN (SELECT hash FROM catalog_page LIMIT 1) AS page GROUP BY pool.sku_id""")
        db.execute("ALTER TABLE bench_account ADD PRIMARY KEY (n)")
        db.execute("ALTER TABLE bench_pool ADD PRIMARY KEY (n)")
    shop.vacuum(run)


def pgbench(run, script: Path, clients: int, each: int):
    """Sales per second and CPU ms of each (pgbench and server)."""
    from psycopg.conninfo import conninfo_to_dict

    from kashu.server.postgres import binaries

    told = {key: str(value) for key, value in conninfo_to_dict(run.owner_dsn).items()}
    env = {**os.environ, "PGHOST": told["host"], "PGPORT": told.get("port", "5432"), "PGUSER": told["user"],
           "PGPASSWORD": told["password"], "PGDATABASE": told["dbname"]}  # fmt: skip
    before, mine = gun.cpu_of(shop.postmaster(run)), _children()
    done = subprocess.run([str(binaries() / "pgbench"), "-n", "-M", "prepared", "-f", str(script), "-c", str(clients),
                           "-j", str(min(clients, 2)), "-t", str(each)], env=env, check=False, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    cpu = gun.cpu_of(shop.postmaster(run)) - before + _children() - mine
    rate = float(re.search(r"tps = ([0-9.]+)", done.stdout)[1])
    assert f"number of transactions actually processed: {clients * each}/" in done.stdout, done.stdout
    return rate, cpu * 1000 / (clients * each)


def _children() -> float:
    told = resource.getrusage(resource.RUSAGE_CHILDREN)
    return told.ru_utime + told.ru_stime


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8_000)
