"""The worker: relays the outbox into Procrastinate, runs its jobs, keeps the timetable."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import procrastinate
from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

from kashu import aftersale, audit, cards, compliance, messages, party, payments, sales, settlement
from kashu.jobs.aftersale import forget_persons, watch_clocks
from kashu.jobs.attesting import attest
from kashu.jobs.bills import fetch_due, review
from kashu.jobs.compliance import look_again, watch_takedowns
from kashu.jobs.handlers import AT_ONCE, FACTS, HANDLERS, QUEUES
from kashu.jobs.retention import retain
from kashu.jobs.rounds import in_rounds
from kashu.jobs.suppliers import erase_persons, lift_sanctions, screen_all
from kashu.jobs.tallies import check_chains, tally, watch_chains
from kashu.kernel import clock, events, limits
from kashu.kernel.db import run
from kashu.wire import metrics, spool
from kashu.wire.context import Context
from kashu.wire.open.auth import WINDOW_SECONDS

log = logging.getLogger(__name__)
RELAY_SECONDS = 0.15
BEAT_SECONDS = 5
STALLED_SECONDS = 20
WORK_AGAIN_SECONDS = 1
CONCURRENCY = 4
SUPPLY_CONCURRENCY = 8  # a supplier that does not answer holds at most some of them (`jobs.supply`)
THREADS = 32
HEALTH_DAYS = 30
SPOOL_HOURS = 1
RETRY_SECONDS_MAX = 3_600


class Patience(BaseRetryStrategy):
    """Tries again after 2, 4, 8 … seconds, an hour at most, for ever: money owed is not given up."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        log.warning("job.again", extra={"job": job.id, "tries": job.attempts, "trouble": type(exception).__name__})
        return RetryDecision(retry_in={"seconds": min(2 ** min(job.attempts + 1, 12), RETRY_SECONDS_MAX)})


