"""A product may be frozen by a takedown or closed for good (C-14); rules to come are commented on until they count (C-06)."""

from django.db import migrations

SQL = """
ALTER TABLE catalog_product DROP CONSTRAINT catalog_product_state_check;
ALTER TABLE catalog_product ADD CONSTRAINT catalog_product_state_check
    CHECK (state IN ('draft', 'on_sale', 'off_sale', 'frozen', 'closed'));
CREATE TABLE catalog_comment (
    id           uuid        PRIMARY KEY,
    agreement_id bigint      NOT NULL REFERENCES catalog_agreement,
    words        text        NOT NULL CHECK (length(words) BETWEEN 5 AND 1000),
    made_at      timestamptz NOT NULL
);
CREATE INDEX catalog_comment_of_agreement ON catalog_comment (agreement_id, made_at, id);
"""
BACK = """
DROP TABLE catalog_comment;
ALTER TABLE catalog_product DROP CONSTRAINT catalog_product_state_check;
ALTER TABLE catalog_product ADD CONSTRAINT catalog_product_state_check
    CHECK (state IN ('draft', 'on_sale', 'off_sale'));
"""


class Migration(migrations.Migration):
    dependencies = [("catalog", "0005_goods")]
    operations = [migrations.RunSQL(SQL, BACK)]
