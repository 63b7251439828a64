"""What a sold card has to have is checked for every card; a table this large is not locked for it."""

from django.db import migrations

STEPS = [
    "SET statement_timeout = 0",
    "ALTER TABLE cards_card VALIDATE CONSTRAINT cards_card_sold_has_content",
    "ALTER TABLE cards_card VALIDATE CONSTRAINT cards_card_erased_is_empty",
    "RESET statement_timeout",
]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("cards", "0007_erased")]
    operations = [migrations.RunSQL(step, migrations.RunSQL.noop) for step in STEPS]
