"""What the dates of brand authorisations call for, as of licences (§2.2): the same steps, kept apart by what they hang on."""

from django.db import migrations

SQL = """
CREATE TABLE compliance_link_alert (
    authorisation_id bigint      NOT NULL REFERENCES compliance_authorisation,
    what             text        NOT NULL,
    severity         text        NOT NULL CHECK (severity IN ('notice', 'warning', 'critical')),
    due_on           date        NOT NULL,
    raised_at        timestamptz NOT NULL,
    PRIMARY KEY (authorisation_id, what)
);
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0007_territory")]
    operations = [migrations.RunSQL(SQL, "DROP TABLE compliance_link_alert")]
