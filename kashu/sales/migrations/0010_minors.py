"""Whose orders count towards a minor's month, and the limit they were sold under (C-71). What counts is read from the orders."""

from django.db import migrations

SQL = """
CREATE TABLE sales_minor_order (
    holder        uuid   NOT NULL,
    placed_on     date   NOT NULL,
    pool_id       bigint NOT NULL,
    order_id      uuid   NOT NULL,
    month_fen_max bigint NOT NULL CHECK (month_fen_max > 0),
    PRIMARY KEY (holder, placed_on, order_id)
);
CREATE UNIQUE INDEX sales_minor_order_of_order ON sales_minor_order (order_id);
"""


class Migration(migrations.Migration):
    dependencies = [("sales", "0009_retention_found")]
    operations = [migrations.RunSQL(SQL, "DROP TABLE sales_minor_order")]
