"""A till that listens, for those who can only ask over a wire."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import uvicorn

from kashu.kernel.db import Pool
from kashu.server.wiring import context
from kashu.till.app import App
from tests.ports import free_port


@contextmanager
def listen(house):
    """The address of a till on a port of its own. It closes its pool when it ends."""
    port = free_port()
    app = App(replace(context(house), pool=Pool(house.dsn)))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    ends = time.monotonic() + 10
    while not server.started and time.monotonic() < ends:
        time.sleep(0.02)
    assert server.started
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()
