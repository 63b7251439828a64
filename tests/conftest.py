"""One embedded PostgreSQL for the run, migrated as in production; tests connect as the application's role."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

VAR = Path(tempfile.mkdtemp(prefix="kashu-test-"))
os.environ.update({"KASHU_VAR": str(VAR), "KASHU_PORT": "8100"})

from kashu.kernel.db import Db, connect  # noqa: E402  # the settings come first
from kashu.kernel.seal import Keyring  # noqa: E402
from kashu.server.migrate import migrate  # noqa: E402
from kashu.server.runtime import Runtime, runtime  # noqa: E402

# Whoever runs us in the background has these ignored, and a server of ours would then rightly ignore them as well.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def house() -> Iterator[Runtime]:
    """Settings, keys and a migrated database, as every process of ours has them."""
    VAR.chmod(0o711)
    run = runtime()
    if run.embedded is not None:
        run.embedded.settings = {"fsync": "off", "max_connections": "200"}
        run.embedded.start()
    migrate(run)
    yield run
    run.pool.close()
    if run.embedded is not None:
        run.embedded.stop("immediate")


@pytest.fixture(scope="session")
def site(house: Runtime) -> Runtime:
    """Django set up over the test database, with its assets made."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "kashu.server.settings"
    import django

    django.setup()
    from django.conf import settings

    from kashu.server import assets

    settings.PASSWORD_HASHERS = ["tests.hashing.QuickHasher"]
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    assets.build()
    import kashu.server.urls  # noqa: F401  # installs the context

    return house


@pytest.fixture(scope="session")
def dsn(house: Runtime) -> str:
    return house.dsn


@pytest.fixture(scope="session")
def ring(house: Runtime) -> Keyring:
    return house.ring


@pytest.fixture
def db(dsn: str) -> Iterator[Db]:
    """A connection whose work is thrown away when the test ends."""
    connection = connect(dsn, autocommit=False)
    try:
        connection.execute("SELECT")
        yield connection
    finally:
        connection.rollback()
        connection.close()


@pytest.fixture
def mute_trail(house: Runtime) -> Iterator[Callable[[], None]]:
    """From its call on, nothing can be written into the audit trail, until the test ends or it is called again."""
    role = sql.Identifier(str(conninfo_to_dict(house.dsn)["user"]))
    muted = []

    def turn() -> None:
        verb = sql.SQL("GRANT INSERT ON audit_entry TO {}" if muted else "REVOKE INSERT ON audit_entry FROM {}")
        with connect(house.owner_dsn) as owner:
            owner.execute(verb.format(role))
        muted.clear() if muted else muted.append(True)

    yield turn
    if muted:
        turn()
