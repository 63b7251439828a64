"""Payment channels, payments, every notice as it came, refunds."""

from django.db import migrations

SQL = """
CREATE TABLE payments_channel (
    id         text    PRIMARY KEY CHECK (id ~ '^[a-z0-9-]{2,32}$'),
    kind       text    NOT NULL,
    title      text    NOT NULL,
    merchant   text    NOT NULL,
    gateway    text    NOT NULL,
    public_key text    NOT NULL,
    sealed_key bytea   NOT NULL,
    is_open    boolean NOT NULL DEFAULT false,
    CONSTRAINT payments_channel_open_with_keys
        CHECK (NOT is_open OR (public_key <> '' AND length(sealed_key) > 0 AND merchant <> ''))
);
CREATE TABLE payments_payment (
    pool_id       bigint      NOT NULL,
    id            uuid        NOT NULL,
    order_id      uuid        NOT NULL,
    channel_id    text        NOT NULL REFERENCES payments_channel,
    trade_no      text        NOT NULL,
    amount_fen    bigint      NOT NULL CHECK (amount_fen > 0),
    currency      text        NOT NULL DEFAULT 'CNY',
    state         text        NOT NULL CHECK (state IN ('created', 'paying', 'paid', 'closed')),
    pay_url       text        NOT NULL DEFAULT '',
    gateway_no    text,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    paid_at       timestamptz,
    PRIMARY KEY (pool_id, id),
    UNIQUE (pool_id, channel_id, trade_no),
    CHECK ((state = 'paid') = (paid_at IS NOT NULL AND gateway_no IS NOT NULL))
);
CREATE INDEX payments_payment_of_order ON payments_payment (pool_id, order_id);
CREATE TABLE payments_event (
    channel_id  text        NOT NULL,
    event_id    text        NOT NULL,
    trade_no    text        NOT NULL,
    gateway_no  text        NOT NULL,
    amount_fen  bigint      NOT NULL,
    body        bytea       NOT NULL,
    source      text        NOT NULL CHECK (source IN ('notice', 'query')),
    verdict     text        NOT NULL CHECK (verdict IN ('paid', 'late', 'repeated', 'paid_twice', 'quarantined')),
    detail      text        NOT NULL DEFAULT '',
    received_at timestamptz NOT NULL,
    PRIMARY KEY (channel_id, event_id, verdict)
);
CREATE INDEX payments_event_of_trade ON payments_event (trade_no);
CREATE INDEX payments_event_to_look_at ON payments_event (received_at) WHERE verdict IN ('quarantined', 'paid_twice');
CREATE TABLE payments_transaction (
    channel_id text   NOT NULL,
    gateway_no text   NOT NULL,
    pool_id    bigint NOT NULL,
    payment_id uuid   NOT NULL,
    PRIMARY KEY (channel_id, gateway_no)
);
CREATE TABLE payments_refund (
    pool_id      bigint      NOT NULL,
    id           uuid        NOT NULL,
    payment_id   uuid        NOT NULL,
    order_id     uuid        NOT NULL,
    gateway_no   text        NOT NULL,
    amount_fen   bigint      NOT NULL CHECK (amount_fen > 0),
    reason       text        NOT NULL,
    state        text        NOT NULL CHECK (state IN ('requested', 'done', 'refused')),
    tries        int         NOT NULL DEFAULT 0,
    requested_at timestamptz NOT NULL,
    done_at      timestamptz,
    trouble      text        NOT NULL DEFAULT '',
    PRIMARY KEY (pool_id, id),
    FOREIGN KEY (pool_id, payment_id) REFERENCES payments_payment (pool_id, id),
    UNIQUE (pool_id, payment_id, gateway_no),
    CHECK ((state = 'done') = (done_at IS NOT NULL))
);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(
            SQL,
            "DROP TABLE payments_refund, payments_transaction, payments_event, payments_payment, payments_channel",
        )
    ]
