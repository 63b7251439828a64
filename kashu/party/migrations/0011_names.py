"""A name is taken while whoever has it lives: who was refused, withdrew or closed leaves it to the next."""

from django.db import migrations

SQL = """
UPDATE party_party AS own SET state = 'closed' FROM party_supplier AS standing
WHERE standing.party_id = own.id AND own.state <> 'closed' AND (standing.state = 'closed'
    OR (standing.state = 'blacklisted' AND standing.barred_from IN ('applied', 'kyb_review', 'closed')));
CREATE UNIQUE INDEX party_party_live_name ON party_party (name) WHERE state <> 'closed';
CREATE INDEX party_party_of_name ON party_party (name);
ALTER TABLE party_party DROP CONSTRAINT party_party_name_key;
"""
BACK = """
ALTER TABLE party_party ADD CONSTRAINT party_party_name_key UNIQUE (name);
DROP INDEX party_party_of_name;
DROP INDEX party_party_live_name
"""


class Migration(migrations.Migration):
    dependencies = [("party", "0010_reports_sent")]
    operations = [migrations.RunSQL(SQL, BACK)]
