"""Orders, sale lines with all that a sale must remember, and what bounds a buyer."""

from django.db import migrations

SQL = """
CREATE TABLE sales_order (
    pool_id        bigint      NOT NULL,
    id             uuid        NOT NULL,
    number         text        NOT NULL,
    token          text        NOT NULL,
    state          text        NOT NULL CHECK (state IN ('placed', 'paid', 'delivered', 'completed', 'expired',
                                                         'cancelled', 'refunding', 'refunded', 'disputed')),
    quantity       int         NOT NULL CHECK (quantity > 0),
    total_fen      bigint      NOT NULL CHECK (total_fen > 0),
    open_id        text        NOT NULL DEFAULT '',
    phone_sealed   bytea,
    phone_identity bytea,
    phone_tail     text        NOT NULL DEFAULT '',
    device         bytea       NOT NULL,
    address        bytea       NOT NULL,
    source_entry   text        NOT NULL DEFAULT 'store',
    live_room      text        NOT NULL DEFAULT '',
    author         text        NOT NULL DEFAULT '',
    video          text        NOT NULL DEFAULT '',
    community      text        NOT NULL DEFAULT '',
    link           text        NOT NULL DEFAULT '',
    consent_at     timestamptz NOT NULL,
    consent_hash   text        NOT NULL,
    placed_at      timestamptz NOT NULL,
    hold_until     timestamptz NOT NULL,
    paid_at        timestamptz,
    paid_late      boolean     NOT NULL DEFAULT false,
    delivered_at   timestamptz,
    closed_at      timestamptz,
    close_reason   text        NOT NULL DEFAULT '',
    PRIMARY KEY (pool_id, id),
    UNIQUE (pool_id, number),
    UNIQUE (pool_id, token),
    CHECK (state NOT IN ('delivered', 'completed') OR (paid_at IS NOT NULL AND delivered_at IS NOT NULL))
);
CREATE INDEX sales_order_lapsing ON sales_order (pool_id, hold_until) WHERE state = 'placed';
CREATE INDEX sales_order_lapsing_anywhere ON sales_order (hold_until) WHERE state = 'placed';
CREATE INDEX sales_order_newest ON sales_order (placed_at, id);
CREATE INDEX sales_order_of_tail ON sales_order (phone_tail, placed_at) WHERE phone_tail <> '';
CREATE INDEX sales_order_of_state ON sales_order (state, placed_at, id);
CREATE TABLE sales_line (
    pool_id         bigint      NOT NULL,
    id              uuid        NOT NULL,
    order_pool_id   bigint      NOT NULL,
    order_id        uuid        NOT NULL,
    sku_id          bigint      NOT NULL REFERENCES catalog_sku,
    seller_id       bigint      NOT NULL REFERENCES party_party,
    supplier_id     bigint      NOT NULL REFERENCES party_party,
    quantity        int         NOT NULL CHECK (quantity > 0),
    price_fen       bigint      NOT NULL CHECK (price_fen > 0),
    list_price_fen  bigint,
    price_steps     jsonb       NOT NULL,
    total_fen       bigint      NOT NULL CHECK (total_fen = price_fen * quantity),
    cost_fen        bigint      NOT NULL CHECK (cost_fen >= 0),
    is_third_party  boolean     NOT NULL,
    fee_rule_id     bigint      NOT NULL REFERENCES catalog_fee_rule,
    commission_fen  bigint      NOT NULL CHECK (commission_fen BETWEEN 0 AND total_fen),
    page_hash       bytea       NOT NULL REFERENCES catalog_page,
    agreement_id    bigint      NOT NULL REFERENCES catalog_agreement,
    risk_hold       text        NOT NULL DEFAULT 'clear' CHECK (risk_hold IN ('clear', 'held', 'refused')),
    redemption      text        NOT NULL DEFAULT 'unknown' CHECK (redemption IN ('unknown', 'redeemed', 'undone', 'invalid')),
    placed_on       date        NOT NULL,
    delivered_at    timestamptz,
    revealed_at     timestamptz,
    warranty_ends_on date,
    PRIMARY KEY (pool_id, id)
);
CREATE INDEX sales_line_of_order ON sales_line (pool_id, order_id);
CREATE INDEX sales_line_of_parent ON sales_line (order_id);
CREATE INDEX sales_line_of_day ON sales_line (placed_on, sku_id);
CREATE TABLE sales_key (
    scope    bytea       NOT NULL,
    key      text        NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    asked    text        NOT NULL,
    pool_id  bigint      NOT NULL,
    order_id uuid        NOT NULL,
    made_at  timestamptz NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE TABLE sales_bucket (
    bucket bytea PRIMARY KEY
);
CREATE TABLE sales_quota (
    bucket     bytea       NOT NULL REFERENCES sales_bucket,
    order_id   uuid        NOT NULL,
    sku_id     bigint      NOT NULL,
    quantity   int         NOT NULL,
    held_until timestamptz,
    PRIMARY KEY (bucket, order_id, sku_id)
);
CREATE INDEX sales_quota_of_order ON sales_quota (order_id);
CREATE TABLE sales_possession (
    pool_id    bigint      NOT NULL,
    order_id   uuid        NOT NULL,
    device     bytea       NOT NULL,
    granted_at timestamptz NOT NULL,
    how        text        NOT NULL CHECK (how IN ('checkout', 'code')),
    PRIMARY KEY (pool_id, order_id, device)
);
CREATE TABLE sales_code (
    id             uuid        PRIMARY KEY,
    phone_identity bytea       NOT NULL,
    device         bytea       NOT NULL,
    code_hash      bytea       NOT NULL,
    made_at        timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    tries          int         NOT NULL DEFAULT 0,
    used_at        timestamptz
);
CREATE INDEX sales_code_newest ON sales_code (phone_identity, device, made_at);
CREATE TABLE sales_buyer_order (
    buyer     bytea       NOT NULL,
    placed_at timestamptz NOT NULL,
    pool_id   bigint      NOT NULL,
    order_id  uuid        NOT NULL,
    PRIMARY KEY (buyer, order_id)
);
CREATE INDEX sales_buyer_order_newest ON sales_buyer_order (buyer, placed_at);
CREATE TABLE sales_incident (
    id       uuid        PRIMARY KEY,
    kind     text        NOT NULL,
    pool_id  bigint      NOT NULL,
    order_id uuid        NOT NULL,
    at       timestamptz NOT NULL,
    detail   text        NOT NULL DEFAULT ''
);
CREATE INDEX sales_incident_newest ON sales_incident (at);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("catalog", "0001_catalog"), ("cards", "0001_cards"), ("payments", "0001_payments")]
    operations = [
        migrations.RunSQL(
            SQL,
            "DROP TABLE sales_incident, sales_buyer_order, sales_code, sales_possession, sales_quota, sales_bucket,"
            " sales_key, sales_line, sales_order",
        )
    ]
