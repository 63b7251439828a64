"""Writes that go together are looked at together, and fail as they would have failed alone."""

from __future__ import annotations

from contextlib import nullcontext

import psycopg
import pytest

from kashu.kernel.db import Pool, assert_in_transaction, connect, run, together, value, values, write

MADE = "CREATE TEMPORARY TABLE told (n bigint PRIMARY KEY)"
PUT = "INSERT INTO told SELECT * FROM unnest(%s::bigint[])"
DROP = "DELETE FROM told WHERE n > %s"


@pytest.fixture
def table(db):
    db.execute(MADE)
    return db


def test_each_touches_what_it_has_to(table):
    with together(table):
        write(table, PUT, [[1, 2, 3]], many=3)
        write(table, DROP, [1], many=2)
        assert_in_transaction(table)  # while they are under way, and for whoever is called meanwhile

    assert values(table, "SELECT n FROM told") == [1]


@pytest.mark.parametrize("is_together", [True, False])
def test_one_that_touches_another_number_is_a_fault(table, is_together):
    with (
        pytest.raises(AssertionError, match="three were promised: 2 rows instead of 3"),
        together(table) if is_together else nullcontext(),
    ):
        write(table, PUT, [[1, 2]], many=3, why="three were promised")


def test_reads_and_counts_see_what_was_written_before(table):
    with together(table):
        write(table, PUT, [[1, 2]])
        assert run(table, DROP, [1]) == 1
        write(table, PUT, [[5]], many=1)
        assert value(table, "SELECT sum(n) FROM told") == 6


def put_twice(db):
    with together(db):
        write(db, PUT, [[1]], many=1)
        write(db, PUT, [[1]], many=1)
        write(db, "SELECT 1 / 0")


def test_the_first_failure_is_the_one_that_is_told(table):
    with pytest.raises(psycopg.errors.UniqueViolation):
        put_twice(table)


def test_a_failure_undoes_the_transaction(dsn):
    with connect(dsn) as db:
        db.execute(MADE)
        with pytest.raises(psycopg.errors.UniqueViolation), db.transaction():
            put_twice(db)
        assert values(db, "SELECT n FROM told") == []
        with db.transaction(), together(db):
            write(db, PUT, [[2]], many=1)
        assert values(db, "SELECT n FROM told") == [2]


def test_no_block_without_a_transaction_and_none_within_another(dsn):
    with connect(dsn) as db:
        with pytest.raises(AssertionError, match="open a transaction"), together(db):
            pass
        with db.transaction(), together(db), pytest.raises(AssertionError, match="one block"), together(db):
            pass


@pytest.mark.parametrize(("plans_once", "mode"), [(True, "force_generic_plan"), (False, "auto")])
def test_the_till_plans_a_statement_once(dsn, plans_once, mode):
    pool = Pool(dsn, 1, plans_once=plans_once)
    try:
        with pool.transaction() as db:
            assert value(db, "SELECT current_setting('plan_cache_mode')") == mode
    finally:
        pool.close()
