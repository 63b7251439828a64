"""Loading a card file: a stream of lines, written in stretches, each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from kashu import cards
from kashu.audit import SYSTEM
from kashu.cards import Batch, Format, Refusal, Stretch
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.wire import spool
from kashu.wire.context import Context

CHUNK_LINES = 5_000
VOID_AT_ONCE = 5_000
Watch = Callable[[Batch], None]


def load_file(ctx: Context, pool_id: int, watch: Watch = lambda _: None) -> Batch | None:
    """Load a batch's file from where it stands; None when it is not there to be loaded (any more).

    A worker that dies has written some stretches; the next one passes over as many lines and goes on. Two workers
    at once cannot both write: the batch's row says how far it is, and the slower finds that it is further.
    """
    with ctx.pool.transaction() as db:
        batch = cards.batch(db, pool_id)
    if batch is None or batch.state != "loading":
        return None
    done = batch.lines_done
    for stretch in _sealed_ahead(ctx, batch):
        with ctx.pool.transaction() as db:
            told = cards.load(db, pool_id, done, stretch)
        if isinstance(told, Refusal):
            return None
        done += stretch.lines
        watch(told)
    with ctx.pool.transaction() as db:
        ended = cards.loaded(db, SYSTEM, pool_id, clock.now())
    return None if isinstance(ended, Refusal) else ended


def _sealed_ahead(ctx: Context, batch: Batch) -> Iterator[Stretch]:
    """Stretches of the file, the next one read, parsed and sealed while the last one is being written."""
    form = Format.from_json(batch.format)
    first_no, today = batch.lines_done + (2 if form.has_header else 1), biz_date(batch.received_at)
    lines = _lines(ctx, batch, form)

    def make(line_no: int) -> Stretch | None:
        chunk = list(islice(lines, CHUNK_LINES))
        if not chunk:
            return None
        with ctx.pool.transaction() as db:
            ids = cards.reserve(db, len(chunk))
        return cards.seal(ctx.ring, batch, cards.parse(chunk, line_no, form, today), ids)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="import") as ahead:
        coming = ahead.submit(make, first_no)
        while (stretch := coming.result()) is not None:
            first_no += stretch.lines
            coming = ahead.submit(make, first_no)
            yield stretch


def void_cards(ctx: Context, pool_id: int) -> int:
    """Void a cancelled batch's cards in stretches, freeing what they would block; says how many."""
    total = 0
    while True:
        with ctx.pool.transaction() as db:
            batch = cards.batch(db, pool_id)
            assert batch is not None
            assert batch.state == "cancelled"
            taken = cards.void_unsold(db, pool_id, "void", VOID_AT_ONCE)
            cards.free_fingerprints(db, pool_id, [card_id for card_id, *_ in taken])
        total += len(taken)
        if not taken:
            return total


def _lines(ctx: Context, batch: Batch, form: Format) -> Iterator[str | None]:
    """The lines that are still to be written: of a file, after its header; of codes of our own, made now."""
    if batch.kind == "own_code":
        return cards.make_codes(form.pattern, form.alphabet, batch.lines_total - batch.lines_done)
    blocks = cards.split(spool.read(ctx.spool, ctx.ring, batch.spool), form.encoding)
    every = (line for block in blocks for line in block)
    return islice(every, batch.lines_done + (1 if form.has_header else 0), None)
