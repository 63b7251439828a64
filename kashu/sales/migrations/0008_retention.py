"""When an order was over, when its secrets are to be looked at and were erased, and when its buyer was forgotten (C-20, S-08)."""

from django.db import migrations

SQL = """
ALTER TABLE sales_order ADD COLUMN completed_at timestamptz;
ALTER TABLE sales_order ADD COLUMN erase_on date;
ALTER TABLE sales_order ADD COLUMN erased_at timestamptz;
ALTER TABLE sales_order ADD COLUMN purged_at timestamptz;
UPDATE sales_order AS told SET completed_at = entry.at FROM audit_entry AS entry
    WHERE told.state = 'completed' AND entry.pool_id = told.pool_id AND entry.object_kind = 'order'
      AND entry.object_id = told.id::text AND entry.verb = 'order.completed';
UPDATE sales_order SET erase_on = (coalesce(completed_at, closed_at) AT TIME ZONE 'Asia/Shanghai')::date
    WHERE state IN ('completed', 'refunded');
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
