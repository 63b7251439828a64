"""`script/bench import [CARDS]`: a text file of cards, decoded, deduplicated, sealed and written, against COPY of the
sealed rows into tables with the same indexes. ratio = COPY seconds ÷ import seconds (bar 0.3, memory 200 MiB)."""

from __future__ import annotations

import io
import multiprocessing
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import house

TABLES = ("cards_card", "cards_fingerprint")


def main(cards_wanted: int) -> None:
    with house.folder():
        from kashu.server.migrate import migrate
        from kashu.server.runtime import runtime

        run = runtime()
        run.embedded.start()
        try:
            migrate(run)
            rounds = [measure(run, cards_wanted, turn) for turn in range(3)]
        finally:
            run.pool.close()
            run.embedded.stop("immediate")
    ours, copy, memory = (sorted(column)[1] for column in zip(*rounds, strict=True))
    for turn, (one, two, mib) in enumerate(rounds):
        print(f"round {turn}: import {one:.2f} s, COPY {two:.2f} s, ratio {two / one:.2f}, memory {mib:.0f} MiB")
    print(
        f"import ratio={copy / ours:.2f} cards={cards_wanted} cards_per_second={cards_wanted / ours:.0f} memory_mib={memory:.0f}"
    )


def measure(run, cards_wanted: int, turn: int) -> tuple[float, float, float]:
    pool_id, seconds, mib = in_a_child(prepare_and_load, cards_wanted, turn)
    rows = {table: dump(run, table, pool_id) for table in TABLES}
    return seconds, sum(copy(run, table, rows[table]) for table in TABLES), mib


def in_a_child(work, *told):
    """A process of its own, so that its memory is its own."""
    ends = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_child, args=(ends[1], work, told))
    process.start()
    answer = ends[0].recv()
    process.join()
    return answer


def _child(end, work, told) -> None:
    end.send(work(*told))


def prepare_and_load(cards_wanted: int, turn: int) -> tuple[int, float, float]:
    from kashu import cards
    from kashu.jobs.imports import load_file
    from kashu.kernel.db import connect
    from kashu.server.runtime import runtime
    from kashu.server.wiring import context
    from kashu.wire import preview, spool
    from tests import make

    run = runtime()
    ctx = context(run)
    lines = (f"ZW{turn}{n:09d}----KZ7F-{turn}{n:07d}-Q3XD-92TR\n" for n in range(cards_wanted))
    kept = spool.keep(ctx.spool, ctx.ring, batched(lines, 20_000))
    with connect(run.dsn) as db, db.transaction():
        sku, supplier = make.sku(db), make.supplier(db)
        form = preview.format_of(ctx, kept.name)
        new = cards.NewBatch(
            sku.id, supplier, "single_use", "b.txt", kept.size, kept.sha256, kept.name, form, 3_000, "", cards_wanted
        )
        batch = cards.receive(db, ctx.ring, make.STAFF, new, datetime.now(UTC))
        cards.start(db, make.STAFF, batch.pool_id, datetime.now(UTC))
    begun = time.perf_counter()
    done = load_file(ctx, batch.pool_id)
    seconds = time.perf_counter() - begun
    assert done is not None
    assert done.accepted == cards_wanted, done
    return batch.pool_id, seconds, peak_mib()


def peak_mib() -> float:
    """The most memory this process has held. Not ru_maxrss: that one remembers the parent's, across exec."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def batched(lines, many: int):
    part = []
    for line in lines:
        part.append(line)
        if len(part) == many:
            yield "".join(part).encode()
            part = []
    yield "".join(part).encode()


def dump(run, table: str, pool_id: int) -> bytes:
    from kashu.kernel.db import connect

    out = io.BytesIO()
    with connect(run.owner_dsn) as db:
        db.execute("SET statement_timeout = 0")
        query = f"COPY (SELECT * FROM {table} WHERE pool_id = {pool_id} ORDER BY {'id' if table == 'cards_card' else 'card_id'}) TO STDOUT (FORMAT BINARY)"
        with db.cursor().copy(query) as source:
            for chunk in source:
                out.write(chunk)
    return out.getvalue()


def copy(run, table: str, rows: bytes) -> float:
    """COPY into a table with the same columns, checks and indexes."""
    from kashu.kernel.db import connect

    with connect(run.owner_dsn) as db:
        db.execute("SET statement_timeout = 0")
        db.execute(f"CREATE TABLE bench_{table} (LIKE {table} INCLUDING ALL)")
        begun = time.perf_counter()
        with db.transaction(), db.cursor().copy(f"COPY bench_{table} FROM STDIN (FORMAT BINARY)") as target:
            for at in range(0, len(rows), 1 << 20):
                target.write(rows[at : at + (1 << 20)])
        seconds = time.perf_counter() - begun
        db.execute(f"DROP TABLE bench_{table}")
    return seconds


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
