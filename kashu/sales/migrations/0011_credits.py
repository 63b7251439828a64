"""What a claim gave back to a purchase account, for which order and for how many of its cards."""

from django.db import migrations

SQL = """
CREATE TABLE sales_credit (
    pool_id    bigint      NOT NULL,
    id         uuid        NOT NULL,
    order_id   uuid        NOT NULL,
    account_id bigint      NOT NULL REFERENCES sales_account,
    amount_fen bigint      NOT NULL CHECK (amount_fen > 0),
    cards      int         NOT NULL CHECK (cards >= 0),
    reason     text        NOT NULL,
    made_by    text        NOT NULL,
    made_at    timestamptz NOT NULL,
    PRIMARY KEY (pool_id, id),
    FOREIGN KEY (pool_id, order_id) REFERENCES sales_order (pool_id, id)
);
CREATE INDEX sales_credit_of_order ON sales_credit (pool_id, order_id);
"""


class Migration(migrations.Migration):
    dependencies = [("sales", "0010_minors")]
    operations = [migrations.RunSQL(SQL, "DROP TABLE sales_credit")]
