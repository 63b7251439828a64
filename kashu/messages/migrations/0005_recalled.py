"""One purpose more: a buyer is told that delivered cards are recalled (§2.3)."""

from django.db import migrations

NAMES = "'code', 'delivered', 'issued', 'refunded', 'card', 'warning', 'invitation', 'reminder', 'licence'"
TABLES = ("messages_template", "messages_message")
FORWARD = ";".join(
    f"ALTER TABLE {table} DROP CONSTRAINT {table}_purpose_check;"
    f"ALTER TABLE {table} ADD CONSTRAINT {table}_purpose_check CHECK (purpose IN ({NAMES}, 'recalled'))"
    for table in TABLES
)
BACK = FORWARD.replace(", 'recalled'", "")


class Migration(migrations.Migration):
    dependencies = [("kashu_messages", "0004_licence")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
