"""Codes of our own are redeemed (核销): once, undone within a window, by the organisation that honours them."""

from django.db import migrations

SQL = """
ALTER TABLE cards_batch ADD COLUMN redeemer_id bigint REFERENCES party_party;
CREATE TABLE cards_redemption (
    pool_id     bigint      NOT NULL,
    id          uuid        NOT NULL,
    card_id     bigint      NOT NULL,
    party_id    bigint      NOT NULL REFERENCES party_party,
    key         text        NOT NULL CHECK (key <> ''),
    by          text        NOT NULL,
    place       text        NOT NULL DEFAULT '',
    redeemed_at timestamptz NOT NULL,
    told_at     timestamptz NOT NULL,
    undone_at   timestamptz,
    undone_by   text        NOT NULL DEFAULT '',
    undone_key  text        NOT NULL DEFAULT '',
    PRIMARY KEY (pool_id, id),
    FOREIGN KEY (pool_id, card_id) REFERENCES cards_card (pool_id, id)
);
CREATE UNIQUE INDEX cards_redemption_once ON cards_redemption (pool_id, card_id) WHERE undone_at IS NULL;
CREATE INDEX cards_redemption_of_card ON cards_redemption (pool_id, card_id, told_at);
CREATE INDEX cards_redemption_newest ON cards_redemption (party_id, told_at, id);
"""
BACK = """
DROP TABLE cards_redemption;
ALTER TABLE cards_batch DROP COLUMN redeemer_id;
"""


class Migration(migrations.Migration):
    dependencies = [("cards", "0003_labels")]
    operations = [migrations.RunSQL(SQL, BACK)]