def make_app(dsn: str, ctx: Context) -> procrastinate.App:
    """Procrastinate with one task for every fact, and the timetable."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=dsn, min_size=1, max_size=4))
    retry = Patience()

    @app.task(name="fact", queue="facts", retry=retry)
    def fact(topic: str, body: dict[str, Any]) -> None:
        try:
            HANDLERS[topic](ctx, body)
        except Exception:
            metrics.JOBS.labels(topic, "failed").inc()
            raise
        metrics.JOBS.labels(topic, "done").inc()

    def every(cron: str, name: str, do: Callable[[], object]) -> None:
        @app.periodic(cron=cron)
        @app.task(name=name, queue="timetable", queueing_lock=name)
        def timed(timestamp: int) -> None:  # noqa: ARG001  # Procrastinate's signature
            do()

    every("* * * * * */5", "expire", lambda: expire(ctx))
    every("* * * * * */5", "seal", lambda: seal(ctx))
    every("* * * * *", "sign", lambda: sign(ctx))
    every("* * * * *", "give_up", lambda: give_up(ctx))
    every("* * * * *", "stop_lapsed", lambda: stop_lapsed(ctx))
    every("* * * * *", "attest", lambda: attest(ctx))
    every("3 * * * *", "watch_licences", lambda: watch_licences(ctx))
    every("*/5 * * * *", "watch_takedowns", lambda: watch_takedowns(ctx))
    every("*/10 * * * *", "sweep", lambda: sweep(ctx))
    every("7 * * * *", "complete", lambda: complete(ctx))
    every("37 19 * * *", "retain", lambda: retain(ctx))  # at night in Shanghai
    every("17 * * * *", "fetch_bills", lambda: fetch_due(ctx))
    every("47 * * * *", "review_cases", lambda: review(ctx))
    every("*/5 * * * *", "lift_sanctions", lambda: lift_sanctions(ctx))
    every("27 20 * * *", "erase_persons", lambda: erase_persons(ctx))  # 04:27 in Shanghai
    every("27 * * * *", "watch_clocks", lambda: watch_clocks(ctx))
    every("57 20 * * *", "forget_persons", lambda: forget_persons(ctx))  # 04:57 in Shanghai
    every("17 20 * * *", "look_again", lambda: look_again(ctx))  # 04:17 in Shanghai
    every("7 20 * * *", "tally", lambda: tally(ctx))  # 04:07 in Shanghai
    every("37 20 * * *", "check_chains", lambda: check_chains(ctx))  # 04:37 in Shanghai
    every("*/10 * * * *", "watch_chains", lambda: watch_chains(ctx))
    every("37 19 * * *", "screen", lambda: screen_all(ctx))  # 03:37 in Shanghai
    return app


def expire(ctx: Context) -> int:
    """Release every order past its deadline."""
    return in_rounds(ctx, sales.expire)


def give_up(ctx: Context) -> None:
    """Give the money back for orders that nobody has begun with in time, each by itself: one that fails stops no other."""
    after = None
    while True:
        with ctx.pool.transaction() as db:
            late = sales.overdue(db, clock.now(), after)
        for due_at, key in late:
            after = (due_at, key[1])
            try:
                with ctx.pool.transaction() as db:
                    sales.give_up(db, key, clock.now())
            except Exception:
                log.exception("give_up.failed", extra={"order": str(key[1])})
        if not late:
            return


def stop_lapsed(ctx: Context) -> int:
    """End what is under way for goods that may not be sold any more (compliance.md §2.3); how many orders."""
    return in_rounds(ctx, sales.cancel_stopped) + in_rounds(ctx, sales.refund_stopped)


def watch_licences(ctx: Context) -> None:
    with ctx.pool.transaction() as db:
        raised = compliance.licences.watch(db, clock.now())
        compliance.licences.tell_owners(db, ctx.ring, raised, clock.now())


def seal(ctx: Context) -> None:
    """Seal until nothing is left that can be."""
    while True:
        with ctx.pool.transaction() as db:
            if not audit.seal(db):
                return


def sign(ctx: Context) -> None:
    with ctx.pool.transaction() as db:
        audit.sign_head(db, ctx.ring, clock.now())


def sweep(ctx: Context) -> None:
    """Forget counted attempts, nonces and keys past their time, and files that nobody waits for."""
    with ctx.pool.transaction() as db:
        limits.sweep(db, clock.now() - timedelta(days=1))
        payments.forget_health(db, clock.now() - timedelta(days=HEALTH_DAYS))
        party.forget_nonces(db, clock.now() - timedelta(seconds=2 * WINDOW_SECONDS))
        wanted = cards.spooled(db) | settlement.spooled(db) | party.spooled(db) | aftersale.spooled(db)
    spool.sweep(ctx.spool, wanted, SPOOL_HOURS * 3_600)
    for forget in (sales.forget_files, sales.forget_keys, sales.forget_links, messages.forget):
        in_rounds(ctx, forget)


def complete(ctx: Context) -> None:
    with ctx.pool.transaction() as db:
        sales.complete(db, clock.now())


async def relay_once(app: procrastinate.App, ctx: Context) -> int:
    """Move due facts into Procrastinate, and out of the outbox once they are there; says how many."""
    facts = await asyncio.to_thread(_lease, ctx)
    if not facts:
        return 0
    done = []
    for topic in sorted({fact.topic for fact in facts} & AT_ONCE.keys()):
        done += await asyncio.to_thread(_do_at_once, ctx, topic, [fact for fact in facts if fact.topic == topic])
    later = [fact for fact in facts if fact.topic not in AT_ONCE]
    for queue in sorted({QUEUES.get(fact.topic, FACTS) for fact in later}):
        jobs: list[dict[str, Any]] = [
            {"topic": fact.topic, "body": fact.body} for fact in later if QUEUES.get(fact.topic, FACTS) == queue
        ]
        if jobs:
            await app.configure_task("fact", queue=queue).batch_defer_async(*jobs)
    await asyncio.to_thread(_done, ctx, [*done, *later])
    return len(facts)


def _do_at_once(ctx: Context, topic: str, facts: list[events.Leased]) -> list[events.Leased]:
    """Do facts of one topic together; where that fails, one by one, and those that fail wait for their next lease."""
    done = []
    for some in (facts, *([one] for one in facts)):
        try:
            AT_ONCE[topic](ctx, [fact.body for fact in some])
        except Exception:
            metrics.JOBS.labels(topic, "failed").inc(len(some))
            log.exception("relay.fact_failed", extra={"topic": topic, "facts": len(some)})
            continue
        metrics.JOBS.labels(topic, "done").inc(len(some))
        done += some
        if some is facts:
            break
    return done


async def work(dsn: str, ctx: Context) -> None:
    """Run until cancelled."""
    # Jobs, the relay and the heartbeat all run in threads: more of them than there are slots for jobs, or slow jobs
    # would stop the relay and the heartbeat as well.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "worker"))
    app = make_app(dsn, ctx)
    async with app.open_async(), asyncio.TaskGroup() as group:
        group.create_task(_relay(app, ctx))
        group.create_task(_beat(app, ctx))
        group.create_task(_work_on(app, ["facts", "timetable"], CONCURRENCY))
        group.create_task(_work_on(app, ["long"], 1))
        group.create_task(_work_on(app, ["bills"], 1))
        group.create_task(_work_on(app, ["webhooks"], CONCURRENCY))
        group.create_task(_work_on(app, ["messages"], CONCURRENCY))
        group.create_task(_work_on(app, ["supply"], SUPPLY_CONCURRENCY))
        group.create_task(_work_on(app, ["registry"], 2))


async def _work_on(app: procrastinate.App, queues: list[str], concurrency: int) -> None:
    """Work on queues for ever.

    When the database goes, Procrastinate's worker may stop without a word (its listener broke, not its jobs): a queue
    that nobody works on is begun with again.
    """
    while True:
        await app.run_worker_async(
            queues=queues,
            concurrency=concurrency,
            install_signal_handlers=False,
            delete_jobs="successful",
            fetch_job_polling_interval=1.0,
        )
        log.warning("worker.stopped_by_itself", extra={"queues": queues})
        await asyncio.sleep(WORK_AGAIN_SECONDS)


async def _relay(app: procrastinate.App, ctx: Context) -> None:
    while True:
        try:
            moved = await relay_once(app, ctx)
        except Exception:
            log.exception("relay.broken")
            await asyncio.sleep(1)
            continue
        if moved < events.RELAY_MAX:
            await asyncio.sleep(RELAY_SECONDS)


async def _beat(app: procrastinate.App, ctx: Context) -> None:
    """Say that we live, and take up jobs of a worker that no longer does."""
    while True:
        try:
            await asyncio.to_thread(_write_beat, ctx)
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
                log.warning("job.stalled", extra={"job": job.id})
                await app.job_manager.retry_job(job)
        except Exception:
            log.exception("beat.broken")
        await asyncio.sleep(BEAT_SECONDS)


def _lease(ctx: Context) -> list[events.Leased]:
    with ctx.pool.transaction() as db:
        return events.lease(db, clock.now())


def _done(ctx: Context, facts: list[events.Leased]) -> None:
    with ctx.pool.transaction() as db:
        events.done(db, facts)


def _write_beat(ctx: Context) -> None:
    sql = """
    INSERT INTO heartbeat (name, beat_at) VALUES ('worker', %s)
    ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at
    """
    with ctx.pool.transaction() as db:
        run(db, sql, [clock.now()])
