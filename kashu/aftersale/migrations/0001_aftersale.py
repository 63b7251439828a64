"""Complaints with their clocks (C-39), guardians' claims (C-72), and the terms that were missed."""

from django.db import migrations

SQL = """
CREATE TABLE aftersale_complaint (
    id              uuid        PRIMARY KEY,
    pool_id         bigint      NOT NULL,
    order_id        uuid        NOT NULL,
    supplier_id     bigint      NOT NULL REFERENCES party_party,
    buyer           bytea,
    kind            text        NOT NULL CHECK (kind IN ('goods', 'delivery', 'attitude', 'other')),
    words           text        NOT NULL CHECK (length(words) <= 1000),
    state           text        NOT NULL
        CHECK (state IN ('opened', 'taken', 'decided', 'objected', 'closed', 'withdrawn')),
    opened_at       timestamptz NOT NULL,
    take_up_by      timestamptz NOT NULL CHECK (take_up_by > opened_at),
    answer_by       timestamptz NOT NULL CHECK (answer_by >= take_up_by),
    decide_by       timestamptz NOT NULL CHECK (decide_by >= answer_by),
    taken_by        text,
    taken_at        timestamptz,
    answer          text        NOT NULL DEFAULT '' CHECK (length(answer) <= 1000),
    answered_by     text,
    answered_at     timestamptz,
    outcome         text        NOT NULL DEFAULT '' CHECK (outcome IN ('', 'upheld', 'partly', 'rejected')),
    reason          text        NOT NULL DEFAULT '' CHECK (length(reason) <= 1000),
    evidence        text        NOT NULL DEFAULT '' CHECK (evidence ~ '^([0-9a-f]{64})?$'),
    decided_by      text,
    decided_at      timestamptz,
    objection       text        NOT NULL DEFAULT '' CHECK (length(objection) <= 1000),
    objected_at     timestamptz,
    review_by       timestamptz,
    review_outcome  text        NOT NULL DEFAULT '' CHECK (review_outcome IN ('', 'upheld', 'partly', 'rejected')),
    review_reason   text        NOT NULL DEFAULT '' CHECK (length(review_reason) <= 1000),
    review_evidence text        NOT NULL DEFAULT '' CHECK (review_evidence ~ '^([0-9a-f]{64})?$'),
    reviewed_by     text,
    reviewed_at     timestamptz,
    withdrawn_at    timestamptz,
    erased_at       timestamptz,
    FOREIGN KEY (pool_id, order_id) REFERENCES sales_order (pool_id, id),
    CONSTRAINT aftersale_complaint_taken CHECK ((taken_at IS NULL) = (taken_by IS NULL)),
    CONSTRAINT aftersale_complaint_answered CHECK ((answered_at IS NULL) = (answered_by IS NULL)),
    CONSTRAINT aftersale_complaint_decided CHECK (
        (state IN ('decided', 'objected', 'closed')) = (decided_at IS NOT NULL)
        AND (decided_at IS NULL) = (outcome = '') AND (outcome = '' OR (evidence <> '' AND decided_by IS NOT NULL))),
    CONSTRAINT aftersale_complaint_objected CHECK (
        (state IN ('objected', 'closed')) = (objected_at IS NOT NULL) AND (objected_at IS NULL) = (review_by IS NULL)),
    CONSTRAINT aftersale_complaint_closed CHECK (
        (state = 'closed') = (reviewed_at IS NOT NULL) AND (reviewed_at IS NULL) = (review_outcome = '')),
    CONSTRAINT aftersale_complaint_withdrawn CHECK ((state = 'withdrawn') = (withdrawn_at IS NOT NULL)),
    CONSTRAINT aftersale_complaint_erased CHECK (
        (erased_at IS NULL) = (words <> '') AND (erased_at IS NULL OR (buyer IS NULL AND objection = '')))
);
CREATE UNIQUE INDEX aftersale_complaint_one ON aftersale_complaint (pool_id, order_id)
    WHERE state IN ('opened', 'taken', 'objected');
CREATE INDEX aftersale_complaint_of_order ON aftersale_complaint (pool_id, order_id, opened_at);
CREATE INDEX aftersale_complaint_open ON aftersale_complaint (opened_at) WHERE state IN ('opened', 'taken', 'objected');
CREATE INDEX aftersale_complaint_of_supplier ON aftersale_complaint (supplier_id, opened_at);
CREATE INDEX aftersale_complaint_of_buyer ON aftersale_complaint (buyer, opened_at);
CREATE TABLE aftersale_guardian (
    id              uuid        PRIMARY KEY,
    pool_id         bigint      NOT NULL,
    order_id        uuid        NOT NULL,
    guardian_name   bytea,
    guardian_number bytea,
    minor_name      bytea,
    minor_number    bytea,
    words           bytea,
    relation        text        NOT NULL CHECK (relation IN ('father', 'mother', 'grandparent', 'other')),
    spool           text        NOT NULL,
    size            bigint      NOT NULL CHECK (size > 0),
    sha256          text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    media_type      text        NOT NULL CHECK (media_type IN ('application/pdf', 'image/jpeg', 'image/png')),
    state           text        NOT NULL CHECK (state IN ('open', 'granted', 'rejected')),
    opened_at       timestamptz NOT NULL,
    due_at          timestamptz NOT NULL CHECK (due_at > opened_at),
    deduction_fen   bigint      NOT NULL DEFAULT 0 CHECK (deduction_fen >= 0),
    refund_id       uuid,
    reason          text        NOT NULL DEFAULT '' CHECK (length(reason) <= 1000),
    evidence        text        NOT NULL DEFAULT '' CHECK (evidence ~ '^([0-9a-f]{64})?$'),
    decided_by      text,
    decided_at      timestamptz,
    erased_at       timestamptz,
    FOREIGN KEY (pool_id, order_id) REFERENCES sales_order (pool_id, id),
    FOREIGN KEY (pool_id, refund_id) REFERENCES payments_refund (pool_id, id),
    CONSTRAINT aftersale_guardian_decided CHECK (
        (state = 'open') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)
        AND (state = 'open' OR reason <> '')),
    CONSTRAINT aftersale_guardian_granted CHECK (
        (state = 'granted') = (refund_id IS NOT NULL) AND (deduction_fen = 0 OR state = 'granted')),
    CONSTRAINT aftersale_guardian_erased CHECK (
        CASE WHEN erased_at IS NULL
             THEN num_nulls(guardian_name, guardian_number, minor_name, minor_number, words) = 0 AND spool <> ''
             ELSE num_nonnulls(guardian_name, guardian_number, minor_name, minor_number, words) = 0 AND spool = ''
                  AND state <> 'open' END)
);
CREATE UNIQUE INDEX aftersale_guardian_one ON aftersale_guardian (pool_id, order_id) WHERE state = 'open';
CREATE INDEX aftersale_guardian_of_order ON aftersale_guardian (pool_id, order_id, opened_at);
CREATE INDEX aftersale_guardian_due ON aftersale_guardian (due_at) WHERE state = 'open';
CREATE TABLE aftersale_breach (
    clock   text        NOT NULL CHECK (clock <> ''),
    thing   text        NOT NULL CHECK (thing IN ('complaint', 'guardian', 'change', 'unreached')),
    id      uuid        NOT NULL,
    due_at  timestamptz NOT NULL,
    told_at timestamptz NOT NULL CHECK (told_at >= due_at),
    PRIMARY KEY (clock, thing, id)
);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("sales", "0010_minors"), ("party", "0008_changes")]
    operations = [
        migrations.RunSQL(SQL, "DROP TABLE aftersale_breach, aftersale_guardian, aftersale_complaint"),
    ]
