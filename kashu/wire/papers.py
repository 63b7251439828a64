"""Papers of suppliers as files: what they are is told by their first bytes, never by their names."""

from __future__ import annotations

from collections.abc import Iterator

from kashu.wire import spool
from kashu.wire.context import Context

BYTES_MAX = 10 << 20
MAGIC = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


def kind_of(ctx: Context, name: str) -> str | None:
    """The content type of a spooled file; None for one that is no paper."""
    first = next(spool.read(ctx.spool, ctx.ring, name))[:16]
    return next((kind for magic, kind in MAGIC.items() if first.startswith(magic)), None)


def content(ctx: Context, name: str) -> Iterator[bytes]:
    return spool.read(ctx.spool, ctx.ring, name)
