"""Whoever works for organisations has one role, for whichever they work: what they may do there follows from membership."""

from django.db import migrations, models

STAFF = ["owner", "operator", "finance", "support", "auditor", "compliance"]
ROLES = [*STAFF, "member"]
FORWARD = "UPDATE party_person SET role = 'member' WHERE role IN ('buyer', 'supplier')"
BACK = """
UPDATE party_person AS person SET role = CASE WHEN EXISTS (
    SELECT FROM party_member AS member JOIN party_party AS party ON party.id = member.party_id
    WHERE member.person_id = person.id AND party.kind = 'buyer') THEN 'buyer' ELSE 'supplier' END
WHERE role = 'member'
"""


class Migration(migrations.Migration):
    dependencies = [("party", "0013_erased")]
    operations = [
        migrations.RemoveConstraint("person", "party_person_known_role"),
        migrations.AlterField(
            "person", "role", models.CharField(choices=[(role, role) for role in ROLES], max_length=20)
        ),
        migrations.RunSQL(FORWARD, BACK),
        migrations.AddConstraint(
            "person",
            models.CheckConstraint(condition=models.Q(("role__in", ROLES)), name="party_person_known_role"),
        ),
    ]
