"""When a buyer asked to be forgotten, and on which day what is left of them is looked at (C-53, C-54); the way to an order's links.

Nothing here takes a lock that a sale would wait for.
"""

from django.db import migrations

COLUMNS = (
    ("ALTER TABLE sales_order ADD COLUMN forgotten_at timestamptz", "ALTER TABLE sales_order DROP COLUMN forgotten_at"),
    ("ALTER TABLE sales_order ADD COLUMN forget_on date", "ALTER TABLE sales_order DROP COLUMN forget_on"),
)
INDEXES = {
    "sales_order_to_forget": "CREATE INDEX CONCURRENTLY {} ON sales_order (forget_on, id) WHERE forget_on IS NOT NULL",
    "sales_link_of_order": "CREATE INDEX CONCURRENTLY {} ON sales_link (order_id)",
}
STEPS = [
    *COLUMNS,
    ("SET statement_timeout = 0", ""),
    *(
        step
        for name, sql in INDEXES.items()
        for step in ((f"DROP INDEX CONCURRENTLY IF EXISTS {name}", ""), (sql.format(name), f"DROP INDEX {name}"))
    ),
    ("RESET statement_timeout", ""),
]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("sales", "0011_credits")]
    operations = [migrations.RunSQL(do, undo or migrations.RunSQL.noop) for do, undo in STEPS]
