"""Under which authorisation a pool was bought, and by which document (compliance.md §2.5)."""

from django.db import migrations

SQL = """
ALTER TABLE cards_pool ADD COLUMN authorisation_id bigint REFERENCES compliance_authorisation;
CREATE INDEX cards_pool_of_authorisation ON cards_pool (authorisation_id) WHERE authorisation_id IS NOT NULL;
CREATE TABLE cards_provenance (
    pool_id   bigint      NOT NULL REFERENCES cards_pool,
    seq       int         NOT NULL CHECK (seq > 0),
    at        timestamptz NOT NULL,
    event     text        NOT NULL CHECK (event IN (
        'received', 'purchased', 'authorised', 'confirmed', 'loaded', 'probed', 'on_sale', 'withdrawn', 'frozen',
        'recalled', 'cancelled')),
    actor     text        NOT NULL,
    body      jsonb       NOT NULL,
    prev_hash bytea       NOT NULL CHECK (length(prev_hash) = 32),
    hash      bytea       NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (pool_id, seq)
);
"""


class Migration(migrations.Migration):
    dependencies = [("cards", "0005_voided"), ("compliance", "0001_compliance")]
    operations = [
        migrations.RunSQL(SQL, "DROP TABLE cards_provenance; ALTER TABLE cards_pool DROP COLUMN authorisation_id")
    ]
