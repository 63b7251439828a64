"""The outbox the relay empties, and counted attempts (unlogged: a crash forgives them)."""

from django.db import migrations

SQL = """
CREATE TABLE outbox (
    pool_id      bigint      NOT NULL,
    id           uuid        NOT NULL,
    topic        text        NOT NULL,
    body         jsonb       NOT NULL,
    due_at       timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL,
    leased_until timestamptz,
    tries        int         NOT NULL DEFAULT 0,
    trouble      text        NOT NULL DEFAULT '',
    PRIMARY KEY (pool_id, id)
);
CREATE INDEX outbox_due ON outbox (due_at, id);
CREATE UNLOGGED TABLE limit_hit (
    bucket       text        NOT NULL,
    window_start timestamptz NOT NULL,
    hits         int         NOT NULL,
    PRIMARY KEY (bucket, window_start)
);
CREATE TABLE heartbeat (
    name    text        PRIMARY KEY,
    beat_at timestamptz NOT NULL
);
CREATE TABLE django_cache (
    cache_key varchar(255) PRIMARY KEY,
    value     text         NOT NULL,
    expires   timestamptz  NOT NULL
);
CREATE INDEX django_cache_expires ON django_cache (expires);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.RunSQL(SQL, "DROP TABLE django_cache, heartbeat, limit_hit, outbox")]
