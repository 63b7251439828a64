"""Webhooks: where an organisation wants to hear of its purchases, and every message sent there."""

from django.db import migrations

SQL = """
CREATE TABLE party_webhook (
    id            uuid        PRIMARY KEY,
    party_id      bigint      NOT NULL REFERENCES party_party,
    url           text        NOT NULL CHECK (length(url) BETWEEN 10 AND 500),
    topics        text[]      NOT NULL,
    sealed_secret bytea       NOT NULL,
    is_open       boolean     NOT NULL DEFAULT true,
    made_by       text        NOT NULL,
    made_at       timestamptz NOT NULL
);
CREATE INDEX party_webhook_of_party ON party_webhook (party_id);
CREATE TABLE party_webhook_message (
    id           uuid        PRIMARY KEY,
    webhook_id   uuid        NOT NULL REFERENCES party_webhook,
    topic        text        NOT NULL,
    about        text        NOT NULL,
    body         jsonb       NOT NULL,
    state        text        NOT NULL CHECK (state IN ('waiting', 'delivered', 'given_up')),
    tries        int         NOT NULL DEFAULT 0,
    status       int,
    trouble      text        NOT NULL DEFAULT '',
    made_at      timestamptz NOT NULL,
    tried_at     timestamptz,
    UNIQUE (webhook_id, topic, about)
);
CREATE INDEX party_webhook_message_newest ON party_webhook_message (webhook_id, made_at);
"""
BACK = "DROP TABLE party_webhook_message, party_webhook"


class Migration(migrations.Migration):
    dependencies = [("party", "0002_buyers")]
    operations = [migrations.RunSQL(SQL, BACK)]
