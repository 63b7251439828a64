"""Redemptions (核销) and their undoing are attested too; the subject of those is the redemption."""

from django.db import migrations

SQL = """
ALTER TABLE compliance_attestation DROP CONSTRAINT compliance_attestation_event_check;
ALTER TABLE compliance_attestation ADD CONSTRAINT compliance_attestation_event_check
    CHECK (event IN ('delivered', 'refunded', 'redeemed', 'undone')) NOT VALID;
ALTER TABLE compliance_attestation VALIDATE CONSTRAINT compliance_attestation_event_check;
"""
BACK = """
DELETE FROM compliance_attestation WHERE event IN ('redeemed', 'undone');
ALTER TABLE compliance_attestation DROP CONSTRAINT compliance_attestation_event_check;
ALTER TABLE compliance_attestation ADD CONSTRAINT compliance_attestation_event_check
    CHECK (event IN ('delivered', 'refunded'));
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0005_renewal")]
    operations = [migrations.RunSQL(SQL, BACK)]
