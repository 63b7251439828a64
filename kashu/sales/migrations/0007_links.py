"""The short link in a message: one browser gets one order by it. Of the token only a keyed hash is kept."""

from django.db import migrations

SQL = """
CREATE TABLE sales_link (
    hash           bytea       PRIMARY KEY CHECK (length(hash) = 16),
    pool_id        bigint      NOT NULL,
    order_id       uuid        NOT NULL,
    phone_identity bytea       NOT NULL,
    made_at        timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    used_at        timestamptz,
    device         bytea,
    CHECK ((used_at IS NULL) = (device IS NULL))
);
CREATE INDEX sales_link_expired ON sales_link (expires_at);
ALTER TABLE sales_possession DROP CONSTRAINT sales_possession_how_check;
ALTER TABLE sales_possession ADD CONSTRAINT sales_possession_how_check CHECK (how IN ('checkout', 'code', 'link')) NOT VALID;
ALTER TABLE sales_possession VALIDATE CONSTRAINT sales_possession_how_check;
"""
BACK = """
DROP TABLE sales_link;
DELETE FROM sales_possession WHERE how = 'link';
ALTER TABLE sales_possession DROP CONSTRAINT sales_possession_how_check;
ALTER TABLE sales_possession ADD CONSTRAINT sales_possession_how_check CHECK (how IN ('checkout', 'code'));
"""


class Migration(migrations.Migration):
    dependencies = [("sales", "0006_fewer_indexes")]
    operations = [migrations.RunSQL(SQL, BACK)]
