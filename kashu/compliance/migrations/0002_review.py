"""Reviews of listings: what was read, what the machine said and by which list, and what people decided (1.11, C-14)."""

from django.db import migrations

SQL = """
CREATE TABLE compliance_review (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thing       text        NOT NULL,                    -- such as product:7
    sha256      bytea       NOT NULL,                    -- of the texts, in one form
    texts       jsonb       NOT NULL,                    -- as they were read
    version     text        NOT NULL,                    -- of the deny list
    verdict     text        NOT NULL CHECK (verdict IN ('allow', 'queue', 'deny')),
    goods_class text        NOT NULL CHECK (goods_class IN ('ENTITLEMENT', 'SINGLE_PURPOSE_VALUE', 'MULTI_PURPOSE_VALUE')),
    reasons     text[]      NOT NULL,
    state       text        NOT NULL CHECK (state IN ('waiting', 'allowed', 'refused')),
    people      smallint    NOT NULL CHECK (people IN (0, 1, 2)),  -- how many have to agree
    agreed_by   text[]      NOT NULL DEFAULT '{}',
    evidence    text[]      NOT NULL DEFAULT '{}',
    decided_by  text        NOT NULL DEFAULT '',
    made_by     text        NOT NULL,
    made_at     timestamptz NOT NULL,
    decided_at  timestamptz,
    CONSTRAINT compliance_review_once UNIQUE (thing, sha256, version),
    CONSTRAINT compliance_review_of_machine CHECK (verdict = 'queue' OR (people = 0 AND agreed_by = '{}')),
    CONSTRAINT compliance_review_decided CHECK ((state = 'waiting') = (decided_at IS NULL)),
    CONSTRAINT compliance_review_enough CHECK (state <> 'allowed' OR cardinality(agreed_by) >= people),
    CONSTRAINT compliance_review_denied CHECK (verdict <> 'deny' OR state = 'refused')
);
CREATE INDEX compliance_review_waiting ON compliance_review (made_at) WHERE state = 'waiting';
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0001_compliance")]
    operations = [migrations.RunSQL(SQL, "DROP TABLE compliance_review")]
