"""One purpose more: a supplier is reminded to put its public data right (C-13)."""

from django.db import migrations

NAMES = "'code', 'delivered', 'issued', 'refunded', 'card', 'warning', 'invitation'"
TABLES = ("messages_template", "messages_message")
FORWARD = ";".join(
    f"ALTER TABLE {table} DROP CONSTRAINT {table}_purpose_check;"
    f"ALTER TABLE {table} ADD CONSTRAINT {table}_purpose_check CHECK (purpose IN ({NAMES}, 'reminder'))"
    for table in TABLES
)
BACK = FORWARD.replace(", 'reminder'", "")


class Migration(migrations.Migration):
    dependencies = [("kashu_messages", "0002_invitation")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
