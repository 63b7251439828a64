"""`script/bench bills [LINES]`: a WeChat Pay bill of so many lines, written as a stream, spooled, loaded and matched against
as many payments and bookings (but for one line in a thousand), beside COPY of the bare lines into a table with the same
indexes. ratio = COPY seconds ÷ (load + match) seconds; mib is the most that the process held."""

from __future__ import annotations

import sys
import time
from datetime import timedelta

from bench import house
from bench.bench_import import in_a_child, peak_mib

CHANNEL, MERCHANT = "bench-pay", "1900000109"
POOL = 1
STRANGE = 1_000  # one line in so many is not ours
PAYMENTS = """
INSERT INTO payments_payment (pool_id, id, order_id, channel_id, trade_no, amount_fen, state, gateway_no, created_at,
                              expires_at, paid_at)
SELECT %(pool)s, md5('p' || n)::uuid, md5('o' || n)::uuid, %(channel)s, '1-T' || lpad(n::text, 10, '0'), 100 + n %% 90000,
       'paid', '42000' || lpad(n::text, 23, '0'), at, at, at
FROM (SELECT n, %(day)s::timestamptz + n * (interval '86399 s' / %(many)s) AS at
      FROM generate_series(%(from)s, %(to)s) AS n WHERE n %% %(strange)s <> 0) AS told
"""
TRANSACTIONS = """
INSERT INTO payments_transaction (channel_id, gateway_no, pool_id, payment_id, amount_fen)
SELECT channel_id, gateway_no, pool_id, id, amount_fen FROM payments_payment WHERE channel_id = %(channel)s
"""
ENTRIES = """
INSERT INTO ledger_sale_entry (pool_id, id, reason_id, recipe, account_id, amount_fen, posted_at)
SELECT pool_id, gen_random_uuid(), order_id, 'order_paid', side.account, side.sign * amount_fen, paid_at
FROM payments_payment, (VALUES (%(account)s::bigint, -1), (1, 1)) AS side (account, sign)
WHERE channel_id = %(channel)s ORDER BY paid_at
"""


def main(lines: int) -> None:
    with house.folder():
        from kashu.server.migrate import migrate
        from kashu.server.runtime import runtime

        run = runtime()
        run.embedded.start()
        try:
            migrate(run)
            begun = time.perf_counter()
            in_a_child(prepare, lines)
            print(f"prepared {lines} lines and their payments: {time.perf_counter() - begun:.1f} s", flush=True)
            spool_s, load_s, match_s, mib, told = in_a_child(reconcile, lines)
            copy_s = copy(run)
        finally:
            run.pool.close()
            run.embedded.stop("immediate")
    print(f"spool {spool_s:.1f} s, load {load_s:.1f} s, match {match_s:.1f} s, COPY {copy_s:.1f} s, {told}")
    ratio = copy_s / (load_s + match_s)
    print(f"bills lines={lines} mib={mib:.0f} ratio={ratio:.2f} lines_per_second={lines / (load_s + match_s):.0f}")


def day():
    from kashu.kernel import clock

    return clock.biz_date(clock.now()) - timedelta(days=1)


def prepare(lines: int) -> None:
    """The payments that the bill is about: paid over the whole day, written in its order."""
    from kashu import sales
    from kashu.kernel.clock import day_start
    from kashu.kernel.db import connect
    from kashu.server.runtime import runtime
    from tests import make

    run = runtime()
    with connect(run.dsn) as db, db.transaction():
        make.channel(db, CHANNEL, "wechat", merchant=MERCHANT)
        account = sales.psp_account(db, CHANNEL)
    told = {
        "pool": POOL,
        "channel": CHANNEL,
        "account": account,
        "many": lines,
        "strange": STRANGE,
        "day": day_start(day()),
    }
    with connect(run.owner_dsn) as db:
        db.execute("SET statement_timeout = 0")
        for start in range(1, lines + 1, 500_000):
            db.execute(PAYMENTS, {**told, "from": start, "to": min(start + 499_999, lines)})
        for sql in (TRANSACTIONS, ENTRIES):
            db.execute(sql, told)
        db.execute("VACUUM ANALYZE payments_payment, payments_transaction, ledger_sale_entry")


def reconcile(lines: int) -> tuple[float, float, float, float, str]:
    from kashu import settlement
    from kashu.jobs import bills
    from kashu.kernel import clock
    from kashu.kernel.db import connect
    from kashu.server.runtime import runtime
    from kashu.server.wiring import context
    from kashu.wire import spool
    from sandbox.pay.bills import stream
    from tests import make

    run = runtime()
    ctx = context(run)
    begun = time.perf_counter()
    chunks = stream("wechat", rows(lines), day(), MERCHANT)
    kept = spool.keep(ctx.spool, ctx.ring, chunks, 8 << 30)
    with connect(run.dsn) as db, db.transaction():
        told = (kept.name, kept.sha256, kept.size, bills.count(ctx, kept.name))
        bill = settlement.open_bill(db, make.STAFF, (CHANNEL, day(), "trade"), told, clock.now())
    marks = [time.perf_counter()]

    def watch(now) -> None:
        if now.state == "matching" and len(marks) == 1:
            marks.append(time.perf_counter())

    done = bills.reconcile_bill(ctx, bill.id, watch)
    ended = time.perf_counter()
    assert done.state == "matched", done
    assert (done.lines_loaded, done.breaks, done.proof_fen) == (lines, lines // STRANGE, (0, 0)), done
    seen = f"{done.matched} matched, {done.breaks} breaks, file {kept.size >> 20} MiB"
    return marks[0] - begun, marks[1] - marks[0], ended - marks[1], peak_mib(), seen


def rows(lines: int):
    from kashu.kernel.clock import day_start

    begins = day_start(day())
    for n in range(1, lines + 1):
        yield {
            "trade_no": f"1-T{n:010d}", "gateway_no": f"42000{n:023d}", "refund_id": "", "amount_fen": 100 + n % 90_000,
            "fee_fen": 6, "state": "SUCCESS", "at": begins + timedelta(seconds=n * 86_399 // lines),
        }  # fmt: skip


def copy(run) -> float:
    """COPY of the lines as they are in the table, into one with the same columns, checks and indexes."""
    from kashu.kernel.db import connect

    with connect(run.owner_dsn) as db, connect(run.owner_dsn) as source:
        for one in (db, source):
            one.execute("SET statement_timeout = 0")
        db.execute("CREATE TABLE bench_line (LIKE settlement_bill_line INCLUDING ALL)")
        begun = time.perf_counter()
        waiting = 0.0
        with (
            source.cursor().copy("COPY settlement_bill_line TO STDOUT (FORMAT BINARY)") as out,
            db.transaction(),
            db.cursor().copy("COPY bench_line FROM STDIN (FORMAT BINARY)") as target,
        ):
            for piece in pieces(out):
                mark = time.perf_counter()
                target.write(piece)
                waiting += time.perf_counter() - mark
            mark = time.perf_counter()
        return waiting + time.perf_counter() - mark if waiting > 0 else time.perf_counter() - begun


def pieces(out):
    waiting = bytearray()
    for chunk in out:
        waiting += chunk
        if len(waiting) > 1 << 20:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
