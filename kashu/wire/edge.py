"""What this process's lanes work with. `server` installs it at the start; lanes ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kashu.kernel.db import Db
from kashu.wire.context import Context

_installed: list[Context] = []


def install(ctx: Context) -> None:
    _installed[:] = [ctx]


def ctx() -> Context:
    assert _installed, "the server installs the context before its first request"
    return _installed[0]


@contextmanager
def transaction() -> Iterator[Db]:
    """The one transaction of a request that changes something, or reads what must fit together."""
    with ctx().pool.transaction() as db:
        yield db
