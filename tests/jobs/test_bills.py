"""Bills as jobs: fetched when they are out, killed anywhere and resumed, run by two workers, refused with their reason."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kashu import payments, settlement
from kashu.jobs import bills as jobs
from kashu.jobs import handlers
from kashu.kernel import clock
from kashu.kernel.clock import SHANGHAI
from kashu.kernel.db import connect, value, values
from kashu.server.wiring import context
from kashu.settlement import Bill
from kashu.wire import spool
from kashu.wire.pay.bills import checked
from sandbox.pay.bills import NO_FAULTS, Faults, file
from tests import make
from tests.race.at_once import at_once
from tests.settlement.world import DAY, NOON, World


class Killed(BaseException):
    """What a `kill -9` looks like to the code it strikes: nothing is caught, nothing is tidied."""


@pytest.fixture
def place(house, dsn, ring, monkeypatch):
    """A committed channel whose bills can be fetched: `place(rows, faults)` gives its world and a context."""
    monkeypatch.setattr(jobs, "CHUNK_LINES", 3)
    monkeypatch.setattr("kashu.settlement.service.matching.STEP_LINES", 4)

    def open_place(many=5, faults=NO_FAULTS, kind="wechat", fetch=None):
        with connect(dsn) as db, db.transaction():
            world = World(db, ring, kind)
            for n in range(many):
                world.paid(NOON + timedelta(seconds=n))

        def fetcher(channel, day, bill_kind):
            assert (channel.id, bill_kind) == (world.channel, "trade")
            made = file(kind, world.rows, day, "m-1", faults, packed=kind == "alipay")
            return (
                iter([made.content]) if kind == "alipay" else checked([made.content], made.hash_type, made.hash_value)
            )

        ctx = replace(context(house), bills={kind: fetch or fetcher})
        return world, ctx

    return open_place


def opened(ctx, world, day=DAY):
    with ctx.pool.transaction() as db:
        bill = settlement.open_bill(db, make.STAFF, (world.channel, day, "trade"), None, clock.now())
    assert isinstance(bill, Bill), bill
    return bill


def result(dsn, bill):
    with connect(dsn) as db, db.transaction():
        found = settlement.bill(db, bill.id)
        cases = sorted((one.kind, one.subject, one.state) for one in settlement.cases(db, view="all", bill_id=bill.id))
        lines = value(db, "SELECT count(*) FROM settlement_bill_line WHERE bill_id = %s", [bill.id])
    return found, cases, lines


@pytest.mark.parametrize("kind", ["wechat", "alipay", "douyin"])
def test_a_bill_is_fetched_loaded_and_matched(place, dsn, kind):
    world, ctx = place(7, kind=kind)
    seen = []
    done = jobs.reconcile_bill(ctx, opened(ctx, world).id, seen.append)
    assert (done.state, done.lines_loaded, done.matched, done.breaks, done.proof_fen) == ("matched", 7, 7, 0, (0, 0))
    assert [one.done for one in seen] == sorted(one.done for one in seen)
    assert seen[-1].done == seen[-1].steps == 14
    assert done.spool == ""


def test_the_handler_of_the_fact_does_it_and_doing_it_again_changes_nothing(place, dsn):
    world, ctx = place(5, Faults(extra=()))
    bill = opened(ctx, world)
    handlers.HANDLERS["bill.reconcile"](ctx, {"bill_id": str(bill.id)})
    before = result(dsn, bill)
    handlers.HANDLERS["bill.reconcile"](ctx, {"bill_id": str(bill.id)})
    assert result(dsn, bill) == before
    assert before[0].state == "matched"
    assert handlers.QUEUES["bill.reconcile"] == "bills"


def test_killed_after_any_step_a_bill_ends_the_same(place, dsn, monkeypatch):
    """Every transaction of the whole run is one that the next process finds done or not done, never half."""
    world, ctx = place(9)
    numbers = [row["gateway_no"] for row in world.rows]
    faults = Faults(missing=frozenset({numbers[0]}), more_fen={numbers[3]: 1}, twice=frozenset({numbers[5]}))
    made = file("wechat", world.rows, DAY, "m-1", faults)
    monkeypatch.setattr("kashu.settlement.service.matching.WINDOWS", 6)
    wanted = None
    for survives in range(0, 60, 1):
        left = [survives]

        @contextmanager
        def mortal(left=left):
            with ctx.pool.transaction() as db:
                yield db
                if left[0] == 0:
                    raise Killed
                left[0] -= 1

        class Pool:
            transaction = staticmethod(mortal)

        def fetcher(*_):
            return iter([made.content])

        dying = replace(ctx, pool=Pool(), bills={"wechat": fetcher})
        living = replace(ctx, bills={"wechat": fetcher})
        with connect(dsn) as db, db.transaction():
            db.execute(
                "UPDATE settlement_bill SET day = day - %s::int WHERE channel_id = %s AND day = %s",
                [400 + survives, world.channel, DAY],
            )
            clear_cases(db, world)
        bill = opened(living, world)
        try:
            jobs.reconcile_bill(dying, bill.id)
            died = False
        except Killed:
            died = True
        jobs.reconcile_bill(living, bill.id)
        found, cases, lines = result(dsn, bill)
        told = (
            found.state,
            found.matched,
            found.breaks,
            found.bill_fen,
            found.ledger_fen,
            found.proof_fen,
            cases,
            lines,
        )
        wanted = wanted or told
        assert told == wanted, survives
        if not died:
            break
    assert survives > 12
    assert wanted[:3] == ("matched", 7, 3)
    assert [kind for kind, *_ in wanted[6]] == ["amount_differs", "duplicate", "late"]


def clear_cases(db, world):
    """Earlier rounds of the test above must not be seen by the next: their lines are of other numbers."""
    db.execute("UPDATE settlement_case SET subject = id::text WHERE channel_id = %s", [world.channel])
    db.execute(
        "UPDATE settlement_bill_line SET trade_no = 'gone' FROM settlement_bill AS bill"
        " WHERE bill.id = bill_id AND bill.channel_id = %s",
        [world.channel],
    )


def test_two_workers_on_one_bill_do_each_step_once(place, dsn):
    world, ctx = place(20)
    bill = opened(ctx, world)
    trouble = []

    def work():
        try:
            jobs.reconcile_bill(ctx, bill.id)
        except Exception as error:
            trouble.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    jobs.reconcile_bill(ctx, bill.id)  # a worker that found another one loading leaves the rest to it

    found, cases, lines = result(dsn, bill)
    assert trouble == []
    assert (found.state, found.lines_loaded, found.lines_matched, found.matched, lines, cases) == (
        "matched",
        20,
        20,
        20,
        20,
        [],
    )
    assert list(ctx.spool.glob(f"{found.sha256}*")) == []


def test_control_without_the_bills_lock_two_workers_would_do_the_same_step(place, dsn):
    world, ctx = place(8)
    bill = opened(ctx, world)
    jobs.fetch(ctx, bill, channel(ctx, world))
    jobs.load(ctx, bill.id, channel(ctx, world), lambda _: None)
    barrier = threading.Barrier(2)

    def look(db, _n):
        at = value(db, "SELECT lines_matched FROM settlement_bill WHERE id = %s", [bill.id])
        barrier.wait()
        return at

    assert at_once(dsn, 2, look) == [0, 0]

    answers = at_once(dsn, 2, lambda db, _n: settlement.match_step(db, bill.id, clock.now(), 4).lines_matched)
    assert sorted(answers) == [4, 8]


@pytest.mark.parametrize(
    ("faults", "reason"),
    [(Faults(is_truncated=True), "wrong_hash"), (Faults(is_wrong_hash=True), "wrong_hash")],
)
def test_a_download_that_is_not_whole_is_given_up_and_tried_again(place, dsn, faults, reason):
    world, ctx = place(30, faults)
    failed = jobs.reconcile_bill(ctx, opened(ctx, world).id)
    assert (failed.state, failed.trouble.split()[0], failed.lines_loaded) == ("failed", reason, 0)

    made = file("wechat", world.rows, DAY, "m-1").content
    again = opened(replace(ctx, bills={"wechat": lambda *_: iter([made])}), world)
    assert (again.id, again.version, again.state) == (failed.id, 1, "fetching")
    done = jobs.reconcile_bill(replace(ctx, bills={"wechat": lambda *_: iter([made])}), again.id)
    assert (done.state, done.trouble, done.matched) == ("matched", "", 30)


def test_a_bill_that_turns_out_wrong_at_its_end_leaves_no_line(place, dsn):
    world, ctx = place(7)
    plain = file("wechat", world.rows, DAY, "m-1", packed=False).content
    wrong = plain.replace(b"`7,`", b"`8,`")
    bill = opened(ctx, world)
    failed = jobs.reconcile_bill(replace(ctx, bills={"wechat": lambda *_: iter([wrong])}), bill.id)
    assert (failed.state, failed.trouble.split()[0]) == ("failed", "wrong_totals")
    assert result(dsn, bill)[2] == 0
    later = opened(ctx, world)
    assert (later.id != bill.id, later.version) == (True, 2)
    assert jobs.reconcile_bill(ctx, later.id).state == "matched"


def test_a_bill_that_nobody_can_fetch_says_so(place, dsn):
    world, ctx = place(1)
    with ctx.pool.transaction() as db:
        bill = settlement.open_bill(db, make.STAFF, (world.channel, DAY, "fund"), None, clock.now())
    failed = jobs.reconcile_bill(replace(ctx, bills={}), bill.id)
    assert (failed.state, failed.trouble) == ("failed", "no_fetcher 0 wechat")


def test_a_bill_is_asked_of_the_channels_adapter(place, dsn):
    """There is no gateway at the tests' address: the adapter says so, and the bill waits for another try."""
    world, ctx = place(1)
    failed = jobs.reconcile_bill(replace(ctx, bills={}), opened(ctx, world).id)
    assert (failed.state, failed.trouble.split()[0]) == ("failed", "no_answer")


