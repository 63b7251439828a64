"""An order's lines are found by the order alone (they may lie in other pools): the second index served nobody."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("sales", "0005_bulk_kind")]
    operations = [
        migrations.RunSQL(
            "DROP INDEX sales_line_of_order;",
            "CREATE INDEX sales_line_of_order ON sales_line (pool_id, order_id);",
        )
    ]
