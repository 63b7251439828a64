"""Bills of payment channels, their lines, and the cases that come of breaks."""

from django.db import migrations

SQL = """
CREATE TABLE settlement_bill (
    id              uuid        PRIMARY KEY,
    channel_id      text        NOT NULL REFERENCES payments_channel,
    day             date        NOT NULL,
    kind            text        NOT NULL CHECK (kind IN ('trade', 'fund')),
    version         int         NOT NULL CHECK (version > 0),
    source          text        NOT NULL CHECK (source IN ('fetched', 'uploaded')),
    state           text        NOT NULL
        CHECK (state IN ('fetching', 'loading', 'loaded', 'matching', 'matched', 'failed', 'superseded')),
    sha256          text        NOT NULL DEFAULT '',
    size            bigint      NOT NULL DEFAULT 0,
    spool           text        NOT NULL DEFAULT '',
    lines_total     int         NOT NULL DEFAULT 0,
    lines_loaded    int         NOT NULL DEFAULT 0,
    lines_matched   int         NOT NULL DEFAULT 0,
    windows_done    int         NOT NULL DEFAULT 0,
    payments        int         NOT NULL DEFAULT 0,
    refunds         int         NOT NULL DEFAULT 0,
    bill_fen        bigint      NOT NULL DEFAULT 0,
    fee_fen         bigint      NOT NULL DEFAULT 0,
    matched         int         NOT NULL DEFAULT 0,
    matched_fen     bigint      NOT NULL DEFAULT 0,
    breaks          int         NOT NULL DEFAULT 0,
    break_fen       bigint      NOT NULL DEFAULT 0,
    booked_fen      bigint      NOT NULL DEFAULT 0,
    ledger_fen      bigint      NOT NULL DEFAULT 0,
    ledger_only_fen bigint      NOT NULL DEFAULT 0,
    trouble         text        NOT NULL DEFAULT '',
    asked_by        text        NOT NULL,
    opened_at       timestamptz NOT NULL,
    loaded_at       timestamptz,
    matched_at      timestamptz,
    UNIQUE (channel_id, day, kind, version),
    CHECK (lines_matched <= lines_loaded),
    CHECK ((state IN ('matched', 'superseded')) = (matched_at IS NOT NULL)),
    CONSTRAINT settlement_bill_adds_up CHECK (
        state <> 'matched' OR kind <> 'trade' OR (
            bill_fen = matched_fen + break_fen AND ledger_fen = matched_fen + booked_fen + ledger_only_fen))
);
CREATE UNIQUE INDEX settlement_bill_under_way ON settlement_bill (channel_id, day, kind)
    WHERE state IN ('fetching', 'loading', 'loaded', 'matching');
CREATE UNIQUE INDEX settlement_bill_in_force ON settlement_bill (channel_id, day, kind) WHERE state = 'matched';
CREATE TABLE settlement_bill_line (
    bill_id    uuid        NOT NULL REFERENCES settlement_bill,
    line_no    int         NOT NULL,
    kind       text        NOT NULL CHECK (kind IN ('payment', 'refund', 'fee', 'split', 'other')),
    pool_id    bigint      NOT NULL,
    refund_id  uuid,
    gateway_no text        NOT NULL,
    trade_no   text        NOT NULL,
    refund_no  text        NOT NULL,
    amount_fen bigint      NOT NULL,
    fee_fen    bigint      NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (bill_id, line_no)
);
CREATE INDEX settlement_bill_line_of_number ON settlement_bill_line (gateway_no, bill_id, line_no);
CREATE TABLE settlement_case (
    id          uuid        PRIMARY KEY,
    bill_id     uuid        NOT NULL REFERENCES settlement_bill,
    channel_id  text        NOT NULL REFERENCES payments_channel,
    day         date        NOT NULL,
    kind        text        NOT NULL
        CHECK (kind IN ('long', 'short', 'amount_differs', 'late', 'unknown', 'duplicate')),
    subject     text        NOT NULL,
    line_no     int,
    line_kind   text        NOT NULL CHECK (line_kind IN ('payment', 'refund', 'fee', 'split', 'other')),
    pool_id     bigint      NOT NULL,
    payment_id  uuid,
    order_id    uuid,
    refund_id   uuid,
    trade_no    text        NOT NULL,
    gateway_no  text        NOT NULL,
    refund_no   text        NOT NULL,
    theirs_fen  bigint,
    ours_fen    bigint,
    detail      text        NOT NULL DEFAULT '',
    at          timestamptz NOT NULL,
    owner       text        NOT NULL,
    due_at      timestamptz NOT NULL,
    state       text        NOT NULL CHECK (state IN ('open', 'resolved')),
    resolution  text        NOT NULL DEFAULT '',
    note        text        NOT NULL DEFAULT '',
    reason_id   uuid,
    opened_at   timestamptz NOT NULL,
    resolved_at timestamptz,
    resolved_by text        NOT NULL DEFAULT '',
    UNIQUE (channel_id, kind, subject),
    CHECK (theirs_fen IS NOT NULL OR ours_fen IS NOT NULL),
    CHECK ((state = 'resolved') = (resolved_at IS NOT NULL AND resolution <> '' AND resolved_by <> ''))
);
CREATE INDEX settlement_case_open ON settlement_case (due_at, id) WHERE state = 'open';
CREATE INDEX settlement_case_of_bill ON settlement_case (bill_id, line_no);
CREATE TABLE settlement_form (
    channel_id text        NOT NULL REFERENCES payments_channel,
    kind       text        NOT NULL CHECK (kind IN ('trade', 'fund')),
    columns    jsonb       NOT NULL,
    set_by     text        NOT NULL,
    set_at     timestamptz NOT NULL,
    PRIMARY KEY (channel_id, kind)
);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("payments", "0002_cashiers"), ("ledger", "0004_day")]
    operations = [
        migrations.RunSQL(SQL, "DROP TABLE settlement_form, settlement_case, settlement_bill_line, settlement_bill")
    ]
