"""What a buyer fills in for goods that are issued to somebody (直充, 代充): a SKU says which fields."""

from django.db import migrations

SQL = """
ALTER TABLE catalog_sku ADD COLUMN form jsonb NOT NULL DEFAULT '[]';
"""
BACK = "ALTER TABLE catalog_sku DROP COLUMN form;"


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_fee_period")]
    operations = [migrations.RunSQL(SQL, BACK)]
