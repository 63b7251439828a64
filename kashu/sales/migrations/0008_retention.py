"""When an order was over, when its secrets are to be looked at and were erased, and when its buyer was forgotten (C-20, S-08)."""

from django.db import migrations

SQL = """
ALTER TABLE sales_order ADD COLUMN completed_at timestamptz;
ALTER TABLE sales_order ADD COLUMN erase_on date;
ALTER TABLE sales_order ADD COLUMN erased_at timestamptz;
ALTER TABLE sales_order ADD COLUMN purged_at timestamptz;
"""
BACK = """
ALTER TABLE sales_order DROP COLUMN purged_at;
ALTER TABLE sales_order DROP COLUMN erased_at;
ALTER TABLE sales_order DROP COLUMN erase_on;
ALTER TABLE sales_order DROP COLUMN completed_at;
"""


class Migration(migrations.Migration):
    dependencies = [("sales", "0007_links"), ("audit", "0001_audit")]
    operations = [migrations.RunSQL(SQL, BACK)]
