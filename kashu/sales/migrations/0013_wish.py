"""What a buyer chose where a lapsed licence leaves the choice, once somebody is at the order, and what was answered (§2.3)."""

from django.db import migrations

SQL = """
ALTER TABLE sales_fulfilment
    ADD COLUMN wish        text NOT NULL DEFAULT '' CHECK (wish IN ('', 'deliver', 'refund', 'declined')),
    ADD COLUMN wish_answer text NOT NULL DEFAULT '' CHECK ((wish_answer <> '') = (wish = 'declined'));
"""


class Migration(migrations.Migration):
    dependencies = [("sales", "0012_forgotten")]
    operations = [
        migrations.RunSQL(SQL, "ALTER TABLE sales_fulfilment DROP COLUMN wish_answer, DROP COLUMN wish;"),
    ]
