"""Bills of payment channels: fetched when they are out, loaded and matched in steps, looked at again until explained."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime, time, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import httpx

from kashu import payments, settlement
from kashu.audit import SYSTEM
from kashu.kernel import clock
from kashu.kernel.clock import SHANGHAI, biz_date
from kashu.kernel.seal import SealBrokenError
from kashu.payments import Channel
from kashu.settlement import Bill, BillRefusal
from kashu.wire import spool
from kashu.wire.context import Context
from kashu.wire.pay import bills
from kashu.wire.pay.bills import BillRefusedError, Expected
from kashu.wire.pay.bills.spooled import count, unpacked
from kashu.wire.pay.protocol import GatewayError

log = logging.getLogger(__name__)
CHUNK_LINES = 10_000
CLEAR_AT_ONCE = 20_000
BACK_DAYS = 7  # how far back a bill that is not there is still asked for
OUT_AT = {"alipay": time(9, 15), "wechat": time(10, 15), "douyin": time(10, 15)}  # of the next day, in Shanghai
OUT_LATEST = time(10, 15)
NUMBER_FIRST = UUID(int=0)
Watch = Callable[[Bill], None]


def fetch_due(ctx: Context) -> int:
    """Open every bill that is out by now and not here; what failed is tried again. Says how many."""
    at, opened = clock.now(), 0
    with ctx.pool.transaction() as db:
        channels = [one for one in payments.channels(db).values() if one.is_open]
    for channel in channels:
        for back in range(1, BACK_DAYS + 1):
            day = biz_date(at) - timedelta(days=back)
            if not is_out(channel, day, at):
                continue
            with ctx.pool.transaction() as db:
                last = settlement.bill_of(db, channel.id, day, "trade")
                if last is None or (last.state == "failed" and last.source == "fetched"):
                    opened += isinstance(settlement.open_bill(db, SYSTEM, (channel.id, day, "trade"), None, at), Bill)
    log.info("bills.due", extra={"opened": opened})
    return opened


def is_out(channel: Channel, day: Any, at: datetime) -> bool:
    """Whether a channel has published its bill of a day."""
    out_at = datetime.combine(day + timedelta(days=1), OUT_AT.get(channel.kind, OUT_LATEST), tzinfo=SHANGHAI)
    return out_at <= at


def reconcile(ctx: Context, body: Mapping[str, Any]) -> None:
    reconcile_bill(ctx, UUID(str(body["bill_id"])))


def reconcile_bill(ctx: Context, bill_id: UUID, watch: Watch = lambda _: None) -> Bill | None:
    """Take a bill from where it stands to its end: fetch, load, match. Safe to stop anywhere and to begin again."""
    with ctx.pool.transaction() as db:
        bill = settlement.bill(db, bill_id)
        channel = None if bill is None else payments.channels(db)[bill.channel_id]
    if bill is None or channel is None:
        return None
    try:
        if bill.state == "fetching":
            fetch(ctx, bill, channel)
        load(ctx, bill_id, channel, watch)
        match(ctx, bill_id, watch)
    except BillRefusedError as refused:
        log.warning("bill.refused", extra={"bill": str(bill_id), "reason": refused.reason.value})
        give_up(ctx, bill_id, refused)
    except (FileNotFoundError, SealBrokenError) as error:  # the spool has lost it
        give_up(ctx, bill_id, BillRefusedError(BillRefusal.TRUNCATED, 0, type(error).__name__))
    with ctx.pool.transaction() as db:
        return settlement.bill(db, bill_id)


def fetch(ctx: Context, bill: Bill, channel: Channel) -> None:
    """Bring the file into the spool. Nothing is written of one that does not come, or not whole."""
    fetcher = ctx.bills.get(channel.kind)
    if fetcher is None and (bill.kind != "trade" or channel.sign_serial is None):
        raise BillRefusedError(BillRefusal.NO_FETCHER, 0, channel.kind)
    try:
        chunks = fetcher(channel, bill.day, bill.kind) if fetcher else ctx.gateway(channel).bill(bill.day)
        kept = spool.keep(ctx.spool, ctx.ring, chunks, bills.BILL_BYTES_MAX)
    except spool.TooLargeError as error:
        raise BillRefusedError(BillRefusal.TOO_LARGE) from error
    except (GatewayError, httpx.HTTPError, OSError) as error:
        raise BillRefusedError(BillRefusal.NO_ANSWER, 0, str(error)[:80]) from error
    begun = None
    try:
        told = (kept.name, kept.sha256, kept.size, count(ctx, kept.name))
        with ctx.pool.transaction() as db:
            begun = settlement.begin(db, bill.id, told)
    finally:
        if begun is None:
            spool.remove(ctx.spool, kept.name)


def load(ctx: Context, bill_id: UUID, channel: Channel, watch: Watch) -> None:
    """Write the lines that are not there yet; what a worker that died had written is passed over."""
    with ctx.pool.transaction() as db:
        bill = settlement.bill(db, bill_id)
        assert bill is not None
        columns = settlement.columns_of(db, channel.id, bill.kind)
    if bill.state != "loading":
        return
    form = bills.form_of(channel.kind, bill.kind, columns)
    if form is None:
        raise BillRefusedError(BillRefusal.NO_FORM, 0, channel.kind)
    done, expected = bill.lines_loaded, Expected(bill.day, frozenset({channel.merchant}))
    with closing(unpacked(ctx, bill.spool)) as chunks:
        lines = islice(bills.parse(chunks, form, expected), done, None)
        while stretch := list(islice(lines, CHUNK_LINES)):
            with ctx.pool.transaction() as db:
                now = settlement.load(db, bill_id, done, stretch)
            if now is None:
                return  # another worker is at it
            done += len(stretch)
            watch(now)
    with ctx.pool.transaction() as db:
        ended = settlement.loaded(db, bill_id, clock.now())
    if ended is not None:
        spool.remove(ctx.spool, bill.spool)


def match(ctx: Context, bill_id: UUID, watch: Watch) -> None:
    """Match until nothing is left to do."""
    while True:
        with ctx.pool.transaction() as db:
            told = settlement.match_step(db, bill_id, clock.now())
        if isinstance(told, BillRefusal):
            raise BillRefusedError(told)
        if told is None:
            return
        watch(told)


def give_up(ctx: Context, bill_id: UUID, refused: BillRefusedError) -> None:
    """Note why, and remove what there is of the bill."""
    with ctx.pool.transaction() as db:
        before = settlement.bill(db, bill_id)
        failed = settlement.fail(db, bill_id, refused.reason, refused.line_no, refused.detail, clock.now())
    if failed is None:
        return
    if before is not None:
        spool.remove(ctx.spool, before.spool)
    while True:
        with ctx.pool.transaction() as db:
            if not settlement.clear(db, bill_id, CLEAR_AT_ONCE):
                return


def review(ctx: Context) -> None:
    """Look at all open cases again."""
    after: UUID | None = NUMBER_FIRST
    while after is not None:
        with ctx.pool.transaction() as db:
            after = settlement.review(db, after, clock.now())
