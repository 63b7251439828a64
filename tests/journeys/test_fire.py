"""Sales while processes are killed outright. Whatever was acknowledged is still there, and the house is sound."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path

import pytest

from bench.soak import soak
from tests.journeys.conftest import start, stop
from tests.ports import free_port


@pytest.mark.parametrize(
    ("seconds", "seed"), [pytest.param(25, 7, id="short"), pytest.param(300, 11, id="long", marks=pytest.mark.long)]
)
@pytest.mark.timeout(900)
def test_killed_processes_lose_nothing_acknowledged(seconds, seed):
    """The soak (`script/soak`), small: everything that was answered is held against the database afterwards."""
    told = soak(seconds, seed, gap=(0.7, 1.6))

    assert told["faults"] == []
    assert told["purchases acknowledged"] >= 5  # how many there are is the machine's affair
    assert told["checkouts paid"] >= 1
    assert told["kills"] >= 3


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
