"""A supplier's whole life: papers, persons behind, agreements, deposit, sanctions, screening, personal data."""

from django.db import migrations, models

ROLES = ["owner", "operator", "finance", "support", "auditor", "compliance", "buyer", "supplier"]
SUPPLIER = """
ALTER TABLE party_supplier ADD COLUMN is_registered boolean NOT NULL DEFAULT true;
ALTER TABLE party_supplier ADD COLUMN is_payout_held boolean NOT NULL DEFAULT false;
ALTER TABLE party_supplier ADD COLUMN moved_at timestamptz;
ALTER TABLE party_supplier ADD COLUMN exiting_at timestamptz;
CREATE INDEX party_supplier_due ON party_supplier (verified_at) WHERE state IN ('active', 'restricted', 'suspended');
CREATE TABLE party_mark (
    party_id bigint NOT NULL REFERENCES party_party,
    kind     text   NOT NULL CHECK (kind IN ('uscc', 'id', 'bank', 'phone')),
    mark     bytea  NOT NULL CHECK (length(mark) = 16),
    PRIMARY KEY (party_id, kind, mark)
);
CREATE INDEX party_mark_same ON party_mark (kind, mark);
"""
PAPERS = """
CREATE TABLE party_document (
    id           uuid        PRIMARY KEY,
    party_id     bigint      NOT NULL REFERENCES party_supplier,
    kind         text        NOT NULL CHECK (kind IN ('business_licence', 'identity', 'bank_proof', 'authority', 'other')),
    number       bytea,
    name         text        NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    fields       jsonb       NOT NULL DEFAULT '{}',
    spool        text        NOT NULL,
    size         bigint      NOT NULL CHECK (size > 0),
    sha256       text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    valid_to     date,
    state        text        NOT NULL CHECK (state IN ('submitted', 'accepted', 'rejected', 'superseded', 'erased')),
    reason       text        NOT NULL DEFAULT '',
    submitted_by text        NOT NULL,
    submitted_at timestamptz NOT NULL,
    decided_by   text,
    decided_at   timestamptz,
    CONSTRAINT party_document_decided CHECK ((decided_by IS NULL) = (state = 'submitted')),
    CONSTRAINT party_document_erased CHECK ((spool = '') = (state = 'erased'))
);
CREATE INDEX party_document_of_party ON party_document (party_id, kind, submitted_at);
CREATE TABLE party_principal (
    id        uuid        PRIMARY KEY,
    party_id  bigint      NOT NULL REFERENCES party_supplier,
    role      text        NOT NULL CHECK (role IN ('legal_representative', 'beneficial_owner')),
    name      bytea       NOT NULL,
    id_number bytea       NOT NULL,
    id_mark   bytea       NOT NULL CHECK (length(id_mark) = 16),
    id_tail   text        NOT NULL CHECK (length(id_tail) = 4),
    share_bp  int         NOT NULL DEFAULT 0 CHECK (share_bp BETWEEN 0 AND 10000),
    added_by  text        NOT NULL,
    added_at  timestamptz NOT NULL,
    ended_at  timestamptz
);
CREATE UNIQUE INDEX party_principal_once ON party_principal (party_id, role, id_mark) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX party_principal_one_head ON party_principal (party_id)
    WHERE role = 'legal_representative' AND ended_at IS NULL;
CREATE TABLE party_bank_account (
    id        uuid        PRIMARY KEY,
    party_id  bigint      NOT NULL REFERENCES party_supplier,
    holder    text        NOT NULL CHECK (holder <> ''),
    bank      text        NOT NULL CHECK (bank <> ''),
    number    bytea       NOT NULL,
    mark      bytea       NOT NULL CHECK (length(mark) = 16),
    tail      text        NOT NULL CHECK (length(tail) = 4),
    state     text        NOT NULL CHECK (state IN ('unproven', 'proven', 'ended')),
    set_by    text        NOT NULL,
    set_at    timestamptz NOT NULL,
    proven_at timestamptz,
    CONSTRAINT party_bank_account_proven CHECK (state <> 'proven' OR proven_at IS NOT NULL)
);
CREATE UNIQUE INDEX party_bank_account_one ON party_bank_account (party_id) WHERE state <> 'ended';
CREATE TABLE party_verification (
    id          uuid        PRIMARY KEY,
    party_id    bigint      NOT NULL REFERENCES party_supplier,
    kind        text        NOT NULL CHECK (kind IN ('company', 'person', 'bank_account')),
    subject     text        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('asked', 'matched', 'mismatched', 'not_found', 'cancelled')),
    detail      text        NOT NULL DEFAULT '',
    evidence    text        NOT NULL DEFAULT '' CHECK (evidence ~ '^([0-9a-f]{64})?$'),
    asked_by    text        NOT NULL,
    asked_at    timestamptz NOT NULL,
    externally_verified_at timestamptz,
    CONSTRAINT party_verification_answered CHECK ((state = 'asked') = (externally_verified_at IS NULL)),
    CONSTRAINT party_verification_shown CHECK (state = 'asked' OR evidence <> '')
);
CREATE INDEX party_verification_of_party ON party_verification (party_id, kind, asked_at);
CREATE UNIQUE INDEX party_verification_open ON party_verification (party_id, kind, subject) WHERE state = 'asked';
"""
DEALS = """
CREATE TABLE party_contract (
    kind           text        NOT NULL CHECK (kind IN ('supply', 'deposit')),
    version        int         NOT NULL CHECK (version > 0),
    title          text        NOT NULL CHECK (title <> ''),
    body           text        NOT NULL CHECK (body <> ''),
    deposit_fen    bigint      NOT NULL DEFAULT 0 CHECK (deposit_fen >= 0),
    management     text        NOT NULL DEFAULT '',
    usage          text        NOT NULL DEFAULT '',
    refund         text        NOT NULL DEFAULT '',
    sha256         text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    published_by   text        NOT NULL,
    published_at   timestamptz NOT NULL,
    PRIMARY KEY (kind, version),
    CONSTRAINT party_contract_lists_all_four
        CHECK (kind <> 'deposit' OR (deposit_fen > 0 AND management <> '' AND usage <> '' AND refund <> ''))
);
CREATE TABLE party_signature (
    party_id  bigint      NOT NULL REFERENCES party_supplier,
    kind      text        NOT NULL,
    version   int         NOT NULL,
    sha256    text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    signed_by text        NOT NULL,
    signed_at timestamptz NOT NULL,
    PRIMARY KEY (party_id, kind, version),
    FOREIGN KEY (kind, version) REFERENCES party_contract
);
CREATE TABLE party_deposit (
    id         uuid        PRIMARY KEY,
    party_id   bigint      NOT NULL,
    kind       text        NOT NULL CHECK (kind = 'deposit'),
    version    int         NOT NULL,
    flow       text        NOT NULL CHECK (flow IN ('in', 'back', 'used')),
    amount_fen bigint      NOT NULL CHECK (amount_fen > 0),
    reference  text        NOT NULL CHECK (reference <> ''),
    noted_by   text        NOT NULL,
    noted_at   timestamptz NOT NULL,
    FOREIGN KEY (party_id, kind, version) REFERENCES party_signature,
    UNIQUE (flow, reference)
);
CREATE INDEX party_deposit_of_party ON party_deposit (party_id, noted_at);
"""
SANCTIONS = """
CREATE TABLE party_sanction (
    id         uuid        PRIMARY KEY,
    party_id   bigint      NOT NULL REFERENCES party_supplier,
    grade      text        NOT NULL CHECK (grade IN ('warning', 'throttle', 'pause', 'close', 'blacklist')),
    ground     text        NOT NULL CHECK (ground <> ''),
    reason     text        NOT NULL CHECK (reason <> ''),
    evidence   text        NOT NULL CHECK (evidence ~ '^[0-9a-f]{64}$'),
    begins_at  timestamptz NOT NULL,
    ends_at    timestamptz CHECK (ends_at > begins_at),
    is_public  boolean     NOT NULL,
    state      text        NOT NULL CHECK (state IN ('in_force', 'ended', 'lifted', 'overturned')),
    imposed_by text        NOT NULL,
    ended_by   text,
    ended_at   timestamptz,
    reported_at timestamptz,
    CONSTRAINT party_sanction_ended CHECK ((state = 'in_force') = (ended_at IS NULL)),
    CONSTRAINT party_sanction_for_good CHECK (grade IN ('throttle', 'pause', 'warning') = (ends_at IS NOT NULL))
);
CREATE INDEX party_sanction_of_party ON party_sanction (party_id, begins_at);
CREATE INDEX party_sanction_due ON party_sanction (ends_at) WHERE state = 'in_force';
CREATE TABLE party_appeal (
    id          uuid        PRIMARY KEY,
    sanction_id uuid        NOT NULL REFERENCES party_sanction,
    words       text        NOT NULL CHECK (length(words) BETWEEN 1 AND 2000),
    state       text        NOT NULL CHECK (state IN ('open', 'upheld', 'rejected')),
    made_by     text        NOT NULL,
    made_at     timestamptz NOT NULL,
    answer      text        NOT NULL DEFAULT '',
    decided_by  text,
    decided_at  timestamptz,
    CONSTRAINT party_appeal_decided CHECK ((state = 'open') = (decided_by IS NULL) AND (state = 'open' OR answer <> ''))
);
CREATE UNIQUE INDEX party_appeal_once ON party_appeal (sanction_id) WHERE state = 'open';
CREATE TABLE party_list (
    list_id   text        NOT NULL CHECK (list_id ~ '^[a-z0-9-]{2,40}$'),
    version   int         NOT NULL CHECK (version > 0),
    sha256    text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    entries   int         NOT NULL CHECK (entries >= 0),
    loaded_by text        NOT NULL,
    loaded_at timestamptz NOT NULL,
    PRIMARY KEY (list_id, version)
);
CREATE TABLE party_list_entry (
    list_id text    NOT NULL,
    version int     NOT NULL,
    digest  bytea   NOT NULL CHECK (length(digest) = 32),
    name    text    NOT NULL CHECK (name <> ''),
    names   text[]  NOT NULL,
    marks   bytea[] NOT NULL,
    PRIMARY KEY (list_id, version, digest),
    FOREIGN KEY (list_id, version) REFERENCES party_list
);
CREATE INDEX party_list_entry_names ON party_list_entry USING gin (names);
CREATE INDEX party_list_entry_marks ON party_list_entry USING gin (marks);
CREATE TABLE party_hit (
    id         uuid        PRIMARY KEY,
    party_id   bigint      NOT NULL REFERENCES party_supplier,
    subject    text        NOT NULL CHECK (subject <> ''),
    list_id    text        NOT NULL,
    version    int         NOT NULL,
    digest     bytea       NOT NULL,
    matched    text        NOT NULL CHECK (matched IN ('name', 'id')),
    state      text        NOT NULL CHECK (state IN ('open', 'cleared', 'confirmed')),
    found_at   timestamptz NOT NULL,
    reason     text        NOT NULL DEFAULT '',
    decided_by text,
    decided_at timestamptz,
    UNIQUE (party_id, subject, list_id, digest),
    FOREIGN KEY (list_id, version, digest) REFERENCES party_list_entry,
    CONSTRAINT party_hit_decided CHECK ((state = 'open') = (decided_by IS NULL))
);
CREATE INDEX party_hit_open ON party_hit (found_at) WHERE state = 'open';
CREATE TABLE party_screening (
    party_id    bigint      PRIMARY KEY REFERENCES party_supplier,
    screened_at timestamptz NOT NULL,
    versions    jsonb       NOT NULL
);
"""
PERSONAL = """
CREATE TABLE party_draft (
    party_id bigint      NOT NULL REFERENCES party_supplier,
    step     text        NOT NULL CHECK (step <> ''),
    sealed   bytea       NOT NULL,
    saved_at timestamptz NOT NULL,
    PRIMARY KEY (party_id, step)
);
CREATE TABLE party_invitation (
    id          uuid        PRIMARY KEY,
    party_id    bigint      NOT NULL REFERENCES party_supplier,
    email       bytea       NOT NULL,
    email_mark  bytea       NOT NULL CHECK (length(email_mark) = 16),
    token_hash  bytea       NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    invited_by  text        NOT NULL,
    invited_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL CHECK (expires_at > invited_at),
    ended_at    timestamptz,
    accepted_by bigint      REFERENCES party_person
);
CREATE INDEX party_invitation_of_party ON party_invitation (party_id, invited_at);
CREATE TABLE party_consent (
    id           uuid        PRIMARY KEY,
    subject      text        NOT NULL CHECK (subject <> ''),
    purpose      text        NOT NULL CHECK (purpose IN ('identity_document', 'bank_account', 'marketing')),
    words_sha256 text        NOT NULL CHECK (words_sha256 ~ '^[0-9a-f]{64}$'),
    given_by     text        NOT NULL,
    given_at     timestamptz NOT NULL,
    withdrawn_at timestamptz
);
CREATE UNIQUE INDEX party_consent_live ON party_consent (subject, purpose) WHERE withdrawn_at IS NULL;
CREATE TABLE party_request (
    id         uuid        PRIMARY KEY,
    person_id  bigint      NOT NULL REFERENCES party_person,
    kind       text        NOT NULL CHECK (kind IN ('correct', 'delete')),
    words      bytea       NOT NULL,
    state      text        NOT NULL CHECK (state IN ('open', 'done', 'restricted', 'refused')),
    made_at    timestamptz NOT NULL,
    due_at     timestamptz NOT NULL,
    answer     text        NOT NULL DEFAULT '',
    decided_by text,
    decided_at timestamptz,
    erase_on   date,
    erased_at  timestamptz,
    CONSTRAINT party_request_decided CHECK ((state = 'open') = (decided_by IS NULL)),
    CONSTRAINT party_request_reasoned CHECK (state <> 'refused' OR answer <> ''),
    CONSTRAINT party_request_restricted CHECK (state <> 'restricted' OR erase_on IS NOT NULL)
);
CREATE UNIQUE INDEX party_request_once ON party_request (person_id, kind) WHERE state = 'open';
CREATE TABLE party_report (
    id       uuid        PRIMARY KEY,
    kind     text        NOT NULL CHECK (kind IN ('authority', 'tax')),
    period   text        NOT NULL CHECK (period <> ''),
    rows     int         NOT NULL,
    sha256   text        NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    made_by  text        NOT NULL,
    made_at  timestamptz NOT NULL
);
CREATE INDEX party_report_of_period ON party_report (kind, period);
"""
BACK = """
DROP TABLE party_report, party_request, party_consent, party_invitation, party_draft;
DROP TABLE party_screening, party_hit, party_list_entry, party_list, party_appeal, party_sanction;
DROP TABLE party_deposit, party_signature, party_contract;
DROP TABLE party_verification, party_bank_account, party_principal, party_document, party_mark;
DROP INDEX party_supplier_due;
ALTER TABLE party_supplier DROP COLUMN is_registered;
ALTER TABLE party_supplier DROP COLUMN is_payout_held;
ALTER TABLE party_supplier DROP COLUMN moved_at;
ALTER TABLE party_supplier DROP COLUMN exiting_at
"""


class Migration(migrations.Migration):
    dependencies = [("party", "0005_compliance_role")]
    operations = [
        migrations.RemoveConstraint("person", "party_person_known_role"),
        migrations.AlterField(
            "person", "role", models.CharField(choices=[(role, role) for role in ROLES], max_length=20)
        ),
        migrations.AddConstraint(
            "person",
            models.CheckConstraint(condition=models.Q(("role__in", ROLES)), name="party_person_known_role"),
        ),
        migrations.RunSQL(SUPPLIER + PAPERS + DEALS + SANCTIONS + PERSONAL, BACK),
    ]
