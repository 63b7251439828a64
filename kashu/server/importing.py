"""`kashu cards import`: a card file from the terminal, by the same steps as in the console."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.prompt import Confirm
from rich.table import Table

from kashu import cards, party
from kashu.audit import Actor
from kashu.cards import Batch, Format, NewBatch, NewCard, PaperRefusal, Papers, Refusal
from kashu.catalog import queries as catalog_queries
from kashu.jobs.imports import load_file
from kashu.kernel import clock, text
from kashu.kernel.clock import biz_date
from kashu.kernel.money import parse_yuan
from kashu.server.runtime import Runtime
from kashu.server.wiring import context
from kashu.wire import preview, spool
from kashu.wire.context import Context

READ_BYTES = 1 << 20
ACTOR = Actor("person", "command line")
err = Console(stderr=True)


def import_file(
    run: Runtime, file: Path, told: tuple[str, str, str, str], changed: dict[str, str],
    *, document: str, is_sure: bool, as_json: bool,
) -> bool:  # fmt: skip
    """Spool, show, ask, load. Says whether the batch is loaded."""
    ctx = context(run)
    if not file.is_file():
        err.print(f"[red]{file} is not a file")
        return False
    named = resolve(run, *told[:3])
    if isinstance(named, str):
        err.print(f"[red]{named}")
        return False
    kept = spool.keep(ctx.spool, ctx.ring, _chunks(file))
    try:
        form = preview.with_changes(preview.format_of(ctx, kept.name), changed)
    except ValueError as error:
        spool.remove(ctx.spool, kept.name)
        err.print(f"[red]{error}")
        return False
    if not as_json:
        _show(ctx, kept.name, form)
    if not is_sure and not Confirm.ask("Read it this way?", console=err, default=False):
        spool.remove(ctx.spool, kept.name)
        return False
    sku_id, supplier_id, cost_fen, kind = named
    new = NewBatch(
        sku_id, supplier_id, kind, file.name, kept.size, kept.sha256, kept.name, form, cost_fen, told[3],
        preview.count_lines(ctx, kept.name, form),
    )  # fmt: skip
    batch = _load(ctx, new, quiet=as_json)
    if batch is None:
        err.print("[red]the batch was taken over or cancelled elsewhere")
        return False
    if document and batch.accepted:
        _register(ctx, batch, document)
    _report(ctx, batch, as_json=as_json)
    return batch.accepted > 0


def resolve(run: Runtime, sku: str, supplier: str, cost: str) -> tuple[int, int, int, str] | str:
    """What the words of a command mean: SKU, supplier, cost and kind; or what is wrong with them."""
    with run.pool.transaction() as db:
        skus = {one.code: one for one in catalog_queries.skus(db)}
        found = [one for one in party.named(db, supplier) if one.kind != "buyer"]
        known = [] if found else [one.name for one in party.parties(db) if one.state != "closed"]
    cost_fen = parse_yuan(cost)
    if sku not in skus:
        return f"no SKU has the code {sku}"
    if skus[sku].kind not in ("single_use", "pick"):
        return f"{sku} is not sold from card files"
    if not found:
        return f"no supplier is registered as {supplier}; known: {', '.join(known)}"
    if len(found) > 1:
        return f"{supplier} was the name of {len(found)} suppliers, all of them closed: which one is meant is not clear"
    if cost_fen is None:
        return f"{cost} is not an amount in yuan"
    return skus[sku].id, found[0].id, cost_fen, skus[sku].kind


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while chunk := source.read(READ_BYTES):
            yield chunk


def _show(ctx: Context, name: str, form: Format) -> None:
    table = Table(
        title=f"{form.encoding} · {form.separator or 'one column'} · {'header' if form.has_header else 'no header'}"
    )
    for column in ("line", "number", "secret", "expires_on", "note"):
        table.add_column(column)
    for line in preview.sample(ctx, name, form, biz_date(clock.now())):
        if isinstance(line, NewCard):
            table.add_row(str(line.line_no), text.mask(line.number), text.mask(line.secret), str(line.expires_on), "")
        else:
            table.add_row(str(line.line_no), "", f"[red]{line.reason}", "", line.detail)
    err.print(table)


def _load(ctx: Context, new: NewBatch, *, quiet: bool) -> Batch | None:
    with ctx.pool.transaction() as db:
        received = cards.receive(db, ctx.ring, ACTOR, new, clock.now())
        started = cards.start(db, ACTOR, received.pool_id, clock.now())
    assert not isinstance(started, Refusal)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=quiet) as progress:
        task = progress.add_task(started.code, total=new.lines_total or None)
        done = load_file(ctx, started.pool_id, lambda batch: progress.update(task, completed=batch.lines_done))
    if done is not None:
        return done
    # A running worker may have been first at it: then the work is done or being done, and we wait for its end.
    return _await(ctx, started.pool_id)


def _await(ctx: Context, pool_id: int, seconds: int = 3_600) -> Batch | None:

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with ctx.pool.transaction() as db:
            found = cards.batch(db, pool_id)
        if found is None or found.state == "cancelled":
            return None
        if found.state != "loading":
            return found
        time.sleep(0.5)
    return None


def _register(ctx: Context, batch: Batch, document: str) -> None:
    with ctx.pool.transaction() as db:
        links = cards.fitting(db, batch, clock.now())
        under = links[0].id if len(links) == 1 else None
        papers = Papers(document, batch.cost_fen, batch.accepted, under)
        refusal = cards.attach(db, ACTOR, batch.pool_id, papers, clock.now())
    if isinstance(refusal, PaperRefusal):
        err.print(f"[red]the papers were not taken: {refusal.value}")
    elif len(links) > 1:
        err.print(f"[yellow]{len(links)} authorisations fit; choose one on the batch's page")


def _report(ctx: Context, batch: Batch, *, as_json: bool) -> None:
    with ctx.pool.transaction() as db:
        reasons = cards.reject_counts(db, batch.pool_id)
        first = cards.rejects(db, batch.pool_id, 0, 20)
        lacks = [one.value for one in cards.lacks(db, batch, clock.now())] if batch.accepted else []
    if as_json:
        told = {"batch": batch.code, "accepted": batch.accepted, "rejected": batch.rejected, "reasons": reasons}
        told |= {"page": f"/console/batches/{batch.pool_id}", "lacks": lacks}
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return
    err.print(f"[green]{batch.code}[/]: {batch.accepted:,} cards, {batch.rejected:,} lines turned away")
    if lacks:
        err.print(f"  before it may be for sale: {', '.join(lacks)} – see /console/batches/{batch.pool_id}")
    for line in first:
        err.print(f"  line {line.line_no}: {line.reason} {line.detail}")
    if batch.rejected > len(first):
        err.print("  … the whole list is in the console, as CSV")
