"""Real cashiers: channel instances with keys, methods, limits and health; unknown outcomes; refunds in parts."""

from django.db import migrations

SQL = """
CREATE TABLE payments_key (
    channel_id text        NOT NULL REFERENCES payments_channel,
    use        text        NOT NULL CHECK (use IN ('sign', 'verify', 'open', 'app')),
    serial     text        NOT NULL CHECK (length(serial) <= 128),
    public     text        NOT NULL DEFAULT '',
    sealed     bytea       NOT NULL DEFAULT '',
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz CHECK (ends_at > starts_at),
    PRIMARY KEY (channel_id, use, serial),
    CONSTRAINT payments_key_theirs_or_ours CHECK ((use = 'verify') = (public <> '') AND (use = 'verify') = (sealed = ''))
);
INSERT INTO payments_key (channel_id, use, serial, public, sealed, starts_at)
    SELECT id, 'verify', '', public_key, '', '2026-01-01Z' FROM payments_channel WHERE public_key <> '';
INSERT INTO payments_key (channel_id, use, serial, public, sealed, starts_at)
    SELECT id, 'sign', '', '', sealed_key, '2026-01-01Z' FROM payments_channel WHERE length(sealed_key) > 0;
UPDATE payments_channel SET is_open = false;   -- what was open spoke the first sandbox's protocol, which is gone
ALTER TABLE payments_channel DROP CONSTRAINT payments_channel_open_with_keys;
ALTER TABLE payments_channel DROP COLUMN public_key;
ALTER TABLE payments_channel DROP COLUMN sealed_key;
ALTER TABLE payments_channel ADD COLUMN app_id text NOT NULL DEFAULT '';
ALTER TABLE payments_channel ADD COLUMN payee text NOT NULL DEFAULT '';
ALTER TABLE payments_channel ADD COLUMN methods text[] NOT NULL DEFAULT '{}'
    CHECK (methods <@ '{h5,jsapi,native,app,page}'::text[]);
ALTER TABLE payments_channel ADD COLUMN weight int NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 1000);
ALTER TABLE payments_channel ADD COLUMN amount_fen_min bigint NOT NULL DEFAULT 1 CHECK (amount_fen_min > 0);
ALTER TABLE payments_channel ADD COLUMN amount_fen_max bigint NOT NULL DEFAULT 5000000;
ALTER TABLE payments_channel ADD COLUMN day_fen_max bigint CHECK (day_fen_max > 0);
ALTER TABLE payments_channel ADD COLUMN confirm_fen bigint DEFAULT 100000 CHECK (confirm_fen > 0);
ALTER TABLE payments_channel ADD COLUMN sign_serial text;
ALTER TABLE payments_channel ADD COLUMN verify_serial text;
ALTER TABLE payments_channel ADD COLUMN sign_use text NOT NULL DEFAULT 'sign' CHECK (sign_use = 'sign');
ALTER TABLE payments_channel ADD COLUMN verify_use text NOT NULL DEFAULT 'verify' CHECK (verify_use = 'verify');
ALTER TABLE payments_channel ADD CONSTRAINT payments_channel_signs_with
    FOREIGN KEY (id, sign_use, sign_serial) REFERENCES payments_key (channel_id, use, serial);
ALTER TABLE payments_channel ADD CONSTRAINT payments_channel_verifies_with
    FOREIGN KEY (id, verify_use, verify_serial) REFERENCES payments_key (channel_id, use, serial);
ALTER TABLE payments_channel ADD CONSTRAINT payments_channel_open_with_keys
    CHECK (NOT is_open OR (sign_serial IS NOT NULL AND verify_serial IS NOT NULL AND merchant <> '' AND app_id <> ''));
ALTER TABLE payments_channel ADD CONSTRAINT payments_channel_amounts CHECK (amount_fen_min <= amount_fen_max);
CREATE TABLE payments_taken (
    channel_id text    NOT NULL REFERENCES payments_channel,
    day        date    NOT NULL,
    slot       int     NOT NULL,
    times      bigint  NOT NULL,
    amount_fen bigint  NOT NULL,
    PRIMARY KEY (channel_id, day, slot)
);
CREATE TABLE payments_health (
    channel_id text        NOT NULL REFERENCES payments_channel,
    minute     timestamptz NOT NULL,
    call       text        NOT NULL,
    told       text        NOT NULL CHECK (told IN ('ok', 'refused', 'unknown')),
    times      int         NOT NULL,
    took_ms    bigint      NOT NULL,
    PRIMARY KEY (channel_id, minute, call, told)
);
ALTER TABLE payments_payment ADD COLUMN method text NOT NULL DEFAULT 'h5';
ALTER TABLE payments_payment ADD COLUMN shape text NOT NULL DEFAULT 'redirect'
    CHECK (shape IN ('redirect', 'qr', 'call'));
ALTER TABLE payments_payment DROP CONSTRAINT payments_payment_state_check;
ALTER TABLE payments_payment ADD CONSTRAINT payments_payment_state_check
    CHECK (state IN ('created', 'paying', 'unknown', 'paid', 'closed'));
CREATE UNIQUE INDEX payments_payment_one_open ON payments_payment (pool_id, order_id)
    WHERE state IN ('created', 'paying', 'unknown');
ALTER TABLE payments_transaction ADD COLUMN amount_fen bigint NOT NULL DEFAULT 0;
ALTER TABLE payments_transaction ADD COLUMN refunded_fen bigint NOT NULL DEFAULT 0;
UPDATE payments_transaction AS taken SET amount_fen = payment.amount_fen
    FROM payments_payment AS payment WHERE payment.pool_id = taken.pool_id AND payment.id = taken.payment_id;
UPDATE payments_transaction AS taken SET refunded_fen = least(sent.fen, taken.amount_fen) FROM (
    SELECT payment.channel_id, refund.gateway_no, sum(refund.amount_fen) AS fen
    FROM payments_refund AS refund JOIN payments_payment AS payment
        ON payment.pool_id = refund.pool_id AND payment.id = refund.payment_id
    WHERE refund.state <> 'refused' GROUP BY 1, 2
) AS sent WHERE sent.channel_id = taken.channel_id AND sent.gateway_no = taken.gateway_no;
ALTER TABLE payments_transaction ALTER COLUMN amount_fen DROP DEFAULT;
ALTER TABLE payments_transaction ADD CONSTRAINT payments_transaction_refunds_within
    CHECK (refunded_fen BETWEEN 0 AND amount_fen);
ALTER TABLE payments_refund DROP CONSTRAINT payments_refund_state_check;
ALTER TABLE payments_refund ADD CONSTRAINT payments_refund_state_check
    CHECK (state IN ('requested', 'unknown', 'done', 'refused'));
ALTER TABLE payments_refund DROP CONSTRAINT payments_refund_pool_id_payment_id_gateway_no_key;
CREATE INDEX payments_refund_of_order ON payments_refund (pool_id, order_id);
ALTER TABLE payments_event DROP CONSTRAINT payments_event_verdict_check;
ALTER TABLE payments_event ADD CONSTRAINT payments_event_verdict_check
    CHECK (verdict IN ('paid', 'late', 'repeated', 'paid_twice', 'to_confirm', 'quarantined'));
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_payments")]
    operations = [migrations.RunSQL(SQL, migrations.RunSQL.noop)]
