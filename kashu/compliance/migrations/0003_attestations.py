"""Transactions told to whoever attests them (交易核验), and what was answered: both as they went over the wire."""

from django.db import migrations

SQL = """
CREATE TABLE compliance_attestation (
    id          uuid        PRIMARY KEY,
    event       text        NOT NULL CHECK (event IN ('delivered', 'refunded')),
    subject     text        NOT NULL,                    -- an order's number
    order_no    text        NOT NULL,
    asked       text        NOT NULL,                    -- the body as it is sent, to the byte
    state       text        NOT NULL CHECK (state IN ('waiting', 'accepted', 'refused', 'stuck')),
    tries       int         NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL,
    made_at     timestamptz NOT NULL,
    answer      text        NOT NULL DEFAULT '',         -- the body as it came, to the byte
    signature   text        NOT NULL DEFAULT '',
    receipt     text        NOT NULL DEFAULT '',
    reason      text        NOT NULL DEFAULT '',
    answered_at timestamptz,
    CONSTRAINT compliance_attestation_once UNIQUE (event, subject),
    CONSTRAINT compliance_attestation_answered CHECK ((state IN ('accepted', 'refused')) = (answered_at IS NOT NULL))
);
CREATE INDEX compliance_attestation_due ON compliance_attestation (due_at) WHERE state = 'waiting';
CREATE INDEX compliance_attestation_of_order ON compliance_attestation (order_no);
CREATE INDEX compliance_attestation_latest ON compliance_attestation (made_at DESC, id);
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0002_review")]
    operations = [migrations.RunSQL(SQL, "DROP TABLE compliance_attestation")]
