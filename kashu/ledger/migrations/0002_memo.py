"""What an entry of an account is about, as its statement says it: an order's number, a bank reference."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_ledger")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE ledger_entry ADD COLUMN memo text NOT NULL DEFAULT ''",
            "ALTER TABLE ledger_entry DROP COLUMN memo",
        )
    ]
