"""Who proved their age: a keyed mark, a random id, an instant. Checking it takes a consent of its own."""

from django.db import migrations

SQL = """
CREATE TABLE party_id_holder (
    id          uuid        NOT NULL UNIQUE,
    mark        bytea       PRIMARY KEY CHECK (length(mark) = 16),
    verified_at timestamptz NOT NULL
);
CREATE INDEX party_id_holder_due ON party_id_holder (verified_at);
ALTER TABLE party_consent DROP CONSTRAINT party_consent_purpose_check;
ALTER TABLE party_consent ADD CONSTRAINT party_consent_purpose_check
    CHECK (purpose IN ('identity_document', 'bank_account', 'marketing', 'age_check')) NOT VALID;
ALTER TABLE party_consent VALIDATE CONSTRAINT party_consent_purpose_check;
"""
BACK = """
DROP TABLE party_id_holder;
DELETE FROM party_consent WHERE purpose = 'age_check';
ALTER TABLE party_consent DROP CONSTRAINT party_consent_purpose_check;
ALTER TABLE party_consent ADD CONSTRAINT party_consent_purpose_check
    CHECK (purpose IN ('identity_document', 'bank_account', 'marketing'));
"""


class Migration(migrations.Migration):
    dependencies = [("party", "0006_onboarding")]
    operations = [migrations.RunSQL(SQL, BACK)]
