"""A card that was sold and whose money goes back is void: it is shown no more, and redeemed no more."""

from django.db import migrations

SQL = """
ALTER TABLE cards_card ADD COLUMN voided_at timestamptz;
ALTER TABLE cards_card ADD CONSTRAINT cards_card_voided_was_sold CHECK (voided_at IS NULL OR state = 'sold') NOT VALID;
"""


class Migration(migrations.Migration):
    dependencies = [("cards", "0004_redemption")]
    operations = [migrations.RunSQL(SQL, "ALTER TABLE cards_card DROP COLUMN voided_at")]
