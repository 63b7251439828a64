"""Cards of a batch are checked with its supplier before any is sold, and a stopped batch is let go on by a person."""

from django.db import migrations

EVENTS = "'received', 'purchased', 'authorised', 'confirmed', 'loaded', 'probed', 'on_sale', 'withdrawn', 'frozen'"
SQL = f"""
ALTER TABLE cards_source ADD COLUMN checks_cards boolean NOT NULL DEFAULT false;
ALTER TABLE cards_provenance DROP CONSTRAINT cards_provenance_event_check;
ALTER TABLE cards_provenance ADD CONSTRAINT cards_provenance_event_check
    CHECK (event IN ({EVENTS}, 'cleared', 'recalled', 'cancelled'));
CREATE TABLE cards_probe (
    pool_id     bigint      NOT NULL REFERENCES cards_pool,
    turn        int         NOT NULL CHECK (turn > 0),
    card_id     bigint      NOT NULL,
    asked_at    timestamptz NOT NULL,
    answer      text        CHECK (answer IN ('unused', 'used', 'invalid', 'unknown')),
    answered_at timestamptz,
    PRIMARY KEY (pool_id, turn, card_id),
    FOREIGN KEY (pool_id, card_id) REFERENCES cards_card (pool_id, id),
    CHECK ((answer IS NULL) = (answered_at IS NULL))
);
"""
BACK = """
DROP TABLE cards_probe;
ALTER TABLE cards_source DROP COLUMN checks_cards;
"""


class Migration(migrations.Migration):
    dependencies = [("cards", "0008_erased_checked")]
    operations = [migrations.RunSQL(SQL, BACK)]
