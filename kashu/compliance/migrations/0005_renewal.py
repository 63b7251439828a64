"""A licence is renewed under the number that it has: one in force and one that waits, and what was taken back bars nothing."""

from django.db import migrations

SQL = """
DROP INDEX compliance_licence_one;
CREATE UNIQUE INDEX compliance_licence_one ON compliance_licence (party_id, kind, number) WHERE state = 'verified';
CREATE UNIQUE INDEX compliance_licence_waiting ON compliance_licence (party_id, kind, number)
    WHERE state IN ('draft', 'submitted', 'auto_checked', 'in_review');
"""
BACK = """
DROP INDEX compliance_licence_waiting;
DROP INDEX compliance_licence_one;
CREATE UNIQUE INDEX compliance_licence_one ON compliance_licence (party_id, kind, number)
    WHERE state NOT IN ('rejected', 'superseded');
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0004_takedown")]
    operations = [migrations.RunSQL(SQL, BACK)]
