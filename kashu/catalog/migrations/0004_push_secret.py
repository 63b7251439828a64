"""Whether the message to a buyer's phone may carry the key itself: off, unless it is switched on for a SKU."""

from django.db import migrations

SQL = """
ALTER TABLE catalog_sku ADD COLUMN push_secret boolean NOT NULL DEFAULT false;
"""
BACK = "ALTER TABLE catalog_sku DROP COLUMN push_secret;"


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_form")]
    operations = [migrations.RunSQL(SQL, BACK)]
