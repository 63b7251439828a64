"""A renewal that begins later is verified beside the licence that it renews: one of a number for each day it may begin."""

from django.db import migrations

SQL = """
DROP INDEX compliance_licence_one;
CREATE UNIQUE INDEX compliance_licence_one ON compliance_licence (party_id, kind, number, valid_from)
    WHERE state = 'verified';
"""
BACK = """
DROP INDEX compliance_licence_one;
CREATE UNIQUE INDEX compliance_licence_one ON compliance_licence (party_id, kind, number) WHERE state = 'verified';
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0008_link_alerts")]
    operations = [migrations.RunSQL(SQL, BACK)]
