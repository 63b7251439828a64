"""The law of the tables, read from PostgreSQL's own catalogue."""

from __future__ import annotations

import psycopg
import pytest

from kashu.kernel.db import connect, values
from kashu.server.roles import APPEND_ONLY, KEPT, writable_history

LAYERS = ["audit", "messages", "ledger", "party", "compliance", "catalog", "cards", "payments", "sales", "settlement",
          "aftersale"]  # fmt: skip
HOT = ["cards_card", "cards_content", "sales_order", "sales_line", "sales_possession", "ledger_sale_entry", "outbox",
       "audit_entry", "payments_payment", "payments_refund"]  # fmt: skip
FOREIGN_KEYS = """
SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
WHERE contype = 'f' AND connamespace = 'public'::regnamespace
"""
KEYS = """
SELECT tbl.relname, con.conname, array_agg(att.attname ORDER BY place.at) AS columns
FROM pg_constraint AS con
JOIN pg_class AS tbl ON tbl.oid = con.conrelid
CROSS JOIN LATERAL unnest(con.conkey) WITH ORDINALITY AS place (attnum, at)
JOIN pg_attribute AS att ON att.attrelid = con.conrelid AND att.attnum = place.attnum
WHERE con.contype IN ('p', 'u') AND tbl.relname = ANY (%s) GROUP BY 1, 2
UNION ALL
SELECT tbl.relname, idx.relname, array_agg(att.attname ORDER BY place.at)
FROM pg_index AS ind
JOIN pg_class AS tbl ON tbl.oid = ind.indrelid JOIN pg_class AS idx ON idx.oid = ind.indexrelid
CROSS JOIN LATERAL unnest(ind.indkey::int[]) WITH ORDINALITY AS place (attnum, at)
JOIN pg_attribute AS att ON att.attrelid = ind.indrelid AND att.attnum = place.attnum
WHERE ind.indisunique AND tbl.relname = ANY (%s) GROUP BY 1, 2
"""
HOT_FOREIGN_KEYS = """
SELECT con.conrelid::regclass::text, con.confrelid::regclass::text,
       (SELECT attname FROM pg_attribute WHERE attrelid = con.conrelid AND attnum = con.conkey[1])
FROM pg_constraint AS con WHERE con.contype = 'f'
"""


def test_foreign_keys_point_down(db):
    assert upward(db) == []


def test_a_planted_foreign_key_that_points_up_is_found(house):
    with connect(house.owner_dsn, autocommit=False) as db:
        db.execute("CREATE TABLE sales_planted (id int PRIMARY KEY)")
        db.execute("CREATE TABLE cards_planted (id int REFERENCES sales_planted)")
        assert upward(db) == [("cards_planted", "sales_planted")]
        db.rollback()


def test_every_key_of_a_hot_table_begins_with_its_pool(db):
    assert poolless(db, HOT) == []
    assert {row[0] for row in db.execute(KEYS, [HOT, HOT])} == set(HOT)


def test_a_planted_key_without_its_pool_is_found(house):
    with connect(house.owner_dsn, autocommit=False) as db:
        db.execute("CREATE UNIQUE INDEX planted ON sales_order (number)")
        assert ("sales_order", "planted") in poolless(db, HOT)
        db.rollback()


def test_foreign_keys_among_hot_tables_begin_with_the_pool(db):
    among = [row for row in db.execute(HOT_FOREIGN_KEYS) if row[0] in HOT and row[1] in HOT]
    assert len(among) >= 2
    assert [row for row in among if row[2] != "pool_id"] == []


def test_no_account_is_a_consumers_balance(db):
    """C-45: no stored value for consumers, in no table and under no name."""
    columns = values(
        db,
        "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND column_name ~ '(balance|coin|points|credit)' AND column_name <> 'credited_at' AND table_name !~ '^(ledger_guarded|ledger_balance|django|procrastinate)'",
    )
    assert columns == []
    assert values(db, "SELECT code FROM ledger_account WHERE code ~ '^(buyer|user|consumer|wallet)'") == []


def test_money_is_whole_fen_and_time_has_a_zone(db):
    odd = values(
        db,
        "SELECT table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name !~ '^(django|procrastinate|auth|account|mfa|usersessions|party_person)'"
        " AND ((column_name LIKE '%%_fen' AND data_type <> 'bigint')"
        "   OR data_type IN ('numeric', 'real', 'double precision', 'money', 'timestamp without time zone'))",
    )
    assert odd == []


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_history_can_only_grow(db, house, table):
    if house.dsn == house.owner_dsn:
        pytest.fail("this database has one role: `kashu check` warns of it, and nothing can be withheld")
    for statement in (
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"UPDATE {table} SET {first_column(db, table)} = NULL",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction():
            db.execute(statement)


@pytest.mark.parametrize("table", KEPT)
def test_what_must_be_kept_cannot_be_deleted(db, house, table):
    with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction():
        db.execute(f"DELETE FROM {table}")


def test_check_sees_a_role_that_could_rewrite_history(db, house):
    assert writable_history(db) == []
    with connect(house.owner_dsn) as owner:
        assert "audit_entry" in writable_history(owner)


def upward(db):
    def layer(table):
        name = table.split("_")[0]
        return LAYERS.index(name) if name in LAYERS else None

    pairs = [(child, parent) for child, parent in db.execute(FOREIGN_KEYS) if None not in (layer(child), layer(parent))]
    return [pair for pair in pairs if layer(pair[0]) < layer(pair[1])]


def poolless(db, hot):
    return sorted({(row[0], row[1]) for row in db.execute(KEYS, [hot, hot]) if row[2][0] != "pool_id"})


def first_column(db, table):
    return values(
        db,
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY ordinal_position",
        [table],
    )[0]
