"""A fee rule may end; the one before it, or a more general one, then holds again."""

from django.db import migrations

SQL = """
ALTER TABLE catalog_fee_rule ADD COLUMN ends_at timestamptz;
ALTER TABLE catalog_fee_rule ADD COLUMN set_by text NOT NULL DEFAULT 'kashu';
ALTER TABLE catalog_fee_rule ADD CONSTRAINT catalog_fee_rule_period CHECK (ends_at > effective_at);
"""
BACK = """
ALTER TABLE catalog_fee_rule DROP COLUMN set_by;
ALTER TABLE catalog_fee_rule DROP COLUMN ends_at;
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_catalog")]
    operations = [migrations.RunSQL(SQL, BACK)]