def test_a_channel_that_does_not_answer_is_asked_again_later(place, dsn):
    import httpx

    def down(*_):
        raise httpx.ConnectError("down")

    world, ctx = place(1, fetch=down)
    failed = jobs.reconcile_bill(ctx, opened(ctx, world).id)
    assert (failed.state, failed.trouble.split()[0]) == ("failed", "no_answer")


def test_a_channel_of_an_unknown_kind_has_no_form(place, dsn):
    world, ctx = place(1)
    with connect(dsn) as db, db.transaction():
        db.execute("UPDATE payments_channel SET kind = 'barter' WHERE id = %s", [world.channel])
    failed = jobs.reconcile_bill(replace(ctx, bills={"barter": lambda *_: iter([b"x\n"])}), opened(ctx, world).id)
    assert (failed.state, failed.trouble.split()[0]) == ("failed", "no_form")


def test_bills_are_asked_for_when_they_are_out_and_no_sooner(place, dsn, monkeypatch):
    world, ctx = place(1)
    today = clock.biz_date(clock.now())

    def at(hour, minute):
        monkeypatch.setattr(
            clock, "now", lambda: datetime(today.year, today.month, today.day, hour, minute, tzinfo=SHANGHAI)
        )

    def days():
        with connect(dsn) as db:
            return values(db, "SELECT day FROM settlement_bill WHERE channel_id = %s ORDER BY day", [world.channel])

    at(10, 0)
    jobs.fetch_due(ctx)
    assert days() == [today - timedelta(days=back) for back in range(7, 1, -1)]
    at(10, 20)
    jobs.fetch_due(ctx)
    jobs.fetch_due(ctx)
    assert days() == [today - timedelta(days=back) for back in range(7, 0, -1)]


