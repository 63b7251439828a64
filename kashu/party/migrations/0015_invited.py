"""Organisations that buy invite people as suppliers do: an invitation is of any organisation."""

from django.db import migrations

FORWARD = """
ALTER TABLE party_invitation DROP CONSTRAINT party_invitation_party_id_fkey;
ALTER TABLE party_invitation ADD CONSTRAINT party_invitation_party_id_fkey
    FOREIGN KEY (party_id) REFERENCES party_party NOT VALID;
ALTER TABLE party_invitation VALIDATE CONSTRAINT party_invitation_party_id_fkey;
"""
BACK = """
DELETE FROM party_invitation WHERE party_id NOT IN (SELECT party_id FROM party_supplier);
ALTER TABLE party_invitation DROP CONSTRAINT party_invitation_party_id_fkey;
ALTER TABLE party_invitation ADD CONSTRAINT party_invitation_party_id_fkey
    FOREIGN KEY (party_id) REFERENCES party_supplier;
"""


class Migration(migrations.Migration):
    dependencies = [("party", "0014_members")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
