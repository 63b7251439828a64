"""The entries of a day, for reconciliation: written in the order of time, so a few bytes for each megabyte find them."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_fewer_indexes")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX ledger_sale_entry_of_day ON ledger_sale_entry USING brin (posted_at) WITH (pages_per_range = 32, autosummarize = on);",
            "DROP INDEX ledger_sale_entry_of_day;",
        )
    ]