def test_what_was_spooled_for_a_bill_is_not_swept(place, dsn):
    world, ctx = place(3)
    bill = opened(ctx, world)
    jobs.fetch(ctx, bill, channel(ctx, world))
    with connect(dsn) as db, db.transaction():
        kept = settlement.bill(db, bill.id)
        assert kept.spool in settlement.spooled(db)
    assert spool.sweep(ctx.spool, {kept.spool}, -1) >= 0
    assert (ctx.spool / kept.spool).exists()
    assert jobs.reconcile_bill(ctx, bill.id).state == "matched"
    assert not (ctx.spool / kept.spool).exists()


def test_a_spooled_file_can_be_read_from_anywhere(house, ring, tmp_path):
    content = bytes(range(256)) * 8_200  # two frames and a part of one
    kept = spool.keep(tmp_path, ring, [content])
    with spool.Reader(tmp_path, ring, kept.name) as file_:
        assert file_.seek(0, 2) == len(content)
        for start, many in ((0, 10), (2**20 - 3, 7), (len(content) - 5, 50), (123_456, 2**20)):
            file_.seek(start)
            got = b""
            while len(got) < many and (piece := file_.read(many - len(got))):
                got += piece
            assert got == content[start : start + many]
    altered = bytearray((tmp_path / kept.name).read_bytes())
    altered[-1] ^= 1
    (tmp_path / kept.name).write_bytes(altered)
    from kashu.kernel.seal import SealBrokenError

    with spool.Reader(tmp_path, ring, kept.name) as file_:
        file_.seek(2**21)
        with pytest.raises(SealBrokenError):
            file_.read(10)


def channel(ctx, world):
    with ctx.pool.transaction() as db:
        return payments.channels(db)[world.channel]
