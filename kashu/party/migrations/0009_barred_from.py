"""Where a supplier stood when it was blacklisted: an appeal that is upheld leads back there, and not past it."""

from django.db import migrations

SQL = "ALTER TABLE party_supplier ADD COLUMN barred_from text"


class Migration(migrations.Migration):
    dependencies = [("party", "0008_changes")]
    operations = [migrations.RunSQL(SQL, "ALTER TABLE party_supplier DROP COLUMN barred_from")]
