"""Who of an organisation's people may let others go; and memberships that end, which are still remembered (C-54)."""

from django.db import migrations

SQL = """
ALTER TABLE party_member ADD COLUMN is_owner boolean NOT NULL DEFAULT false;
ALTER TABLE party_member ADD COLUMN ended_at timestamptz;
UPDATE party_member AS own SET is_owner = true FROM (
    SELECT DISTINCT ON (member.party_id) member.party_id, member.person_id FROM party_member AS member
    JOIN party_person AS person ON person.id = member.person_id AND person.is_active
    ORDER BY member.party_id, member.joined_at, member.person_id
) AS first WHERE own.party_id = first.party_id AND own.person_id = first.person_id;
ALTER TABLE party_member ADD CONSTRAINT party_member_owner CHECK (NOT is_owner OR ended_at IS NULL);
"""
BACK = """
DELETE FROM party_member WHERE ended_at IS NOT NULL;
ALTER TABLE party_member DROP COLUMN ended_at;
ALTER TABLE party_member DROP COLUMN is_owner
"""


class Migration(migrations.Migration):
    dependencies = [("party", "0011_names")]
    operations = [migrations.RunSQL(SQL, BACK)]
