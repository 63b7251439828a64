"""A report to an authority counts once it was sent, with what was given for it (C-11, C-12); why a seller need not register."""

from django.db import migrations

SQL = """
CREATE TABLE party_report_sent (
    report_id uuid        PRIMARY KEY REFERENCES party_report,
    authority text        NOT NULL CHECK (length(authority) BETWEEN 1 AND 200),
    receipt   text        NOT NULL CHECK (length(receipt) BETWEEN 1 AND 200),
    sent_by   text        NOT NULL,
    sent_at   timestamptz NOT NULL
);
CREATE TABLE party_exemption (
    party_id    bigint      NOT NULL REFERENCES party_supplier,
    ground      text        NOT NULL CHECK (ground IN ('farm', 'craft', 'labour', 'petty', 'law')),
    declared_by text        NOT NULL,
    declared_at timestamptz NOT NULL,
    PRIMARY KEY (party_id, declared_at)
);
"""


class Migration(migrations.Migration):
    dependencies = [("party", "0009_barred_from")]
    operations = [migrations.RunSQL(SQL, "DROP TABLE party_exemption, party_report_sent")]
