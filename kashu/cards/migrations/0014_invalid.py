"""Whoever honours codes of ours says of one that it is no good (核销失败): a fact about its batch, told once."""

from django.db import migrations

SQL = """
CREATE TABLE cards_invalid (
    pool_id  bigint      NOT NULL,
    card_id  bigint      NOT NULL,
    id       uuid        NOT NULL,
    party_id bigint      NOT NULL REFERENCES party_party,
    key      text        NOT NULL CHECK (key <> ''),
    by       text        NOT NULL,
    place    text        NOT NULL DEFAULT '',
    reason   text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 200),
    told_at  timestamptz NOT NULL,
    PRIMARY KEY (pool_id, card_id),
    FOREIGN KEY (pool_id, card_id) REFERENCES cards_card (pool_id, id)
);
"""


class Migration(migrations.Migration):
    dependencies = [("cards", "0013_recalled")]
    operations = [migrations.RunSQL(SQL, "DROP TABLE cards_invalid")]
