"""Which pools were ever under an authorisation: those whose chain says so, though it was renewed since (compliance.md §2.5)."""

from django.db import migrations

SQL = """
CREATE INDEX cards_provenance_of_authorisation ON cards_provenance (((body->>'authorisation')::bigint))
    WHERE event = 'authorised';
"""


class Migration(migrations.Migration):
    dependencies = [("cards", "0009_probes")]
    operations = [migrations.RunSQL(SQL, "DROP INDEX cards_provenance_of_authorisation")]
