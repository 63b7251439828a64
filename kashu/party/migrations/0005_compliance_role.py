"""A role for those who look after licences and provenance."""

from django.db import migrations, models

ROLES = ["owner", "operator", "finance", "support", "auditor", "compliance", "buyer"]


class Migration(migrations.Migration):
    dependencies = [("party", "0004_suppliers")]
    operations = [
        migrations.RemoveConstraint("person", "party_person_known_role"),
        migrations.AlterField(
            "person", "role", models.CharField(choices=[(role, role) for role in ROLES], max_length=20)
        ),
        migrations.AddConstraint(
            "person",
            models.CheckConstraint(condition=models.Q(("role__in", ROLES)), name="party_person_known_role"),
        ),
    ]
