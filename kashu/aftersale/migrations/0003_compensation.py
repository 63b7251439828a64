"""What is paid for delivered cards that may no longer be honoured (§2.3): recalled, or demanded of us before their supplier."""

from django.db import migrations

SQL = """
CREATE TABLE aftersale_compensation (
    id               uuid        PRIMARY KEY,
    pool_id          bigint      NOT NULL,
    order_id         uuid        NOT NULL,
    supplier_ids     bigint[]    NOT NULL CHECK (supplier_ids <> '{}'),
    effect           text        NOT NULL CHECK (effect IN ('recall', 'compensate')),
    causes           text[]      NOT NULL,
    amount_fen       bigint      NOT NULL CHECK (amount_fen > 0),
    cards            int         NOT NULL CHECK (cards > 0),
    state            text        NOT NULL CHECK (state IN ('owed', 'asked', 'approved', 'paid', 'lapsed', 'refused')),
    made_by          text        NOT NULL,
    made_at          timestamptz NOT NULL,
    due_at           timestamptz NOT NULL CHECK (due_at > made_at),
    approval_id      uuid,
    paid_fen         bigint      NOT NULL DEFAULT 0 CHECK (paid_fen BETWEEN 0 AND amount_fen),
    payment_id       uuid,
    reason           text        NOT NULL DEFAULT '' CHECK (length(reason) <= 1000),
    evidence         text        NOT NULL DEFAULT '' CHECK (evidence ~ '^([0-9a-f]{64})?$'),
    ended_by         text,
    ended_at         timestamptz,
    FOREIGN KEY (pool_id, order_id) REFERENCES sales_order (pool_id, id),
    CONSTRAINT aftersale_compensation_asked CHECK ((state IN ('asked', 'approved')) <= (approval_id IS NOT NULL)),
    CONSTRAINT aftersale_compensation_ended CHECK (
        (state IN ('paid', 'lapsed', 'refused')) = (ended_at IS NOT NULL) AND (ended_at IS NULL) = (ended_by IS NULL)),
    CONSTRAINT aftersale_compensation_paid CHECK (
        (state = 'paid') = (paid_fen > 0) AND (state = 'paid') = (payment_id IS NOT NULL)),
    CONSTRAINT aftersale_compensation_refused CHECK (state <> 'refused' OR (reason <> '' AND evidence <> ''))
);
CREATE UNIQUE INDEX aftersale_compensation_one ON aftersale_compensation (pool_id, order_id)
    WHERE state IN ('owed', 'asked', 'approved');
CREATE INDEX aftersale_compensation_of_order ON aftersale_compensation (pool_id, order_id, made_at);
CREATE INDEX aftersale_compensation_open ON aftersale_compensation (due_at, id) WHERE state IN ('owed', 'asked', 'approved');
CREATE INDEX aftersale_compensation_over ON aftersale_compensation (ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX aftersale_compensation_of_approval ON aftersale_compensation (approval_id) WHERE approval_id IS NOT NULL;
"""
THINGS = "'complaint', 'guardian', 'change', 'unreached', 'request'"


def checked(things: str) -> str:
    """Widened without a scan under the lock that it takes."""
    return f"""
    ALTER TABLE aftersale_breach DROP CONSTRAINT aftersale_breach_thing_check;
    ALTER TABLE aftersale_breach ADD CONSTRAINT aftersale_breach_thing_check CHECK (thing IN ({things})) NOT VALID;
    ALTER TABLE aftersale_breach VALIDATE CONSTRAINT aftersale_breach_thing_check;
    """


class Migration(migrations.Migration):
    dependencies = [("aftersale", "0002_request_clock"), ("sales", "0012_forgotten")]
    operations = [
        migrations.RunSQL(SQL, "DROP TABLE aftersale_compensation"),
        migrations.RunSQL(checked(f"{THINGS}, 'compensation'"), checked(THINGS)),
    ]
