"""A third report: what the house itself is, told to the tax authority once, when it begins (C-12, TAX810 §3)."""

from django.db import migrations

SQL = """
ALTER TABLE party_report DROP CONSTRAINT party_report_kind_check;
ALTER TABLE party_report ADD CONSTRAINT party_report_kind_check CHECK (kind IN ('authority', 'tax', 'own'));
"""
BACK = """
ALTER TABLE party_report DROP CONSTRAINT party_report_kind_check;
ALTER TABLE party_report ADD CONSTRAINT party_report_kind_check CHECK (kind IN ('authority', 'tax')) NOT VALID;
"""


class Migration(migrations.Migration):
    dependencies = [("party", "0016_account_kept")]
    operations = [migrations.RunSQL(SQL, BACK)]
