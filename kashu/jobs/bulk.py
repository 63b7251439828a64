"""A bulk purchase as a job: bought step by step, then packed into a file that only its password opens."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from kashu import sales
from kashu.cards import Opened
from kashu.kernel import clock
from kashu.wire import sealedzip
from kashu.wire.context import Context


def buy_bulk(ctx: Context, body: Mapping[str, Any]) -> None:
    """Buy what is left to buy, then pack. A worker that dies leaves whole steps; the next one goes on after them."""
    bulk_id = UUID(body["bulk_id"])
    while True:
        with ctx.pool.transaction() as db:
            if not sales.buy_step(db, ctx.ring, bulk_id, clock.now()):
                break
    with ctx.pool.transaction() as db:
        password = sales.bulk_password(db, ctx.ring, bulk_id)
        found = sales.bulk(db, bulk_id)
    if password is not None and found is not None:
        pack(ctx, bulk_id, password, found.file_kind)


def pack(ctx: Context, bulk_id: UUID, password: str, kind: str) -> None:
    """Write the sealed file, and keep it in pieces that any process can serve."""
    ctx.spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=ctx.spool, prefix="bulk-") as folder:
        file = Path(folder) / "cards.zip"
        sealedzip.seal_file(file, _cards(ctx, bulk_id), f"kashu-{bulk_id}", password, kind)
        digest = hashlib.sha256()
        for piece in _pieces(file):
            digest.update(piece)
        with ctx.pool.transaction() as db:
            size = file.stat().st_size
            sales.keep_file(db, bulk_id, _pieces(file), digest.hexdigest(), size, clock.now())


def _cards(ctx: Context, bulk_id: UUID) -> Iterator[Opened]:
    step = -1
    while True:
        with ctx.pool.transaction() as db:
            step, cards = sales.bulk_cards(db, ctx.ring, bulk_id, step)
        if step < 0:
            return
        yield from cards


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while piece := source.read(sales.PIECE_BYTES):
            yield piece
