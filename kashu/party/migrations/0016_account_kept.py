"""A proven account is kept beside the one that is to take its place, until that is proven or turned out not to be."""

from django.db import migrations

SQL = """
ALTER TABLE party_bank_account DROP CONSTRAINT party_bank_account_state_check;
ALTER TABLE party_bank_account ADD CONSTRAINT party_bank_account_state_check
    CHECK (state IN ('unproven', 'proven', 'kept', 'ended'));
ALTER TABLE party_bank_account DROP CONSTRAINT party_bank_account_proven;
ALTER TABLE party_bank_account ADD CONSTRAINT party_bank_account_proven
    CHECK (state NOT IN ('proven', 'kept') OR proven_at IS NOT NULL);
DROP INDEX party_bank_account_one;
CREATE UNIQUE INDEX party_bank_account_one ON party_bank_account (party_id) WHERE state IN ('unproven', 'proven');
CREATE UNIQUE INDEX party_bank_account_kept ON party_bank_account (party_id) WHERE state = 'kept';
"""
BACK = """
UPDATE party_bank_account SET state = 'ended' WHERE state = 'kept';
DROP INDEX party_bank_account_kept;
DROP INDEX party_bank_account_one;
CREATE UNIQUE INDEX party_bank_account_one ON party_bank_account (party_id) WHERE state <> 'ended';
ALTER TABLE party_bank_account DROP CONSTRAINT party_bank_account_proven;
ALTER TABLE party_bank_account ADD CONSTRAINT party_bank_account_proven CHECK (state <> 'proven' OR proven_at IS NOT NULL);
ALTER TABLE party_bank_account DROP CONSTRAINT party_bank_account_state_check;
ALTER TABLE party_bank_account ADD CONSTRAINT party_bank_account_state_check
    CHECK (state IN ('unproven', 'proven', 'ended'));
"""


class Migration(migrations.Migration):
    dependencies = [("party", "0015_invited")]
    operations = [migrations.RunSQL(SQL, BACK)]
