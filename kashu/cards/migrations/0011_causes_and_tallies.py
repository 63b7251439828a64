"""Why a sold card is void; cards that a buyer disputes are asked about; what changes a chain's batch, and its daily tally, are steps."""

from django.db import migrations

EVENTS = "'received', 'purchased', 'authorised', 'confirmed', 'loaded', 'probed', 'on_sale', 'withdrawn', 'frozen', 'cleared'"
MORE = "'recalled', 'cancelled', 'content', 'slots', 'checked', 'tallied'"
SQL = f"""
ALTER TABLE cards_card ADD COLUMN void_cause text;
ALTER TABLE cards_card ADD CONSTRAINT cards_card_void_has_cause
    CHECK (void_cause IS NULL OR (voided_at IS NOT NULL AND void_cause IN ('bad_card', 'goodwill', 'minor'))) NOT VALID;
ALTER TABLE cards_probe ADD COLUMN is_disputed boolean NOT NULL DEFAULT false;
ALTER TABLE cards_provenance DROP CONSTRAINT cards_provenance_event_check;
ALTER TABLE cards_provenance ADD CONSTRAINT cards_provenance_event_check CHECK (event IN ({EVENTS}, {MORE}));
"""
BACK = """
ALTER TABLE cards_probe DROP COLUMN is_disputed;
ALTER TABLE cards_card DROP COLUMN void_cause;
"""


class Migration(migrations.Migration):
    dependencies = [("cards", "0010_renewed")]
    operations = [migrations.RunSQL(SQL, BACK)]
