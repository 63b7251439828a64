"""The audit trail, its chain of hashes, and acts that need a second person."""

from django.db import migrations

SQL = """
CREATE TABLE audit_entry (
    pool_id     bigint      NOT NULL,
    id          uuid        NOT NULL,
    xact        xid8        NOT NULL DEFAULT pg_current_xact_id(),
    at          timestamptz NOT NULL,
    actor_kind  text        NOT NULL CHECK (actor_kind IN ('person', 'buyer', 'system', 'channel')),
    actor       text        NOT NULL,
    verb        text        NOT NULL,
    object_kind text        NOT NULL,
    object_id   text        NOT NULL,
    before      jsonb,
    after       jsonb,
    reason      text        NOT NULL DEFAULT '',
    PRIMARY KEY (pool_id, id)
);
CREATE INDEX audit_entry_of_object ON audit_entry (pool_id, object_kind, object_id, at);
CREATE INDEX audit_entry_newest ON audit_entry (at, id);
CREATE INDEX audit_entry_in_commit_order ON audit_entry (xact, id);

CREATE TABLE audit_seal (
    seq      bigint PRIMARY KEY CHECK (seq > 0),
    pool_id  bigint NOT NULL,
    entry_id uuid   NOT NULL,
    xact     xid8   NOT NULL,
    hash     bytea  NOT NULL CHECK (length(hash) = 32),
    UNIQUE (pool_id, entry_id)
);
CREATE TABLE audit_head (
    seq       bigint      PRIMARY KEY REFERENCES audit_seal,
    hash      bytea       NOT NULL,
    signed_at timestamptz NOT NULL,
    signature bytea       NOT NULL
);
CREATE TABLE audit_approval (
    id           uuid        PRIMARY KEY,
    act          text        NOT NULL,
    object_kind  text        NOT NULL,
    object_id    text        NOT NULL,
    body         jsonb       NOT NULL,
    reason       text        NOT NULL CHECK (reason <> ''),
    state        text        NOT NULL CHECK (state IN ('waiting', 'approved', 'cancelled', 'done')),
    is_solo      boolean     NOT NULL,
    asked_by     text        NOT NULL,
    asked_at     timestamptz NOT NULL,
    not_before   timestamptz NOT NULL,
    approved_by  text,
    approved_at  timestamptz,
    done_at      timestamptz,
    CONSTRAINT audit_approval_by_another CHECK (is_solo OR approved_by IS NULL OR approved_by <> asked_by),
    CONSTRAINT audit_approval_named CHECK ((state IN ('approved', 'done')) = (approved_by IS NOT NULL))
);
CREATE UNIQUE INDEX audit_approval_open ON audit_approval (act, object_kind, object_id)
    WHERE state IN ('waiting', 'approved');
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.RunSQL(SQL, "DROP TABLE audit_approval, audit_head, audit_seal, audit_entry")]
