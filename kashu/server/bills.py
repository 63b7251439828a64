"""`kashu bills`: a channel's bill from the terminal, by the same steps as from the channel itself."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, NoReturn

import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from kashu import settlement
from kashu.audit import Actor
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.money import yuan
from kashu.server.awake import awake
from kashu.settlement import Bill, BillRefusal
from kashu.wire.context import Context

bills_app = cyclopts.App(name="bills", help="Bills of payment channels.")
out, err = Console(), Console(stderr=True)
AsJson = Annotated[bool, Parameter(name="--json", help="Answer with JSON.")]
ACTOR = Actor("person", "command line")
READ_BYTES = 1 << 20
WAIT_SECONDS = 3_600


@bills_app.command
def load(file: Path, *, channel: str, day: date, kind: str = "trade", as_json: AsJson = False) -> None:
    """Load a bill's file and match it, with progress.

    Parameters
    ----------
    file:
        As the channel gives it: ZIP, gzip or plain.
    channel:
        The channel's id.
    day:
        The business day of the bill, YYYY-MM-DD.
    kind:
        trade or fund.
    """
    from kashu.server.wiring import context  # noqa: PLC0415  # a command loads only what it needs

    ctx = context(awake())
    if not file.is_file() or kind not in settlement.KINDS:
        _refuse(f"{file} is not a file" if not file.is_file() else f"{kind} is neither trade nor fund")
    bill = _opened(ctx, file, (channel, day, kind))
    if isinstance(bill, str):
        _refuse(bill)
    done = _reconciled(ctx, bill, quiet=as_json)
    if as_json:
        sys.stdout.write(json.dumps(_told(done), ensure_ascii=False) + "\n")
    else:
        err.print(
            f"{done.channel_id} {done.day} {done.state}: {done.matched:,} matched, {done.breaks:,} breaks {done.trouble}"
        )
    if done.state not in ("matched", "loaded"):
        sys.exit(1)


@bills_app.command
def status(*, days: int = 14, as_json: AsJson = False) -> None:
    """Say how far the bills of the last days are, and how many cases are open."""
    with awake().pool.transaction() as db:
        found = settlement.bills_since(db, biz_date(clock.now()) - timedelta(days=days))
        cases = settlement.cases(db, view="open", most=1_000)
    if as_json:
        told = {"bills": [_told(one) for one in found], "open_cases": len(cases)}
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return
    table = Table("day", "channel", "kind", "state", "lines", "matched", "breaks", "bill", "books", "trouble")
    for one in found:
        table.add_row(
            str(one.day), one.channel_id, one.kind, f"{one.state} v{one.version}", f"{one.lines_loaded:,}",
            f"{one.matched:,}", str(one.breaks), yuan(one.bill_fen), yuan(one.ledger_fen), one.trouble,
        )  # fmt: skip
    out.print(table)
    out.print(f"{len(cases)} cases are open", highlight=False)


@bills_app.command
def columns(file: Path, *, channel: str, kind: str = "trade") -> None:
    """Name the columns of a channel's bills, from a JSON file such as `{"amount": ["支付金额"]}`."""
    from kashu import payments  # noqa: PLC0415  # a command loads only what it needs
    from kashu.wire.pay import bills  # noqa: PLC0415  # a command loads only what it needs

    with awake().pool.transaction() as db:
        found = payments.channels(db).get(channel)
        form = None if found is None else bills.form_of(found.kind, kind)
        if form is None:
            _refuse(f"no form of a {kind} bill is known for {channel}")
        try:
            told = {role: [str(name) for name in names] for role, names in json.loads(file.read_text()).items()}
            bills.with_columns(form, told)
        except (ValueError, AttributeError, OSError) as error:
            _refuse(str(error))
        settlement.set_columns(db, ACTOR, channel, kind, told, clock.now())
    out.print(f"{len(told)} columns are named")


def _opened(ctx: Context, file: Path, of: tuple[str, date, str]) -> Bill | str:
    from kashu.wire import spool  # noqa: PLC0415  # a command loads only what it needs
    from kashu.wire.pay import bills  # noqa: PLC0415  # a command loads only what it needs
    from kashu.wire.pay.bills.spooled import count  # noqa: PLC0415  # a command loads only what it needs

    kept = spool.keep(ctx.spool, ctx.ring, _chunks(file), bills.BILL_BYTES_MAX)
    try:
        told = (kept.name, kept.sha256, kept.size, count(ctx, kept.name))
    except bills.BillRefusedError as refused:
        spool.remove(ctx.spool, kept.name)
        return str(refused)
    with ctx.pool.transaction() as db:
        opened = settlement.open_bill(db, ACTOR, of, told, clock.now())
    if isinstance(opened, BillRefusal):
        spool.remove(ctx.spool, kept.name)
        return f"not loaded: {opened.value}"
    return opened


def _reconciled(ctx: Context, bill: Bill, *, quiet: bool) -> Bill:
    """Do it here; where a running worker was first at it, wait for its end."""
    from kashu.jobs.bills import reconcile_bill  # noqa: PLC0415  # a command loads only what it needs

    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*shown, console=err, disable=quiet) as progress:
        task = progress.add_task(f"{bill.channel_id} {bill.day}", total=bill.steps or None)

        def watch(now: Bill) -> None:
            progress.update(task, completed=now.done, total=now.steps or None)

        done, deadline = reconcile_bill(ctx, bill.id, watch), time.monotonic() + WAIT_SECONDS
        while done is not None and done.state in ("fetching", "loading", "matching") and time.monotonic() < deadline:
            time.sleep(0.5)
            with ctx.pool.transaction() as db:
                done = settlement.bill(db, bill.id)
            if done is not None:
                watch(done)
    assert done is not None
    return done


def _told(bill: Bill) -> dict[str, Any]:
    names = ("channel_id", "kind", "version", "source", "state", "lines_loaded", "matched", "breaks", "bill_fen",
             "matched_fen", "break_fen", "ledger_fen", "ledger_only_fen", "trouble")  # fmt: skip
    return {"id": str(bill.id), "day": str(bill.day), **{name: getattr(bill, name) for name in names}}


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while chunk := source.read(READ_BYTES):
            yield chunk


def _refuse(told: str) -> NoReturn:
    err.print(f"[red]{told}", soft_wrap=True)
    sys.exit(1)
