"""Public data that changes, suppliers that cannot be reached (C-13), and the consent of a guardian (C-51, C-72)."""

from django.db import migrations

SQL = """
CREATE TABLE party_change (
    id          uuid        PRIMARY KEY,
    party_id    bigint      NOT NULL REFERENCES party_supplier,
    name        text        NOT NULL CHECK (length(name) <= 80),
    address     text        NOT NULL CHECK (length(address) <= 120),
    contact     text        NOT NULL CHECK (length(contact) <= 120),
    happened_on date        NOT NULL,
    is_late     boolean     NOT NULL,
    state       text        NOT NULL CHECK (state IN ('declared', 'published', 'refused')),
    declared_by text        NOT NULL,
    declared_at timestamptz NOT NULL,
    verify_by   timestamptz NOT NULL CHECK (verify_by > declared_at),
    reason      text        NOT NULL DEFAULT '',
    evidence    text        NOT NULL DEFAULT '' CHECK (evidence ~ '^([0-9a-f]{64})?$'),
    decided_by  text,
    decided_at  timestamptz,
    CONSTRAINT party_change_something CHECK (name <> '' OR address <> '' OR contact <> ''),
    CONSTRAINT party_change_decided CHECK ((state = 'declared') = (decided_by IS NULL)),
    CONSTRAINT party_change_why CHECK (state = 'declared' OR reason <> ''),
    CONSTRAINT party_change_seen CHECK (state <> 'published' OR evidence <> '')
);
CREATE UNIQUE INDEX party_change_one ON party_change (party_id) WHERE state = 'declared';
CREATE INDEX party_change_due ON party_change (verify_by) WHERE state = 'declared';
CREATE TABLE party_unreached (
    id          uuid        PRIMARY KEY,
    party_id    bigint      NOT NULL REFERENCES party_supplier,
    authority   text        NOT NULL CHECK (length(authority) BETWEEN 1 AND 120),
    evidence    text        NOT NULL CHECK (evidence ~ '^[0-9a-f]{64}$'),
    state       text        NOT NULL CHECK (state IN ('noted', 'reminded', 'answered', 'settled')),
    noted_by    text        NOT NULL,
    noted_at    timestamptz NOT NULL,
    remind_by   timestamptz NOT NULL CHECK (remind_by > noted_at),
    reminded_by text,
    reminded_at timestamptz,
    answer_by   timestamptz,
    answer      text        NOT NULL DEFAULT '' CHECK (length(answer) <= 1000),
    answered_by text,
    answered_at timestamptz,
    settled_by  text,
    settled_at  timestamptz,
    CONSTRAINT party_unreached_reminded CHECK ((reminded_at IS NULL) = (answer_by IS NULL)),
    CONSTRAINT party_unreached_waits CHECK (state <> 'reminded' OR reminded_at IS NOT NULL),
    CONSTRAINT party_unreached_answered CHECK ((answer = '') = (answered_at IS NULL)),
    CONSTRAINT party_unreached_settled CHECK ((state = 'settled') = (settled_at IS NOT NULL))
);
CREATE UNIQUE INDEX party_unreached_one ON party_unreached (party_id) WHERE state <> 'settled';
ALTER TABLE party_consent DROP CONSTRAINT party_consent_purpose_check;
ALTER TABLE party_consent ADD CONSTRAINT party_consent_purpose_check
    CHECK (purpose IN ('identity_document', 'bank_account', 'marketing', 'age_check', 'guardian_identity')) NOT VALID;
ALTER TABLE party_consent VALIDATE CONSTRAINT party_consent_purpose_check;
"""
BACK = """
DELETE FROM party_consent WHERE purpose = 'guardian_identity';
ALTER TABLE party_consent DROP CONSTRAINT party_consent_purpose_check;
ALTER TABLE party_consent ADD CONSTRAINT party_consent_purpose_check
    CHECK (purpose IN ('identity_document', 'bank_account', 'marketing', 'age_check'));
DROP TABLE party_unreached, party_change
"""


class Migration(migrations.Migration):
    dependencies = [("party", "0007_id_holders")]
    operations = [migrations.RunSQL(SQL, BACK)]
