"""The term within which a person's request about their data is answered is told like the others when it is missed (C-53)."""

from django.db import migrations

THINGS = "'complaint', 'guardian', 'change', 'unreached'"


def checked(things: str) -> str:
    """Widened without a scan under the lock that it takes."""
    return f"""
    ALTER TABLE aftersale_breach DROP CONSTRAINT aftersale_breach_thing_check;
    ALTER TABLE aftersale_breach ADD CONSTRAINT aftersale_breach_thing_check CHECK (thing IN ({things})) NOT VALID;
    ALTER TABLE aftersale_breach VALIDATE CONSTRAINT aftersale_breach_thing_check;
    """


class Migration(migrations.Migration):
    dependencies = [("aftersale", "0001_aftersale"), ("party", "0006_onboarding")]
    operations = [migrations.RunSQL(checked(f"{THINGS}, 'request'"), checked(THINGS))]
