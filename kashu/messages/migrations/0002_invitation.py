"""One purpose more: the link that invites somebody to act for an organisation."""

from django.db import migrations

NAMES = "'code', 'delivered', 'issued', 'refunded', 'card', 'warning'"
TABLES = ("messages_template", "messages_message")
FORWARD = ";".join(
    f"ALTER TABLE {table} DROP CONSTRAINT {table}_purpose_check;"
    f"ALTER TABLE {table} ADD CONSTRAINT {table}_purpose_check CHECK (purpose IN ({NAMES}, 'invitation'))"
    for table in TABLES
)
BACK = FORWARD.replace(", 'invitation'", "")


class Migration(migrations.Migration):
    dependencies = [("kashu_messages", "0001_messages")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
