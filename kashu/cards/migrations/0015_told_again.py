"""A code that was called invalid, redeemed after all and taken back may be called invalid anew: another fact about it."""

from django.db import migrations

SQL = """
ALTER TABLE cards_invalid DROP CONSTRAINT cards_invalid_pkey, ADD PRIMARY KEY (pool_id, id);
ALTER TABLE cards_invalid ADD CONSTRAINT cards_invalid_key UNIQUE (pool_id, card_id, key);
"""
BACK = """
ALTER TABLE cards_invalid DROP CONSTRAINT cards_invalid_key;
ALTER TABLE cards_invalid DROP CONSTRAINT cards_invalid_pkey, ADD PRIMARY KEY (pool_id, card_id);
"""


class Migration(migrations.Migration):
    dependencies = [("cards", "0014_invalid")]
    operations = [migrations.RunSQL(SQL, BACK)]
