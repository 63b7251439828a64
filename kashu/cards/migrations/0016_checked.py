"""What the night found of each batch's chain: how far it went, whether it and its tallies are as they were written."""

from django.db import migrations

SQL = """
CREATE TABLE cards_checked (
    pool_id    bigint      PRIMARY KEY REFERENCES cards_pool,
    checked_at timestamptz NOT NULL,
    seq        int         NOT NULL CHECK (seq >= 0),
    head       bytea       NOT NULL,
    broken     int,
    mistold    int
);
CREATE INDEX cards_checked_wrong ON cards_checked (pool_id) WHERE broken IS NOT NULL OR mistold IS NOT NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("cards", "0015_told_again")]
    operations = [migrations.RunSQL(SQL, "DROP TABLE cards_checked")]
