"""What kind of goods a category holds: what is not mapped cannot be sold (compliance.md §1.11, default-deny)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_push_secret"), ("compliance", "0001_compliance")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE catalog_category ADD COLUMN goods text REFERENCES compliance_goods",
            "ALTER TABLE catalog_category DROP COLUMN goods",
        )
    ]
