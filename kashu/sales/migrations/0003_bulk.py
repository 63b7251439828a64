"""Bulk purchases (a job, its steps, its sealed file), and invoices asked for."""

from django.db import migrations

SQL = """
CREATE TABLE sales_bulk (
    id              uuid        PRIMARY KEY,
    account_id      bigint      NOT NULL REFERENCES sales_account,
    code            text        NOT NULL,
    quantity        int         NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
    reference       text        NOT NULL DEFAULT '',
    state           text        NOT NULL CHECK (state IN ('running', 'packing', 'done')),
    bought          int         NOT NULL DEFAULT 0 CHECK (bought BETWEEN 0 AND quantity),
    spent_fen       bigint      NOT NULL DEFAULT 0,
    steps           int         NOT NULL DEFAULT 0,
    stopped_by      text        NOT NULL DEFAULT '',
    sealed_password bytea,
    file_bytes      bigint      NOT NULL DEFAULT 0,
    file_sha256     text        NOT NULL DEFAULT '',
    made_by         text        NOT NULL,
    made_at         timestamptz NOT NULL,
    done_at         timestamptz,
    CHECK ((state = 'done') = (done_at IS NOT NULL)),
    CHECK (state = 'done' OR sealed_password IS NOT NULL)
);
CREATE INDEX sales_bulk_of_account ON sales_bulk (account_id, made_at);
CREATE TABLE sales_bulk_step (
    bulk_id  uuid   NOT NULL REFERENCES sales_bulk,
    no       int    NOT NULL,
    pool_id  bigint NOT NULL,
    order_id uuid   NOT NULL,
    PRIMARY KEY (bulk_id, no)
);
CREATE TABLE sales_bulk_piece (
    bulk_id uuid  NOT NULL REFERENCES sales_bulk,
    no      int   NOT NULL,
    content bytea NOT NULL CHECK (length(content) <= 1048576),
    PRIMARY KEY (bulk_id, no)
);
CREATE TABLE sales_invoice (
    id         uuid        PRIMARY KEY,
    account_id bigint      NOT NULL REFERENCES sales_account,
    month      date        NOT NULL CHECK (extract(day FROM month) = 1),
    title      text        NOT NULL CHECK (title <> ''),
    tax_no     text        NOT NULL CHECK (tax_no <> ''),
    amount_fen bigint      NOT NULL CHECK (amount_fen > 0),
    state      text        NOT NULL CHECK (state IN ('asked', 'issued', 'refused')),
    number     text        NOT NULL DEFAULT '',
    asked_by   text        NOT NULL,
    asked_at   timestamptz NOT NULL,
    decided_by text        NOT NULL DEFAULT '',
    decided_at timestamptz,
    CHECK ((state = 'asked') = (decided_at IS NULL)),
    CHECK (state <> 'issued' OR number <> '')
);
CREATE UNIQUE INDEX sales_invoice_once ON sales_invoice (account_id, month) WHERE state <> 'refused';
"""
BACK = "DROP TABLE sales_invoice, sales_bulk_piece, sales_bulk_step, sales_bulk"


class Migration(migrations.Migration):
    dependencies = [("sales", "0002_purchases")]
    operations = [migrations.RunSQL(SQL, BACK)]
