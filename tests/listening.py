"""An app that listens on a port, for tests that go over a wire."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import uvicorn


@contextmanager
def listening(app, port, **more):
    """Its address. It stops when the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, **{"log_level": "error"} | more))
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
