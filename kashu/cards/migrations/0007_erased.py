"""A secret whose purpose has ended is erased (S-08): its card stays, with its fingerprint, which was keyed and says nothing."""

from django.db import migrations

SQL = """
ALTER TABLE cards_card ADD COLUMN erased_at timestamptz;
ALTER TABLE cards_card ADD COLUMN fingerprint bytea;
ALTER TABLE cards_card DROP CONSTRAINT cards_card_sold_has_content;
ALTER TABLE cards_card ADD CONSTRAINT cards_card_sold_has_content
    CHECK (state <> 'sold' OR sealed IS NOT NULL OR content_id IS NOT NULL OR erased_at IS NOT NULL) NOT VALID;
ALTER TABLE cards_card ADD CONSTRAINT cards_card_erased_is_empty
    CHECK (erased_at IS NULL OR (state = 'sold' AND sealed IS NULL AND length(fingerprint) = 32)) NOT VALID;
"""
BACK = """
ALTER TABLE cards_card DROP CONSTRAINT cards_card_erased_is_empty;
ALTER TABLE cards_card DROP CONSTRAINT cards_card_sold_has_content;
ALTER TABLE cards_card ADD CONSTRAINT cards_card_sold_has_content
    CHECK (state <> 'sold' OR sealed IS NOT NULL OR content_id IS NOT NULL) NOT VALID;
ALTER TABLE cards_card DROP COLUMN fingerprint;
ALTER TABLE cards_card DROP COLUMN erased_at;
"""


class Migration(migrations.Migration):
    dependencies = [("cards", "0006_papers")]
    operations = [migrations.RunSQL(SQL, BACK)]
