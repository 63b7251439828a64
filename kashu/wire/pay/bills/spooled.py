"""Bills that lie sealed in the spool."""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import closing

from kashu.wire import spool
from kashu.wire.context import Context
from kashu.wire.pay.bills.stream import count_lines, unpack


def unpacked(ctx: Context, name: str) -> Generator[bytes, None, None]:
    """The clear bytes of a spooled bill."""
    with io.BufferedReader(spool.Reader(ctx.spool, ctx.ring, name)) as file:
        yield from unpack(file)


def count(ctx: Context, name: str) -> int:
    """About how many lines a spooled bill has. Raises BillRefusedError for an archive that is none."""
    with closing(unpacked(ctx, name)) as chunks:
        return count_lines(chunks)
