"""Nothing asks for the entries of sales by account: three index entries less for each sale line."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_memo")]
    operations = [
        migrations.RunSQL(
            "DROP INDEX ledger_sale_entry_of_account;",
            "CREATE INDEX ledger_sale_entry_of_account ON ledger_sale_entry (pool_id, account_id, posted_at);",
        )
    ]
