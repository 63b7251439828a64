"""Organisations that buy, the people who act for them, and the keys their machines sign with."""

from django.db import migrations, models

ROLES = ["owner", "operator", "finance", "support", "auditor", "buyer"]
SQL = """
ALTER TABLE party_party DROP CONSTRAINT party_party_kind_check;
ALTER TABLE party_party ADD CONSTRAINT party_party_known_kind CHECK (kind IN ('platform', 'supplier', 'buyer'));
CREATE TABLE party_member (
    person_id bigint      NOT NULL REFERENCES party_person,
    party_id  bigint      NOT NULL REFERENCES party_party,
    joined_at timestamptz NOT NULL,
    PRIMARY KEY (person_id, party_id)
);
CREATE INDEX party_member_of_party ON party_member (party_id);
CREATE TABLE party_api_key (
    id            text        PRIMARY KEY CHECK (id ~ '^kk_[0-9A-Za-z]{20}$'),
    party_id      bigint      NOT NULL REFERENCES party_party,
    name          text        NOT NULL CHECK (name <> ''),
    scopes        text[]      NOT NULL,
    sealed_secret bytea       NOT NULL CHECK (length(sealed_secret) > 0),
    per_second    int         NOT NULL CHECK (per_second BETWEEN 1 AND 10000),
    made_by       text        NOT NULL,
    made_at       timestamptz NOT NULL,
    expires_at    timestamptz,
    revoked_at    timestamptz
);
CREATE INDEX party_api_key_of_party ON party_api_key (party_id, made_at);
CREATE UNLOGGED TABLE party_nonce (
    key_id  text        NOT NULL,
    nonce   text        NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (key_id, nonce)
);
CREATE INDEX party_nonce_oldest ON party_nonce USING brin (seen_at);
"""
BACK = "DROP TABLE party_nonce, party_api_key, party_member"


class Migration(migrations.Migration):
    dependencies = [("party", "0001_party")]
    operations = [
        migrations.RemoveConstraint("person", "party_person_known_role"),
        migrations.AlterField(
            "person", "role", models.CharField(choices=[(role, role) for role in ROLES], max_length=20)
        ),
        migrations.AddConstraint(
            "person",
            models.CheckConstraint(condition=models.Q(("role__in", ROLES)), name="party_person_known_role"),
        ),
        migrations.RunSQL(SQL, BACK),
    ]
