"""What is to be erased and what is to be forgotten is found by index; built without a lock that a sale would wait for.

Each step is by itself and may be done again: one that breaks off leaves nothing in the way of the next try.
"""

from django.db import migrations

INDEXES = {
    "sales_order_to_erase": "CREATE INDEX CONCURRENTLY {} ON sales_order (erase_on, id) WHERE erase_on IS NOT NULL",
    "sales_order_to_purge": (
        "CREATE INDEX CONCURRENTLY {} ON sales_order (coalesce(completed_at, closed_at), id)"
        " WHERE purged_at IS NULL AND coalesce(completed_at, closed_at) IS NOT NULL"
    ),
}
STEPS = [
    "SET statement_timeout = 0",
    *(
        step
        for name, sql in INDEXES.items()
        for step in (f"DROP INDEX CONCURRENTLY IF EXISTS {name}", sql.format(name))
    ),
    "RESET statement_timeout",
]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("sales", "0008_retention")]
    operations = [migrations.RunSQL(step, migrations.RunSQL.noop) for step in STEPS]
