"""Orders that are over learn when, and are found by it; nothing here takes a lock that a sale would wait for.

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
FILL = [
    """
    UPDATE sales_order AS told SET completed_at = entry.at FROM audit_entry AS entry
    WHERE told.state = 'completed' AND told.completed_at IS NULL AND entry.pool_id = told.pool_id
      AND entry.object_kind = 'order' AND entry.object_id = told.id::text AND entry.verb = 'order.completed'
    """,
    """
    UPDATE sales_order SET erase_on = (coalesce(completed_at, closed_at) AT TIME ZONE 'Asia/Shanghai')::date
    WHERE state IN ('completed', 'refunded') AND erase_on IS NULL AND erased_at IS NULL
    """,
]
STEPS = [
    "SET statement_timeout = 0",
    *FILL,
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
