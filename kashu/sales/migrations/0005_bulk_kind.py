"""A bulk purchase's file is CSV or a workbook."""

from django.db import migrations

SQL = "ALTER TABLE sales_bulk ADD COLUMN file_kind text NOT NULL DEFAULT 'csv' CHECK (file_kind IN ('csv', 'xlsx'));"


class Migration(migrations.Migration):
    dependencies = [("sales", "0004_fulfilment")]
    operations = [migrations.RunSQL(SQL, "ALTER TABLE sales_bulk DROP COLUMN file_kind;")]
