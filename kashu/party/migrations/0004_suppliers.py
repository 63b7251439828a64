"""Suppliers: how far they have come, and when their papers were last verified (compliance.md §2.2, C-10)."""

from django.db import migrations

SQL = """
CREATE TABLE party_supplier (
    party_id    bigint      PRIMARY KEY REFERENCES party_party,
    state       text        NOT NULL CHECK (state IN (
        'applied', 'kyb_review', 'contract', 'deposit', 'active', 'restricted', 'suspended', 'exiting', 'closed',
        'blacklisted')),
    risk        text        NOT NULL DEFAULT 'medium' CHECK (risk IN ('low', 'medium', 'high')),
    applied_at  timestamptz NOT NULL,
    verified_at timestamptz,
    deposit_fen bigint      NOT NULL DEFAULT 0 CHECK (deposit_fen >= 0),   -- what was agreed; what is there is in the ledger
    CONSTRAINT party_supplier_verified CHECK (verified_at IS NOT NULL OR state NOT IN ('active', 'restricted'))
);
INSERT INTO party_supplier (party_id, state, applied_at, verified_at)
SELECT id, 'active', created_at, now() FROM party_party WHERE kind = 'supplier';
"""


class Migration(migrations.Migration):
    dependencies = [("party", "0003_webhooks")]
    operations = [migrations.RunSQL(SQL, "DROP TABLE party_supplier")]
