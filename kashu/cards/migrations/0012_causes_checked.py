"""The cause of a void card is checked for every card; a table this large is not locked for it."""

from django.db import migrations

STEPS = [
    "SET statement_timeout = 0",
    "ALTER TABLE cards_card VALIDATE CONSTRAINT cards_card_void_has_cause",
    "RESET statement_timeout",
]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("cards", "0011_causes_and_tallies")]
    operations = [migrations.RunSQL(step, migrations.RunSQL.noop) for step in STEPS]
