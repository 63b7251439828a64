"""Labels are found by index. The table of cards may be large: nothing here takes a lock that a sale would wait for.

Each step is by itself and may be done again: one that breaks off leaves nothing in the way of the next try.
"""

from django.db import migrations

INDEXES = {
    "cards_card_of_label": "CREATE UNIQUE INDEX CONCURRENTLY {} ON cards_card (pool_id, label) WHERE label IS NOT NULL",
    "cards_card_choices": (
        "CREATE INDEX CONCURRENTLY {} ON cards_card (pool_id, label) WHERE label IS NOT NULL AND state = 'on_shelf'"
    ),
}
STEPS = [
    "SET statement_timeout = 0",
    "ALTER TABLE cards_card VALIDATE CONSTRAINT cards_card_label_has_surcharge",
    "ALTER TABLE cards_pool VALIDATE CONSTRAINT cards_pool_on_demand_has_source",
    *(
        step
        for name, sql in INDEXES.items()
        for step in (f"DROP INDEX CONCURRENTLY IF EXISTS {name}", sql.format(name))
    ),
    "RESET statement_timeout",
]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("cards", "0002_kinds")]
    operations = [migrations.RunSQL(step, migrations.RunSQL.noop) for step in STEPS]
