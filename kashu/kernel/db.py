"""Plain SQL over psycopg: rows become dataclasses, a service asserts the transaction its edge opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, TypeVar

import psycopg
import psycopg_pool
from psycopg import Connection, Cursor, Pipeline
from psycopg.pq import TransactionStatus
from psycopg.rows import class_row, scalar_row, tuple_row
from psycopg.types.json import set_json_dumps
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg_pool import ConnectionPool

from kashu.kernel import clock, text

Row = TypeVar("Row")
Db = Connection[tuple[Any, ...]]
CONNECT_SECONDS = 5
LOCK_WAIT_MS = 4_000
STATEMENT_MS = 30_000

# The pipeline this thread writes through, and what is looked at at its end: a write, the rows it has to touch, and why.
Owed = tuple[Cursor[Any], int, str]
_TOGETHER: ContextVar[tuple[Pipeline, list[Owed]] | None] = ContextVar("together", default=None)


def connect(dsn: str, *, autocommit: bool = True) -> Db:
    """A connection with our adapters and limits, whoever opens it."""
    db = psycopg.connect(dsn, autocommit=autocommit, connect_timeout=CONNECT_SECONDS, row_factory=tuple_row)
    settle(db)
    return db


def settle(db: Db) -> None:
    """Give a fresh connection the answers this code expects, in UTC and with bounded waits."""
    set_json_dumps(text.canonical_json, context=db)
    # Whole numbers go as int8 whatever their size: else every mix of sizes would be a prepared statement of its own.
    # Both formats have to agree: a list finds its dumper in the one and may be sent in the other.
    db.adapters.register_dumper(int, Int8BinaryDumper)
    db.adapters.register_dumper(int, Int8Dumper)
    db.execute(
        "SELECT set_config('timezone', 'UTC', false), set_config('lock_timeout', %s, false),"
        " set_config('statement_timeout', %s, false)",
        [str(LOCK_WAIT_MS), str(STATEMENT_MS)],
    )
    if not db.autocommit:
        db.commit()


class Pool:
    """Connections of one process. The edge says `with pool.transaction() as db`."""

    def __init__(self, dsn: str, most: int = 8, *, plans_once: bool = False) -> None:
        """`plans_once`: a statement is planned once for each connection, whatever its parameters are. That is for a
        process that asks the same few statements for ever, all of them by arrays of keys: planning them anew took longer
        than doing them."""

        def configure(db: Db) -> None:
            settle(db)
            if plans_once:
                db.execute("SELECT set_config('plan_cache_mode', 'force_generic_plan', false)")

        self._pool: ConnectionPool[Db] = ConnectionPool(
            dsn,
            min_size=0,
            max_size=most,
            timeout=CONNECT_SECONDS,
            max_idle=60,
            kwargs={"autocommit": True, "connect_timeout": CONNECT_SECONDS},
            configure=configure,
            check=ConnectionPool.check_connection,
            open=True,
        )

    @contextmanager
    def transaction(self) -> Iterator[Db]:
        with self._pool.connection() as db, db.transaction():
            yield db

    def close(self) -> None:
        self._pool.close()


def assert_in_transaction(db: Db) -> None:
    """The domain never opens a transaction: a caller that forgot to would write half a sale."""
    in_one = {TransactionStatus.INTRANS}
    if _TOGETHER.get() is not None:
        in_one.add(TransactionStatus.ACTIVE)  # writes are under way
    assert db.info.transaction_status in in_one, "open a transaction at the edge"


@contextmanager
def together(db: Db) -> Iterator[None]:
    """Send the writes of this block one after another without waiting for each, and look at all of them at its end.

    A write that fails is raised at the end of the block or at the next read, whichever comes first; the transaction is
    lost with it as always. Reads work inside, but each waits for everything before it.
    """
    assert_in_transaction(db)
    assert _TOGETHER.get() is None, "one block at a time"
    owed: list[Owed] = []
    with db.pipeline() as pipeline:
        token = _TOGETHER.set((pipeline, owed))
        try:
            yield
        finally:
            _TOGETHER.reset(token)
    for cursor, many, why in owed:
        assert cursor.rowcount == many, f"{why}: {cursor.rowcount} rows instead of {many}"


def rows(db: Db, kind: Callable[..., Row], sql: str, params: Sequence[Any] = ()) -> list[Row]:
    """Every row of the answer as a `kind`, columns by name."""
    with db.cursor(row_factory=class_row(kind)) as cursor:  # type: ignore[arg-type]  # any callable serves
        return cursor.execute(sql, params).fetchall()  # type: ignore[arg-type]  # SQL is ours, never built from input


def one(db: Db, kind: Callable[..., Row], sql: str, params: Sequence[Any] = ()) -> Row | None:
    found = rows(db, kind, sql, params)
    assert len(found) < 2, "more than one row where at most one can be"
    return found[0] if found else None


def values(db: Db, sql: str, params: Sequence[Any] = ()) -> list[Any]:
    """The first column of every row."""
    with db.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(sql, params).fetchall()  # type: ignore[arg-type]  # see rows


def value(db: Db, sql: str, params: Sequence[Any] = ()) -> Any:  # whatever the column is
    """The first column of the first row, or None."""
    found = values(db, sql, params)
    return found[0] if found else None


def run(db: Db, sql: str, params: Sequence[Any] = ()) -> int:
    """Execute and say how many rows were touched."""
    cursor = db.execute(sql, params)  # type: ignore[arg-type]  # see rows
    under_way = _TOGETHER.get()
    if under_way is not None:
        under_way[0].sync()
    return cursor.rowcount


def write(db: Db, sql: str, params: Sequence[Any] = (), *, many: int | None = None, why: str = "") -> None:
    """Execute what nobody waits for inside `together`. `many`: the rows it has to touch, if that is known, and why."""
    cursor = db.execute(sql, params)  # type: ignore[arg-type]  # see rows
    if many is None:
        return
    under_way = _TOGETHER.get()
    if under_way is not None:
        under_way[1].append((cursor, many, why))
    else:
        assert cursor.rowcount == many, f"{why}: {cursor.rowcount} rows instead of {many}"


def is_lost(error: Exception) -> bool:
    """Whether the database itself is the trouble: not there, going down, out of disk or connections.

    Class 08, 53 and 57 of SQLSTATE, or no answer at all; a lock that was not to be had or a deadlock is none of these.
    """
    if isinstance(error, psycopg_pool.PoolTimeout):
        return True
    return isinstance(error, psycopg.OperationalError) and (error.sqlstate or "08")[:2] in ("08", "53", "57")


def is_stuck(error: Exception) -> bool:
    """Whether a lock was not to be had in time: whoever needs the same one would wait as long again."""
    return isinstance(error, psycopg.errors.LockNotAvailable)


def columns(told: Sequence[Sequence[Any]], width: int = 0) -> list[list[Any]]:
    """Rows turned into columns, for `unnest`; `width` says how many where there may be no rows."""
    return [list(column) for column in zip(*told, strict=True)] or [[] for _ in range(width)]


def clock_skew_seconds(db: Db) -> float:
    """How far the database's clock is from ours."""
    theirs: datetime = value(db, "SELECT clock_timestamp()")
    return abs((theirs - clock.now()).total_seconds())
