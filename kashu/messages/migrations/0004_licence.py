"""One purpose more: a supplier is told of what the dates of its licences call for (C-03)."""

from django.db import migrations

NAMES = "'code', 'delivered', 'issued', 'refunded', 'card', 'warning', 'invitation', 'reminder'"
TABLES = ("messages_template", "messages_message")
FORWARD = ";".join(
    f"ALTER TABLE {table} DROP CONSTRAINT {table}_purpose_check;"
    f"ALTER TABLE {table} ADD CONSTRAINT {table}_purpose_check CHECK (purpose IN ({NAMES}, 'licence'))"
    for table in TABLES
)
BACK = FORWARD.replace(", 'licence'", "")


class Migration(migrations.Migration):
    dependencies = [("kashu_messages", "0003_reminder")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
