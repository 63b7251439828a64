"""When what was personal of a supplier was erased: whose papers never came has an address and invitations all the same."""

from django.db import migrations

SQL = """
ALTER TABLE party_supplier ADD COLUMN erased_at timestamptz;
CREATE INDEX party_supplier_closed ON party_supplier (moved_at, party_id) WHERE state = 'closed' AND erased_at IS NULL;
"""
BACK = """
DROP INDEX party_supplier_closed;
ALTER TABLE party_supplier DROP COLUMN erased_at
"""


class Migration(migrations.Migration):
    dependencies = [("party", "0012_owners")]
    operations = [migrations.RunSQL(SQL, BACK)]
