"""Purchase accounts (contract prepayment of organisations), what they may buy at which price, and what they bought."""

from django.db import migrations

SQL = """
CREATE TABLE sales_account (
    id          bigint      PRIMARY KEY REFERENCES ledger_guarded (account_id),
    party_id    bigint      NOT NULL UNIQUE REFERENCES party_party,
    state       text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'frozen', 'closed')),
    order_max   int         NOT NULL DEFAULT 1000 CHECK (order_max BETWEEN 1 AND 1000),
    day_max_fen bigint      CHECK (day_max_fen > 0),
    spent_on    date        NOT NULL,
    spent_fen   bigint      NOT NULL DEFAULT 0 CHECK (spent_fen >= 0),
    opened_at   timestamptz NOT NULL,
    opened_by   text        NOT NULL
);
CREATE TABLE sales_contract_price (
    id         uuid        PRIMARY KEY,
    account_id bigint      NOT NULL REFERENCES sales_account,
    sku_id     bigint      NOT NULL REFERENCES catalog_sku,
    price_fen  bigint      NOT NULL CHECK (price_fen > 0),
    from_at    timestamptz NOT NULL,
    until_at   timestamptz CHECK (until_at > from_at),
    set_by     text        NOT NULL,
    set_at     timestamptz NOT NULL,
    reason     text        NOT NULL DEFAULT ''
);
CREATE INDEX sales_contract_price_of_account ON sales_contract_price (account_id, sku_id, from_at);
CREATE TABLE sales_topup (
    id             uuid        PRIMARY KEY,
    account_id     bigint      NOT NULL REFERENCES sales_account,
    amount_fen     bigint      NOT NULL CHECK (amount_fen > 0),
    contract_no    text        NOT NULL CHECK (contract_no <> ''),
    bank_reference text        NOT NULL CHECK (bank_reference <> ''),
    approval_id    uuid        NOT NULL REFERENCES audit_approval,
    state          text        NOT NULL CHECK (state IN ('asked', 'credited', 'cancelled')),
    asked_by       text        NOT NULL,
    asked_at       timestamptz NOT NULL,
    credited_at    timestamptz,
    CHECK ((state = 'credited') = (credited_at IS NOT NULL))
);
CREATE UNIQUE INDEX sales_topup_once ON sales_topup (bank_reference) WHERE state <> 'cancelled';
CREATE INDEX sales_topup_of_account ON sales_topup (account_id, asked_at);
CREATE TABLE sales_reference (
    account_id bigint NOT NULL REFERENCES sales_account,
    reference  text   NOT NULL CHECK (length(reference) BETWEEN 1 AND 64),
    pool_id    bigint NOT NULL,
    order_id   uuid   NOT NULL,
    PRIMARY KEY (account_id, reference)
);
ALTER TABLE sales_order ADD COLUMN account_id bigint;
ALTER TABLE sales_order ADD COLUMN reference text NOT NULL DEFAULT '';
ALTER TABLE sales_order ADD CONSTRAINT sales_order_of_somebody CHECK (account_id IS NOT NULL OR length(device) > 0) NOT VALID;
ALTER TABLE sales_order VALIDATE CONSTRAINT sales_order_of_somebody;
CREATE INDEX sales_key_oldest ON sales_key USING brin (made_at);
"""
BACK = """
DROP INDEX sales_key_oldest;
ALTER TABLE sales_order DROP COLUMN reference;
ALTER TABLE sales_order DROP COLUMN account_id;
DROP TABLE sales_reference, sales_topup, sales_contract_price, sales_account;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("sales", "0001_sales"),
        ("party", "0002_buyers"),
        ("audit", "0001_audit"),
        ("ledger", "0001_ledger"),
    ]
    operations = [migrations.RunSQL(SQL, BACK)]
