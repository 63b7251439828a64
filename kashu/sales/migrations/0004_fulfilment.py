"""Orders that are paid first and delivered when somebody has done them: 直充 through a supplier, 代充 by hand."""

from django.db import migrations

SQL = """
CREATE TABLE sales_fulfilment (
    pool_id     bigint      NOT NULL,
    order_id    uuid        NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('on_demand', 'manual')),
    state       text        NOT NULL CHECK (state IN ('unpaid', 'waiting', 'sent', 'done', 'failed')),
    form_sealed bytea       NOT NULL,
    shown       text        NOT NULL,
    due_at      timestamptz,
    tries       int         NOT NULL DEFAULT 0 CHECK (tries >= 0),
    sent_at     timestamptz,
    taken_by    text        NOT NULL DEFAULT '',
    trouble     text        NOT NULL DEFAULT '',
    ended_at    timestamptz,
    PRIMARY KEY (pool_id, order_id),
    CHECK ((state IN ('done', 'failed')) = (ended_at IS NOT NULL)),
    CHECK ((state IN ('waiting', 'sent')) <= (due_at IS NOT NULL)),
    CHECK ((state = 'sent') <= (sent_at IS NOT NULL))
);
CREATE INDEX sales_fulfilment_open ON sales_fulfilment (due_at, order_id) WHERE state IN ('waiting', 'sent');
"""


class Migration(migrations.Migration):
    dependencies = [("sales", "0003_bulk"), ("cards", "0003_labels"), ("catalog", "0003_form")]
    operations = [migrations.RunSQL(SQL, "DROP TABLE sales_fulfilment;")]
