"""A till that listens, for those who can only ask over a wire."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

from kashu.kernel.db import Pool
from kashu.server.wiring import context
from kashu.till.app import App
from tests.listening import listening
from tests.ports import free_port


@contextmanager
def listen(house):
    """The address of a till on a port of its own. It closes its pool when it ends."""
    port = free_port()
    app = App(replace(context(house), pool=Pool(house.dsn)))
    with listening(app, port, log_level="warning", ws="none") as url:
        yield url
