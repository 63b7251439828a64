"""A runtime for a command: with its database running."""

from __future__ import annotations

import atexit
import time

import psycopg

from kashu.server.postgres import CannotStartError
from kashu.server.runtime import Runtime, runtime


def awake() -> Runtime:
    """The runtime with its database running; an embedded one that we had to start stays up for the command only."""
    run = runtime()
    if run.embedded is not None and not run.embedded.is_running():
        run.embedded.start()
        atexit.register(run.embedded.stop)
    _wait_for(run)
    return run


def _wait_for(run: Runtime, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(run.dsn, connect_timeout=3).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise CannotStartError(f"the database does not answer: {error}") from error
            time.sleep(0.3)
        else:
            return
