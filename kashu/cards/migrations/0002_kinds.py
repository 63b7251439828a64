"""The other kinds of stock: cards picked by what shows of them, codes of our own, and slots that are filled on demand."""

from django.db import migrations

SQL = """
ALTER TABLE cards_card ADD COLUMN label text;
ALTER TABLE cards_card ADD COLUMN surcharge_fen bigint;
ALTER TABLE cards_card ADD CONSTRAINT cards_card_label_has_surcharge
    CHECK ((label IS NULL) = (surcharge_fen IS NULL) AND label <> '' AND surcharge_fen >= 0) NOT VALID;
CREATE TABLE cards_source (
    id            text        PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]{1,31}$'),
    supplier_id   bigint      NOT NULL REFERENCES party_party,
    title         text        NOT NULL CHECK (title <> ''),
    url           text        NOT NULL CHECK (url <> ''),
    key_id        text        NOT NULL CHECK (key_id <> ''),
    sealed_secret bytea       NOT NULL,
    is_open       boolean     NOT NULL,
    set_by        text        NOT NULL,
    set_at        timestamptz NOT NULL
);
ALTER TABLE cards_pool ADD COLUMN source_id text REFERENCES cards_source;
ALTER TABLE cards_pool ADD COLUMN source_code text NOT NULL DEFAULT '';
ALTER TABLE cards_pool ADD CONSTRAINT cards_pool_on_demand_has_source
    CHECK ((kind = 'on_demand') = (source_id IS NOT NULL)) NOT VALID;
"""
BACK = """
ALTER TABLE cards_pool DROP COLUMN source_code;
ALTER TABLE cards_pool DROP COLUMN source_id;
DROP TABLE cards_source;
ALTER TABLE cards_card DROP COLUMN surcharge_fen;
ALTER TABLE cards_card DROP COLUMN label;
"""


class Migration(migrations.Migration):
    dependencies = [("cards", "0001_cards"), ("party", "0003_webhooks")]
    operations = [migrations.RunSQL(SQL, BACK)]
