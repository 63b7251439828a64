"""Cards are void as well because they were recalled, or paid for in place of their supplier (§2.3)."""

from django.db import migrations

CAUSES = "'bad_card', 'goodwill', 'minor'"
NAME = "cards_card_void_has_cause"


def widened(causes: str) -> list[str]:
    """Another list of causes; a table this large is checked without being locked for it."""
    check = f"CHECK (void_cause IS NULL OR (voided_at IS NOT NULL AND void_cause IN ({causes})))"
    return [
        f"ALTER TABLE cards_card DROP CONSTRAINT IF EXISTS {NAME}, ADD CONSTRAINT {NAME} {check} NOT VALID",
        "SET statement_timeout = 0",
        f"ALTER TABLE cards_card VALIDATE CONSTRAINT {NAME}",
        "RESET statement_timeout",
    ]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("cards", "0012_causes_checked")]
    operations = [
        migrations.RunSQL(do, back) for do, back in zip(widened(f"{CAUSES}, 'recall'"), widened(CAUSES), strict=True)
    ]
