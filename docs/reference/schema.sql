-- Made by `kashu schema`; the diff of this file is what a reviewer of a migration reads.
CREATE TABLE public.aftersale_breach (
    clock text NOT NULL,
    thing text NOT NULL,
    id uuid NOT NULL,
    due_at timestamp with time zone NOT NULL,
    told_at timestamp with time zone NOT NULL,
    CONSTRAINT aftersale_breach_check CHECK ((told_at >= due_at)),
    CONSTRAINT aftersale_breach_clock_check CHECK ((clock <> ''::text)),
    CONSTRAINT aftersale_breach_thing_check CHECK ((thing = ANY (ARRAY['complaint'::text, 'guardian'::text, 'change'::text, 'unreached'::text, 'request'::text, 'compensation'::text])))
);
CREATE TABLE public.aftersale_compensation (
    id uuid NOT NULL,
    pool_id bigint NOT NULL,
    order_id uuid NOT NULL,
    supplier_ids bigint[] NOT NULL,
    effect text NOT NULL,
    causes text[] NOT NULL,
    amount_fen bigint NOT NULL,
    cards integer NOT NULL,
    state text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    approval_id uuid,
    paid_fen bigint DEFAULT 0 NOT NULL,
    payment_id uuid,
    reason text DEFAULT ''::text NOT NULL,
    evidence text DEFAULT ''::text NOT NULL,
    ended_by text,
    ended_at timestamp with time zone,
    CONSTRAINT aftersale_compensation_amount_fen_check CHECK ((amount_fen > 0)),
    CONSTRAINT aftersale_compensation_asked CHECK (((state = ANY (ARRAY['asked'::text, 'approved'::text])) <= (approval_id IS NOT NULL))),
    CONSTRAINT aftersale_compensation_cards_check CHECK ((cards > 0)),
    CONSTRAINT aftersale_compensation_check CHECK ((due_at > made_at)),
    CONSTRAINT aftersale_compensation_check1 CHECK (((paid_fen >= 0) AND (paid_fen <= amount_fen))),
    CONSTRAINT aftersale_compensation_effect_check CHECK ((effect = ANY (ARRAY['recall'::text, 'compensate'::text]))),
    CONSTRAINT aftersale_compensation_ended CHECK ((((state = ANY (ARRAY['paid'::text, 'lapsed'::text, 'refused'::text])) = (ended_at IS NOT NULL)) AND ((ended_at IS NULL) = (ended_by IS NULL)))),
    CONSTRAINT aftersale_compensation_evidence_check CHECK ((evidence ~ '^([0-9a-f]{64})?$'::text)),
    CONSTRAINT aftersale_compensation_paid CHECK ((((state = 'paid'::text) = (paid_fen > 0)) AND ((state = 'paid'::text) = (payment_id IS NOT NULL)))),
    CONSTRAINT aftersale_compensation_reason_check CHECK ((length(reason) <= 1000)),
    CONSTRAINT aftersale_compensation_refused CHECK (((state <> 'refused'::text) OR ((reason <> ''::text) AND (evidence <> ''::text)))),
    CONSTRAINT aftersale_compensation_state_check CHECK ((state = ANY (ARRAY['owed'::text, 'asked'::text, 'approved'::text, 'paid'::text, 'lapsed'::text, 'refused'::text]))),
    CONSTRAINT aftersale_compensation_supplier_ids_check CHECK ((supplier_ids <> '{}'::bigint[]))
);
CREATE TABLE public.aftersale_complaint (
    id uuid NOT NULL,
    pool_id bigint NOT NULL,
    order_id uuid NOT NULL,
    supplier_id bigint NOT NULL,
    buyer bytea,
    kind text NOT NULL,
    words text NOT NULL,
    state text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    take_up_by timestamp with time zone NOT NULL,
    answer_by timestamp with time zone NOT NULL,
    decide_by timestamp with time zone NOT NULL,
    taken_by text,
    taken_at timestamp with time zone,
    answer text DEFAULT ''::text NOT NULL,
    answered_by text,
    answered_at timestamp with time zone,
    outcome text DEFAULT ''::text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    evidence text DEFAULT ''::text NOT NULL,
    decided_by text,
    decided_at timestamp with time zone,
    objection text DEFAULT ''::text NOT NULL,
    objected_at timestamp with time zone,
    review_by timestamp with time zone,
    review_outcome text DEFAULT ''::text NOT NULL,
    review_reason text DEFAULT ''::text NOT NULL,
    review_evidence text DEFAULT ''::text NOT NULL,
    reviewed_by text,
    reviewed_at timestamp with time zone,
    withdrawn_at timestamp with time zone,
    erased_at timestamp with time zone,
    CONSTRAINT aftersale_complaint_answer_check CHECK ((length(answer) <= 1000)),
    CONSTRAINT aftersale_complaint_answered CHECK (((answered_at IS NULL) = (answered_by IS NULL))),
    CONSTRAINT aftersale_complaint_check CHECK ((take_up_by > opened_at)),
    CONSTRAINT aftersale_complaint_check1 CHECK ((answer_by >= take_up_by)),
    CONSTRAINT aftersale_complaint_check2 CHECK ((decide_by >= answer_by)),
    CONSTRAINT aftersale_complaint_closed CHECK ((((state = 'closed'::text) = (reviewed_at IS NOT NULL)) AND ((reviewed_at IS NULL) = (review_outcome = ''::text)))),
    CONSTRAINT aftersale_complaint_decided CHECK ((((state = ANY (ARRAY['decided'::text, 'objected'::text, 'closed'::text])) = (decided_at IS NOT NULL)) AND ((decided_at IS NULL) = (outcome = ''::text)) AND ((outcome = ''::text) OR ((evidence <> ''::text) AND (decided_by IS NOT NULL))))),
    CONSTRAINT aftersale_complaint_erased CHECK ((((erased_at IS NULL) = (words <> ''::text)) AND ((erased_at IS NULL) OR ((buyer IS NULL) AND (objection = ''::text))))),
    CONSTRAINT aftersale_complaint_evidence_check CHECK ((evidence ~ '^([0-9a-f]{64})?$'::text)),
    CONSTRAINT aftersale_complaint_kind_check CHECK ((kind = ANY (ARRAY['goods'::text, 'delivery'::text, 'attitude'::text, 'other'::text]))),
    CONSTRAINT aftersale_complaint_objected CHECK ((((state = ANY (ARRAY['objected'::text, 'closed'::text])) = (objected_at IS NOT NULL)) AND ((objected_at IS NULL) = (review_by IS NULL)))),
    CONSTRAINT aftersale_complaint_objection_check CHECK ((length(objection) <= 1000)),
    CONSTRAINT aftersale_complaint_outcome_check CHECK ((outcome = ANY (ARRAY[''::text, 'upheld'::text, 'partly'::text, 'rejected'::text]))),
    CONSTRAINT aftersale_complaint_reason_check CHECK ((length(reason) <= 1000)),
    CONSTRAINT aftersale_complaint_review_evidence_check CHECK ((review_evidence ~ '^([0-9a-f]{64})?$'::text)),
    CONSTRAINT aftersale_complaint_review_outcome_check CHECK ((review_outcome = ANY (ARRAY[''::text, 'upheld'::text, 'partly'::text, 'rejected'::text]))),
    CONSTRAINT aftersale_complaint_review_reason_check CHECK ((length(review_reason) <= 1000)),
    CONSTRAINT aftersale_complaint_state_check CHECK ((state = ANY (ARRAY['opened'::text, 'taken'::text, 'decided'::text, 'objected'::text, 'closed'::text, 'withdrawn'::text]))),
    CONSTRAINT aftersale_complaint_taken CHECK (((taken_at IS NULL) = (taken_by IS NULL))),
    CONSTRAINT aftersale_complaint_withdrawn CHECK (((state = 'withdrawn'::text) = (withdrawn_at IS NOT NULL))),
    CONSTRAINT aftersale_complaint_words_check CHECK ((length(words) <= 1000))
);
CREATE TABLE public.aftersale_guardian (
    id uuid NOT NULL,
    pool_id bigint NOT NULL,
    order_id uuid NOT NULL,
    guardian_name bytea,
    guardian_number bytea,
    minor_name bytea,
    minor_number bytea,
    words bytea,
    relation text NOT NULL,
    spool text NOT NULL,
    size bigint NOT NULL,
    sha256 text NOT NULL,
    media_type text NOT NULL,
    state text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    deduction_fen bigint DEFAULT 0 NOT NULL,
    refund_id uuid,
    reason text DEFAULT ''::text NOT NULL,
    evidence text DEFAULT ''::text NOT NULL,
    decided_by text,
    decided_at timestamp with time zone,
    erased_at timestamp with time zone,
    CONSTRAINT aftersale_guardian_check CHECK ((due_at > opened_at)),
    CONSTRAINT aftersale_guardian_decided CHECK ((((state = 'open'::text) = (decided_at IS NULL)) AND ((decided_at IS NULL) = (decided_by IS NULL)) AND ((state = 'open'::text) OR (reason <> ''::text)))),
    CONSTRAINT aftersale_guardian_deduction_fen_check CHECK ((deduction_fen >= 0)),
    CONSTRAINT aftersale_guardian_erased CHECK (
CASE
    WHEN (erased_at IS NULL) THEN ((num_nulls(guardian_name, guardian_number, minor_name, minor_number, words) = 0) AND (spool <> ''::text))
    ELSE ((num_nonnulls(guardian_name, guardian_number, minor_name, minor_number, words) = 0) AND (spool = ''::text) AND (state <> 'open'::text))
END),
    CONSTRAINT aftersale_guardian_evidence_check CHECK ((evidence ~ '^([0-9a-f]{64})?$'::text)),
    CONSTRAINT aftersale_guardian_granted CHECK ((((state = 'granted'::text) = (refund_id IS NOT NULL)) AND ((deduction_fen = 0) OR (state = 'granted'::text)))),
    CONSTRAINT aftersale_guardian_media_type_check CHECK ((media_type = ANY (ARRAY['application/pdf'::text, 'image/jpeg'::text, 'image/png'::text]))),
    CONSTRAINT aftersale_guardian_reason_check CHECK ((length(reason) <= 1000)),
    CONSTRAINT aftersale_guardian_relation_check CHECK ((relation = ANY (ARRAY['father'::text, 'mother'::text, 'grandparent'::text, 'other'::text]))),
    CONSTRAINT aftersale_guardian_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT aftersale_guardian_size_check CHECK ((size > 0)),
    CONSTRAINT aftersale_guardian_state_check CHECK ((state = ANY (ARRAY['open'::text, 'granted'::text, 'rejected'::text])))
);
CREATE TABLE public.audit_approval (
    id uuid NOT NULL,
    act text NOT NULL,
    object_kind text NOT NULL,
    object_id text NOT NULL,
    body jsonb NOT NULL,
    reason text NOT NULL,
    state text NOT NULL,
    is_solo boolean NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    not_before timestamp with time zone NOT NULL,
    approved_by text,
    approved_at timestamp with time zone,
    done_at timestamp with time zone,
    CONSTRAINT audit_approval_by_another CHECK ((is_solo OR (approved_by IS NULL) OR (approved_by <> asked_by))),
    CONSTRAINT audit_approval_named CHECK (((state = ANY (ARRAY['approved'::text, 'done'::text])) = (approved_by IS NOT NULL))),
    CONSTRAINT audit_approval_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT audit_approval_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'approved'::text, 'cancelled'::text, 'done'::text])))
);
CREATE TABLE public.audit_entry (
    pool_id bigint NOT NULL,
    id uuid NOT NULL,
    xact xid8 DEFAULT pg_current_xact_id() NOT NULL,
    at timestamp with time zone NOT NULL,
    actor_kind text NOT NULL,
    actor text NOT NULL,
    verb text NOT NULL,
    object_kind text NOT NULL,
    object_id text NOT NULL,
    before jsonb,
    after jsonb,
    reason text DEFAULT ''::text NOT NULL,
    CONSTRAINT audit_entry_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['person'::text, 'buyer'::text, 'system'::text, 'channel'::text])))
);
CREATE TABLE public.audit_head (
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    signed_at timestamp with time zone NOT NULL,
    signature bytea NOT NULL
);
CREATE TABLE public.audit_seal (
    seq bigint NOT NULL,
    pool_id bigint NOT NULL,
    entry_id uuid NOT NULL,
    xact xid8 NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_seal_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT audit_seal_seq_check CHECK ((seq > 0))
);
CREATE TABLE public.cards_batch (
    pool_id bigint NOT NULL,
    code text NOT NULL,
    state text NOT NULL,
    file_name text NOT NULL,
    file_bytes bigint NOT NULL,
    manifest_hash text NOT NULL,
    spool text DEFAULT ''::text NOT NULL,
    data_key bytea NOT NULL,
    format jsonb DEFAULT '{}'::jsonb NOT NULL,
    unit_cost_fen bigint NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    lines_done integer DEFAULT 0 NOT NULL,
    lines_total integer DEFAULT 0 NOT NULL,
    accepted integer DEFAULT 0 NOT NULL,
    rejected integer DEFAULT 0 NOT NULL,
    cost_fen bigint DEFAULT 0 NOT NULL,
    trouble text DEFAULT ''::text NOT NULL,
    received_by text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    loaded_at timestamp with time zone,
    on_sale_at timestamp with time zone,
    withdrawn_at timestamp with time zone,
    redeemer_id bigint,
    CONSTRAINT cards_batch_file_bytes_check CHECK ((file_bytes >= 0)),
    CONSTRAINT cards_batch_state_check CHECK ((state = ANY (ARRAY['uploaded'::text, 'loading'::text, 'loaded'::text, 'on_sale'::text, 'withdrawn'::text, 'cancelled'::text]))),
    CONSTRAINT cards_batch_unit_cost_fen_check CHECK ((unit_cost_fen >= 0))
);
CREATE TABLE public.cards_card (
    pool_id bigint NOT NULL,
    id bigint NOT NULL,
    line_no integer NOT NULL,
    sealed bytea,
    content_id bigint,
    mask text NOT NULL,
    expires_on date DEFAULT '9999-12-31'::date NOT NULL,
    unit_cost_fen bigint NOT NULL,
    face_value_fen bigint,
    state text DEFAULT 'on_shelf'::text NOT NULL,
    order_id uuid,
    sale_line_id uuid,
    held_until timestamp with time zone,
    sold_at timestamp with time zone,
    revealed_at timestamp with time zone,
    label text,
    surcharge_fen bigint,
    voided_at timestamp with time zone,
    erased_at timestamp with time zone,
    fingerprint bytea,
    void_cause text,
    CONSTRAINT cards_card_erased_is_empty CHECK (((erased_at IS NULL) OR ((state = 'sold'::text) AND (sealed IS NULL) AND (length(fingerprint) = 32)))),
    CONSTRAINT cards_card_held_until CHECK (((state = 'held'::text) = (held_until IS NOT NULL))),
    CONSTRAINT cards_card_label_has_surcharge CHECK ((((label IS NULL) = (surcharge_fen IS NULL)) AND (label <> ''::text) AND (surcharge_fen >= 0))),
    CONSTRAINT cards_card_revealed_when_sold CHECK (((revealed_at IS NULL) OR (state = 'sold'::text))),
    CONSTRAINT cards_card_sold_at CHECK (((state = 'sold'::text) = (sold_at IS NOT NULL))),
    CONSTRAINT cards_card_sold_has_content CHECK (((state <> 'sold'::text) OR (sealed IS NOT NULL) OR (content_id IS NOT NULL) OR (erased_at IS NOT NULL))),
    CONSTRAINT cards_card_state_check CHECK ((state = ANY (ARRAY['on_shelf'::text, 'held'::text, 'sold'::text, 'exported'::text, 'void'::text]))),
    CONSTRAINT cards_card_taken_by_one CHECK ((((state = ANY (ARRAY['held'::text, 'sold'::text])) = (sale_line_id IS NOT NULL)) AND ((order_id IS NULL) = (sale_line_id IS NULL)))),
    CONSTRAINT cards_card_void_has_cause CHECK (((void_cause IS NULL) OR ((voided_at IS NOT NULL) AND (void_cause = ANY (ARRAY['bad_card'::text, 'goodwill'::text, 'minor'::text, 'recall'::text])))))
)
WITH (fillfactor='85');
CREATE SEQUENCE public.cards_card_block
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
CREATE TABLE public.cards_checked (
    pool_id bigint NOT NULL,
    checked_at timestamp with time zone NOT NULL,
    seq integer NOT NULL,
    head bytea NOT NULL,
    broken integer,
    mistold integer,
    CONSTRAINT cards_checked_seq_check CHECK ((seq >= 0))
);
CREATE TABLE public.cards_content (
    pool_id bigint NOT NULL,
    id bigint NOT NULL,
    version integer NOT NULL,
    sealed bytea NOT NULL,
    mask text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT cards_content_version_check CHECK ((version > 0))
);
CREATE TABLE public.cards_export (
    id uuid NOT NULL,
    pool_id bigint NOT NULL,
    cards integer NOT NULL,
    content bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    made_by text NOT NULL
);
CREATE TABLE public.cards_fingerprint (
    fingerprint bytea NOT NULL,
    pool_id bigint NOT NULL,
    card_id bigint NOT NULL,
    line_no integer NOT NULL,
    CONSTRAINT cards_fingerprint_fingerprint_check CHECK ((length(fingerprint) = 32))
);
CREATE TABLE public.cards_invalid (
    pool_id bigint NOT NULL,
    card_id bigint NOT NULL,
    id uuid NOT NULL,
    party_id bigint NOT NULL,
    key text NOT NULL,
    by text NOT NULL,
    place text DEFAULT ''::text NOT NULL,
    reason text NOT NULL,
    told_at timestamp with time zone NOT NULL,
    CONSTRAINT cards_invalid_key_check CHECK ((key <> ''::text)),
    CONSTRAINT cards_invalid_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 200)))
);
CREATE TABLE public.cards_pool (
    id bigint NOT NULL,
    sku_id bigint NOT NULL,
    supplier_id bigint NOT NULL,
    kind text NOT NULL,
    sellable boolean DEFAULT false NOT NULL,
    reason text DEFAULT 'loading'::text NOT NULL,
    content_id bigint,
    expires_first date DEFAULT '9999-12-31'::date NOT NULL,
    source_id text,
    source_code text DEFAULT ''::text NOT NULL,
    authorisation_id bigint,
    CONSTRAINT cards_pool_kind_check CHECK ((kind = ANY (ARRAY['single_use'::text, 'shared_secret'::text, 'pick'::text, 'own_code'::text, 'on_demand'::text, 'manual'::text]))),
    CONSTRAINT cards_pool_on_demand_has_source CHECK (((kind = 'on_demand'::text) = (source_id IS NOT NULL))),
    CONSTRAINT cards_pool_reason_check CHECK ((reason = ANY (ARRAY[''::text, 'loading'::text, 'loaded'::text, 'cancelled'::text, 'withdrawn'::text, 'licence'::text, 'recall'::text, 'review'::text, 'risk'::text]))),
    CONSTRAINT cards_pool_says_why CHECK ((sellable = (reason = ''::text)))
);
ALTER TABLE public.cards_pool ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.cards_pool_id_seq
    START WITH 1000
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.cards_probe (
    pool_id bigint NOT NULL,
    turn integer NOT NULL,
    card_id bigint NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    answer text,
    answered_at timestamp with time zone,
    is_disputed boolean DEFAULT false NOT NULL,
    CONSTRAINT cards_probe_answer_check CHECK ((answer = ANY (ARRAY['unused'::text, 'used'::text, 'invalid'::text, 'unknown'::text]))),
    CONSTRAINT cards_probe_check CHECK (((answer IS NULL) = (answered_at IS NULL))),
    CONSTRAINT cards_probe_turn_check CHECK ((turn > 0))
);
CREATE TABLE public.cards_provenance (
    pool_id bigint NOT NULL,
    seq integer NOT NULL,
    at timestamp with time zone NOT NULL,
    event text NOT NULL,
    actor text NOT NULL,
    body jsonb NOT NULL,
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT cards_provenance_event_check CHECK ((event = ANY (ARRAY['received'::text, 'purchased'::text, 'authorised'::text, 'confirmed'::text, 'loaded'::text, 'probed'::text, 'on_sale'::text, 'withdrawn'::text, 'frozen'::text, 'cleared'::text, 'recalled'::text, 'cancelled'::text, 'content'::text, 'slots'::text, 'checked'::text, 'tallied'::text]))),
    CONSTRAINT cards_provenance_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT cards_provenance_prev_hash_check CHECK ((length(prev_hash) = 32)),
    CONSTRAINT cards_provenance_seq_check CHECK ((seq > 0))
);
CREATE TABLE public.cards_redemption (
    pool_id bigint NOT NULL,
    id uuid NOT NULL,
    card_id bigint NOT NULL,
    party_id bigint NOT NULL,
    key text NOT NULL,
    by text NOT NULL,
    place text DEFAULT ''::text NOT NULL,
    redeemed_at timestamp with time zone NOT NULL,
    told_at timestamp with time zone NOT NULL,
    undone_at timestamp with time zone,
    undone_by text DEFAULT ''::text NOT NULL,
    undone_key text DEFAULT ''::text NOT NULL,
    CONSTRAINT cards_redemption_key_check CHECK ((key <> ''::text))
);
CREATE TABLE public.cards_reject (
    pool_id bigint NOT NULL,
    line_no integer NOT NULL,
    reason text NOT NULL,
    detail text DEFAULT ''::text NOT NULL
);
CREATE TABLE public.cards_source (
    id text NOT NULL,
    supplier_id bigint NOT NULL,
    title text NOT NULL,
    url text NOT NULL,
    key_id text NOT NULL,
    sealed_secret bytea NOT NULL,
    is_open boolean NOT NULL,
    set_by text NOT NULL,
    set_at timestamp with time zone NOT NULL,
    checks_cards boolean DEFAULT false NOT NULL,
    CONSTRAINT cards_source_id_check CHECK ((id ~ '^[a-z0-9][a-z0-9-]{1,31}$'::text)),
    CONSTRAINT cards_source_key_id_check CHECK ((key_id <> ''::text)),
    CONSTRAINT cards_source_title_check CHECK ((title <> ''::text)),
    CONSTRAINT cards_source_url_check CHECK ((url <> ''::text))
);
CREATE TABLE public.catalog_agreement (
    id bigint NOT NULL,
    kind text NOT NULL,
    version integer NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    published_at timestamp with time zone NOT NULL,
    effective_at timestamp with time zone NOT NULL,
    CONSTRAINT catalog_agreement_kind_check CHECK ((kind = ANY (ARRAY['trade'::text, 'privacy'::text, 'digital_consent'::text]))),
    CONSTRAINT catalog_agreement_notice CHECK (((version = 1) OR (effective_at >= (published_at + '7 days'::interval)))),
    CONSTRAINT catalog_agreement_version_check CHECK ((version > 0))
);
ALTER TABLE public.catalog_agreement ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.catalog_agreement_id_seq
    START WITH 1000
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.catalog_category (
    id bigint NOT NULL,
    parent_id bigint,
    slug text NOT NULL,
    name text NOT NULL,
    ink text DEFAULT 'green'::text NOT NULL,
    "position" integer DEFAULT 0 NOT NULL,
    is_open boolean DEFAULT false NOT NULL,
    goods text,
    CONSTRAINT catalog_category_ink_check CHECK ((ink = ANY (ARRAY['green'::text, 'indigo'::text, 'ink'::text, 'plum'::text]))),
    CONSTRAINT catalog_category_name_check CHECK ((name <> ''::text)),
    CONSTRAINT catalog_category_slug_check CHECK ((slug ~ '^[a-z0-9][a-z0-9-]{0,39}$'::text))
);
ALTER TABLE public.catalog_category ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.catalog_category_id_seq
    START WITH 1000
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.catalog_comment (
    id uuid NOT NULL,
    agreement_id bigint NOT NULL,
    words text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT catalog_comment_words_check CHECK (((length(words) >= 5) AND (length(words) <= 1000)))
);
CREATE TABLE public.catalog_deal (
    sku_id bigint NOT NULL,
    day date NOT NULL,
    lowest_fen bigint NOT NULL,
    last_fen bigint NOT NULL,
    last_at timestamp with time zone NOT NULL
);
CREATE TABLE public.catalog_fee_rule (
    id bigint NOT NULL,
    seller_id bigint,
    category_id bigint,
    commission_bp integer NOT NULL,
    effective_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone,
    set_by text DEFAULT 'kashu'::text NOT NULL,
    CONSTRAINT catalog_fee_rule_commission_bp_check CHECK (((commission_bp >= 0) AND (commission_bp <= 10000))),
    CONSTRAINT catalog_fee_rule_period CHECK ((ends_at > effective_at))
);
ALTER TABLE public.catalog_fee_rule ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.catalog_fee_rule_id_seq
    START WITH 1000
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.catalog_image (
    id uuid NOT NULL,
    content bytea NOT NULL,
    media_type text NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT catalog_image_content_check CHECK ((length(content) <= 524288)),
    CONSTRAINT catalog_image_media_type_check CHECK ((media_type = ANY (ARRAY['image/webp'::text, 'image/jpeg'::text, 'image/png'::text])))
);
CREATE TABLE public.catalog_page (
    hash bytea NOT NULL,
    body jsonb NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT catalog_page_hash_check CHECK ((length(hash) = 32))
);
CREATE TABLE public.catalog_price (
    id uuid NOT NULL,
    sku_id bigint NOT NULL,
    price_fen bigint NOT NULL,
    list_price_fen bigint,
    tiers jsonb NOT NULL,
    from_at timestamp with time zone NOT NULL,
    set_by text NOT NULL,
    reason text DEFAULT ''::text NOT NULL
);
CREATE TABLE public.catalog_product (
    id bigint NOT NULL,
    slug text NOT NULL,
    category_id bigint NOT NULL,
    seller_id bigint NOT NULL,
    title text NOT NULL,
    brand text DEFAULT ''::text NOT NULL,
    headline text DEFAULT ''::text NOT NULL,
    summary text DEFAULT ''::text NOT NULL,
    facts jsonb DEFAULT '[]'::jsonb NOT NULL,
    steps jsonb DEFAULT '[]'::jsonb NOT NULL,
    refund_terms text DEFAULT ''::text NOT NULL,
    warranty_days integer DEFAULT 30 NOT NULL,
    image_id uuid,
    state text DEFAULT 'draft'::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT catalog_product_slug_check CHECK ((slug ~ '^[a-z0-9][a-z0-9-]{0,39}$'::text)),
    CONSTRAINT catalog_product_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'on_sale'::text, 'off_sale'::text, 'frozen'::text, 'closed'::text]))),
    CONSTRAINT catalog_product_title_check CHECK ((title <> ''::text)),
    CONSTRAINT catalog_product_warranty_days_check CHECK (((warranty_days >= 0) AND (warranty_days <= 3650)))
);
ALTER TABLE public.catalog_product ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.catalog_product_id_seq
    START WITH 1000
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.catalog_sku (
    id bigint NOT NULL,
    code text NOT NULL,
    product_id bigint NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    price_fen bigint NOT NULL,
    list_price_fen bigint,
    tiers jsonb DEFAULT '[]'::jsonb NOT NULL,
    order_max integer DEFAULT 10 NOT NULL,
    buyer_max integer,
    validity text DEFAULT ''::text NOT NULL,
    low_stock integer DEFAULT 10 NOT NULL,
    "position" integer DEFAULT 0 NOT NULL,
    is_open boolean DEFAULT true NOT NULL,
    form jsonb DEFAULT '[]'::jsonb NOT NULL,
    push_secret boolean DEFAULT false NOT NULL,
    CONSTRAINT catalog_sku_buyer_max_check CHECK ((buyer_max >= 1)),
    CONSTRAINT catalog_sku_check CHECK ((list_price_fen > price_fen)),
    CONSTRAINT catalog_sku_code_check CHECK ((code ~ '^[A-Z0-9][A-Z0-9-]{1,31}$'::text)),
    CONSTRAINT catalog_sku_kind_check CHECK ((kind = ANY (ARRAY['single_use'::text, 'shared_secret'::text, 'pick'::text, 'own_code'::text, 'on_demand'::text, 'manual'::text]))),
    CONSTRAINT catalog_sku_low_stock_check CHECK ((low_stock >= 0)),
    CONSTRAINT catalog_sku_name_check CHECK ((name <> ''::text)),
    CONSTRAINT catalog_sku_order_max_check CHECK (((order_max >= 1) AND (order_max <= 1000))),
    CONSTRAINT catalog_sku_price_fen_check CHECK ((price_fen > 0))
);
ALTER TABLE public.catalog_sku ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.catalog_sku_id_seq
    START WITH 1000
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.compliance_alert (
    licence_id bigint NOT NULL,
    what text NOT NULL,
    severity text NOT NULL,
    due_on date NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    CONSTRAINT compliance_alert_severity_check CHECK ((severity = ANY (ARRAY['notice'::text, 'warning'::text, 'critical'::text])))
);
CREATE TABLE public.compliance_attestation (
    id uuid NOT NULL,
    event text NOT NULL,
    subject text NOT NULL,
    order_no text NOT NULL,
    asked text NOT NULL,
    state text NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    due_at timestamp with time zone NOT NULL,
    made_at timestamp with time zone NOT NULL,
    answer text DEFAULT ''::text NOT NULL,
    signature text DEFAULT ''::text NOT NULL,
    receipt text DEFAULT ''::text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    answered_at timestamp with time zone,
    CONSTRAINT compliance_attestation_answered CHECK (((state = ANY (ARRAY['accepted'::text, 'refused'::text])) = (answered_at IS NOT NULL))),
    CONSTRAINT compliance_attestation_event_check CHECK ((event = ANY (ARRAY['delivered'::text, 'refunded'::text, 'redeemed'::text, 'undone'::text]))),
    CONSTRAINT compliance_attestation_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'accepted'::text, 'refused'::text, 'stuck'::text])))
);
CREATE TABLE public.compliance_authorisation (
    id bigint NOT NULL,
    parent_id bigint,
    grantor text NOT NULL,
    grantor_id bigint,
    grantee_id bigint NOT NULL,
    number text DEFAULT ''::text NOT NULL,
    brand text NOT NULL,
    goods text[] NOT NULL,
    territory text[] DEFAULT '{全国}'::text[] NOT NULL,
    may_pass_on boolean DEFAULT false NOT NULL,
    may_resell boolean DEFAULT false NOT NULL,
    opens_shut boolean DEFAULT false NOT NULL,
    is_issuer boolean DEFAULT false NOT NULL,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    state text NOT NULL,
    file_sha256 bytea,
    reviewed_by text[] DEFAULT '{}'::text[] NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    revoked_on date,
    reason text DEFAULT ''::text NOT NULL,
    CONSTRAINT compliance_authorisation_brand_check CHECK ((brand <> ''::text)),
    CONSTRAINT compliance_authorisation_grantor_check CHECK ((grantor <> ''::text)),
    CONSTRAINT compliance_authorisation_period CHECK ((valid_to >= valid_from)),
    CONSTRAINT compliance_authorisation_revoked CHECK (((state = 'revoked'::text) = (revoked_on IS NOT NULL))),
    CONSTRAINT compliance_authorisation_root CHECK (((NOT is_issuer) OR (parent_id IS NULL))),
    CONSTRAINT compliance_authorisation_state_check CHECK ((state = ANY (ARRAY['in_review'::text, 'verified'::text, 'rejected'::text, 'revoked'::text])))
);
ALTER TABLE public.compliance_authorisation ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.compliance_authorisation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.compliance_closing (
    id bigint NOT NULL,
    closing_on date,
    asked_by text NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    reason text NOT NULL,
    CONSTRAINT compliance_closing_notice CHECK ((closing_on >= (((decided_at AT TIME ZONE 'Asia/Shanghai'::text))::date + 30))),
    CONSTRAINT compliance_closing_reason_check CHECK ((reason <> ''::text))
);
ALTER TABLE public.compliance_closing ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.compliance_closing_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.compliance_file (
    sha256 bytea NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    bytes integer NOT NULL,
    sealed bytea NOT NULL,
    kept_by text NOT NULL,
    kept_at timestamp with time zone NOT NULL,
    CONSTRAINT compliance_file_bytes_check CHECK (((bytes >= 1) AND (bytes <= 10485760))),
    CONSTRAINT compliance_file_sha256_check CHECK ((length(sha256) = 32))
);
CREATE TABLE public.compliance_goods (
    code text NOT NULL,
    name text NOT NULL,
    class text NOT NULL,
    minors text NOT NULL,
    is_shut boolean DEFAULT false NOT NULL,
    ground text DEFAULT ''::text NOT NULL,
    CONSTRAINT compliance_goods_class_check CHECK ((class = ANY (ARRAY['ENTITLEMENT'::text, 'SINGLE_PURPOSE_VALUE'::text, 'MULTI_PURPOSE_VALUE'::text]))),
    CONSTRAINT compliance_goods_code_check CHECK ((code ~ '^[a-z][a-z0-9_]{1,31}$'::text)),
    CONSTRAINT compliance_goods_minors_check CHECK ((minors = ANY (ARRAY['forbidden'::text, 'capped'::text, 'free'::text])))
);
CREATE TABLE public.compliance_licence (
    id bigint NOT NULL,
    party_id bigint NOT NULL,
    kind text NOT NULL,
    number text NOT NULL,
    subject text DEFAULT ''::text NOT NULL,
    scope text[] DEFAULT '{}'::text[] NOT NULL,
    territory text DEFAULT '全国'::text NOT NULL,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    state text NOT NULL,
    file_sha256 bytea,
    findings text[] DEFAULT '{}'::text[] NOT NULL,
    reviewed_by text[] DEFAULT '{}'::text[] NOT NULL,
    renewal_at timestamp with time zone,
    reported_year integer,
    supersedes_id bigint,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    moved_at timestamp with time zone NOT NULL,
    CONSTRAINT compliance_licence_kind_check CHECK ((kind = ANY (ARRAY['business'::text, 'telecom'::text, 'culture'::text, 'publication'::text, 'school'::text, 'prepaid_card'::text, 'telecom_agent'::text, 'game_agent'::text, 'medical'::text, 'finance'::text]))),
    CONSTRAINT compliance_licence_number_check CHECK ((number <> ''::text)),
    CONSTRAINT compliance_licence_period CHECK ((valid_to >= valid_from)),
    CONSTRAINT compliance_licence_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'submitted'::text, 'auto_checked'::text, 'in_review'::text, 'verified'::text, 'rejected'::text, 'revoked'::text, 'superseded'::text])))
);
ALTER TABLE public.compliance_licence ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.compliance_licence_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.compliance_link_alert (
    authorisation_id bigint NOT NULL,
    what text NOT NULL,
    severity text NOT NULL,
    due_on date NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    CONSTRAINT compliance_link_alert_severity_check CHECK ((severity = ANY (ARRAY['notice'::text, 'warning'::text, 'critical'::text])))
);
CREATE TABLE public.compliance_requirement (
    goods text NOT NULL,
    who text NOT NULL,
    third boolean DEFAULT false NOT NULL,
    licence text NOT NULL,
    scope text DEFAULT ''::text NOT NULL,
    ground text NOT NULL,
    is_national boolean DEFAULT false NOT NULL,
    CONSTRAINT compliance_requirement_who_check CHECK ((who = ANY (ARRAY['seller'::text, 'platform'::text])))
);
CREATE TABLE public.compliance_review (
    id bigint NOT NULL,
    thing text NOT NULL,
    sha256 bytea NOT NULL,
    texts jsonb NOT NULL,
    version text NOT NULL,
    verdict text NOT NULL,
    goods_class text NOT NULL,
    reasons text[] NOT NULL,
    state text NOT NULL,
    people smallint NOT NULL,
    agreed_by text[] DEFAULT '{}'::text[] NOT NULL,
    evidence text[] DEFAULT '{}'::text[] NOT NULL,
    decided_by text DEFAULT ''::text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone,
    CONSTRAINT compliance_review_decided CHECK (((state = 'waiting'::text) = (decided_at IS NULL))),
    CONSTRAINT compliance_review_denied CHECK (((verdict <> 'deny'::text) OR (state = 'refused'::text))),
    CONSTRAINT compliance_review_enough CHECK (((state <> 'allowed'::text) OR (cardinality(agreed_by) >= people))),
    CONSTRAINT compliance_review_goods_class_check CHECK ((goods_class = ANY (ARRAY['ENTITLEMENT'::text, 'SINGLE_PURPOSE_VALUE'::text, 'MULTI_PURPOSE_VALUE'::text]))),
    CONSTRAINT compliance_review_of_machine CHECK (((verdict = 'queue'::text) OR ((people = 0) AND (agreed_by = '{}'::text[])))),
    CONSTRAINT compliance_review_people_check CHECK ((people = ANY (ARRAY[0, 1, 2]))),
    CONSTRAINT compliance_review_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'allowed'::text, 'refused'::text]))),
    CONSTRAINT compliance_review_verdict_check CHECK ((verdict = ANY (ARRAY['allow'::text, 'queue'::text, 'deny'::text])))
);
ALTER TABLE public.compliance_review ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.compliance_review_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.compliance_snapshot (
    sha256 bytea NOT NULL,
    body jsonb NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT compliance_snapshot_sha256_check CHECK ((length(sha256) = 32))
);
CREATE TABLE public.compliance_stop (
    sku_id bigint NOT NULL,
    takedown_id bigint NOT NULL
);
CREATE TABLE public.compliance_takedown (
    id bigint NOT NULL,
    product_id bigint NOT NULL,
    sku_ids bigint[] NOT NULL,
    seller_id bigint NOT NULL,
    title text NOT NULL,
    origin text NOT NULL,
    reference text NOT NULL,
    ground text NOT NULL,
    reason text NOT NULL,
    evidence text NOT NULL,
    state text NOT NULL,
    snapshot bytea NOT NULL,
    draft text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    warned_at timestamp with time zone,
    report text DEFAULT ''::text NOT NULL,
    authority text DEFAULT ''::text NOT NULL,
    receipt text DEFAULT ''::text NOT NULL,
    reported_by text DEFAULT ''::text NOT NULL,
    reported_at timestamp with time zone,
    decision text DEFAULT ''::text NOT NULL,
    decided_by text DEFAULT ''::text NOT NULL,
    decided_at timestamp with time zone,
    CONSTRAINT compliance_takedown_decided CHECK ((((state = ANY (ARRAY['upheld'::text, 'lifted'::text])) = (decided_at IS NOT NULL)) AND ((decided_at IS NULL) = (decision = ''::text)))),
    CONSTRAINT compliance_takedown_due CHECK ((due_at > made_at)),
    CONSTRAINT compliance_takedown_ground_check CHECK ((ground <> ''::text)),
    CONSTRAINT compliance_takedown_origin_check CHECK ((origin = ANY (ARRAY['review'::text, 'complaint'::text, 'notice'::text, 'finding'::text]))),
    CONSTRAINT compliance_takedown_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT compliance_takedown_reported CHECK ((((state = 'frozen'::text) = (reported_at IS NULL)) AND ((reported_at IS NULL) = ((report = ''::text) OR (authority = ''::text))))),
    CONSTRAINT compliance_takedown_state_check CHECK ((state = ANY (ARRAY['frozen'::text, 'reported'::text, 'upheld'::text, 'lifted'::text])))
);
ALTER TABLE public.compliance_takedown ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.compliance_takedown_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.heartbeat (
    name text NOT NULL,
    beat_at timestamp with time zone NOT NULL
);
CREATE TABLE public.ledger_account (
    id bigint NOT NULL,
    code text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    CONSTRAINT ledger_account_kind_check CHECK ((kind = ANY (ARRAY['asset'::text, 'liability'::text, 'income'::text, 'expense'::text])))
);
ALTER TABLE public.ledger_account ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.ledger_account_id_seq
    START WITH 1000
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.ledger_entry (
    account_id bigint NOT NULL,
    id uuid NOT NULL,
    reason_id uuid NOT NULL,
    recipe text NOT NULL,
    amount_fen bigint NOT NULL,
    posted_at timestamp with time zone NOT NULL,
    memo text DEFAULT ''::text NOT NULL,
    CONSTRAINT ledger_entry_amount_fen_check CHECK ((amount_fen <> 0))
);
CREATE TABLE public.ledger_sale_entry (
    pool_id bigint NOT NULL,
    id uuid NOT NULL,
    reason_id uuid NOT NULL,
    recipe text NOT NULL,
    account_id bigint NOT NULL,
    amount_fen bigint NOT NULL,
    posted_at timestamp with time zone NOT NULL,
    CONSTRAINT ledger_sale_entry_amount_fen_check CHECK ((amount_fen <> 0))
);
CREATE VIEW public.ledger_posting AS
 SELECT (0)::bigint AS pool_id,
    ledger_entry.id,
    ledger_entry.reason_id,
    ledger_entry.recipe,
    ledger_entry.account_id,
    ledger_entry.amount_fen,
    ledger_entry.posted_at
   FROM public.ledger_entry
UNION ALL
 SELECT ledger_sale_entry.pool_id,
    ledger_sale_entry.id,
    ledger_sale_entry.reason_id,
    ledger_sale_entry.recipe,
    ledger_sale_entry.account_id,
    ledger_sale_entry.amount_fen,
    ledger_sale_entry.posted_at
   FROM public.ledger_sale_entry;
CREATE VIEW public.ledger_balance AS
 SELECT account.id AS account_id,
    account.code,
    (COALESCE(sum(posting.amount_fen), (0)::numeric))::bigint AS balance_fen
   FROM (public.ledger_account account
     LEFT JOIN public.ledger_posting posting ON ((posting.account_id = account.id)))
  GROUP BY account.id, account.code;
CREATE TABLE public.ledger_guarded (
    account_id bigint NOT NULL,
    floor_fen bigint NOT NULL,
    balance_fen bigint DEFAULT 0 NOT NULL,
    CONSTRAINT ledger_guarded_above_floor CHECK ((balance_fen >= floor_fen))
);
CREATE UNLOGGED TABLE public.limit_hit (
    bucket text NOT NULL,
    window_start timestamp with time zone NOT NULL,
    hits integer NOT NULL
);
CREATE TABLE public.messages_message (
    id uuid NOT NULL,
    purpose text NOT NULL,
    about text NOT NULL,
    channel text NOT NULL,
    sealed bytea NOT NULL,
    to_identity bytea NOT NULL,
    to_mask text NOT NULL,
    refs jsonb NOT NULL,
    state text NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    sender_id text,
    vendor_no text DEFAULT ''::text NOT NULL,
    since timestamp with time zone NOT NULL,
    made_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    taken_at timestamp with time zone,
    sent_at timestamp with time zone,
    arrived_at timestamp with time zone,
    trouble text DEFAULT ''::text NOT NULL,
    CONSTRAINT messages_message_about_check CHECK (((length(about) >= 1) AND (length(about) <= 200))),
    CONSTRAINT messages_message_channel_check CHECK ((channel = ANY (ARRAY['sms'::text, 'mail'::text]))),
    CONSTRAINT messages_message_check CHECK (((state = ANY (ARRAY['queued'::text, 'refused'::text])) OR ((taken_at IS NOT NULL) AND (sender_id IS NOT NULL)))),
    CONSTRAINT messages_message_check1 CHECK (((state = 'arrived'::text) = (arrived_at IS NOT NULL))),
    CONSTRAINT messages_message_purpose_check CHECK ((purpose = ANY (ARRAY['code'::text, 'delivered'::text, 'issued'::text, 'refunded'::text, 'card'::text, 'warning'::text, 'invitation'::text, 'reminder'::text, 'licence'::text, 'recalled'::text]))),
    CONSTRAINT messages_message_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'sent'::text, 'arrived'::text, 'failed'::text, 'unknown'::text, 'refused'::text])))
);
CREATE TABLE public.messages_number (
    identity bytea NOT NULL,
    last_at timestamp with time zone NOT NULL
);
CREATE TABLE public.messages_receipt (
    sender_id text NOT NULL,
    vendor_no text NOT NULL,
    has_arrived boolean NOT NULL,
    message_id uuid,
    at timestamp with time zone NOT NULL,
    code text DEFAULT ''::text NOT NULL,
    received_at timestamp with time zone NOT NULL
);
CREATE TABLE public.messages_sender (
    id text NOT NULL,
    kind text NOT NULL,
    channel text NOT NULL,
    title text NOT NULL,
    sign_name text DEFAULT ''::text NOT NULL,
    endpoint text DEFAULT ''::text NOT NULL,
    region text DEFAULT ''::text NOT NULL,
    app text DEFAULT ''::text NOT NULL,
    key_id text DEFAULT ''::text NOT NULL,
    sealed_secret bytea NOT NULL,
    place integer DEFAULT 0 NOT NULL,
    is_open boolean DEFAULT true NOT NULL,
    CONSTRAINT messages_sender_channel_check CHECK ((channel = ANY (ARRAY['sms'::text, 'mail'::text]))),
    CONSTRAINT messages_sender_check CHECK (((kind = 'sandbox'::text) OR ((kind = 'smtp'::text) = (channel = 'mail'::text)))),
    CONSTRAINT messages_sender_check1 CHECK (((NOT is_open) OR (kind = ANY (ARRAY['sandbox'::text, 'smtp'::text])) OR ((length(sealed_secret) > 0) AND (key_id <> ''::text) AND (sign_name <> ''::text)))),
    CONSTRAINT messages_sender_id_check CHECK ((id ~ '^[a-z0-9][a-z0-9-]{1,31}$'::text)),
    CONSTRAINT messages_sender_kind_check CHECK ((kind = ANY (ARRAY['aliyun'::text, 'tencent'::text, 'volcengine'::text, 'smtp'::text, 'sandbox'::text]))),
    CONSTRAINT messages_sender_title_check CHECK ((title <> ''::text))
);
CREATE TABLE public.messages_template (
    id bigint NOT NULL,
    sender_id text NOT NULL,
    purpose text NOT NULL,
    template_id text DEFAULT ''::text NOT NULL,
    text text NOT NULL,
    variables jsonb NOT NULL,
    carries_card boolean DEFAULT false NOT NULL,
    state text DEFAULT 'approved'::text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT messages_template_check CHECK ((carries_card OR (purpose <> 'card'::text))),
    CONSTRAINT messages_template_purpose_check CHECK ((purpose = ANY (ARRAY['code'::text, 'delivered'::text, 'issued'::text, 'refunded'::text, 'card'::text, 'warning'::text, 'invitation'::text, 'reminder'::text, 'licence'::text, 'recalled'::text]))),
    CONSTRAINT messages_template_state_check CHECK ((state = ANY (ARRAY['approved'::text, 'withdrawn'::text]))),
    CONSTRAINT messages_template_text_check CHECK (((length(text) >= 1) AND (length(text) <= 2000)))
);
ALTER TABLE public.messages_template ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.messages_template_id_seq
    START WITH 1000
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.messages_try (
    message_id uuid NOT NULL,
    number integer NOT NULL,
    sender_id text NOT NULL,
    state text NOT NULL,
    vendor_no text DEFAULT ''::text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    trouble text DEFAULT ''::text NOT NULL,
    CONSTRAINT messages_try_number_check CHECK ((number > 0)),
    CONSTRAINT messages_try_state_check CHECK ((state = ANY (ARRAY['unknown'::text, 'taken'::text, 'refused'::text, 'arrived'::text, 'failed'::text])))
);
CREATE TABLE public.outbox (
    pool_id bigint NOT NULL,
    id uuid NOT NULL,
    topic text NOT NULL,
    body jsonb NOT NULL,
    due_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    leased_until timestamp with time zone,
    tries integer DEFAULT 0 NOT NULL,
    trouble text DEFAULT ''::text NOT NULL
);
CREATE TABLE public.party_api_key (
    id text NOT NULL,
    party_id bigint NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    sealed_secret bytea NOT NULL,
    per_second integer NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT party_api_key_id_check CHECK ((id ~ '^kk_[0-9A-Za-z]{20}$'::text)),
    CONSTRAINT party_api_key_name_check CHECK ((name <> ''::text)),
    CONSTRAINT party_api_key_per_second_check CHECK (((per_second >= 1) AND (per_second <= 10000))),
    CONSTRAINT party_api_key_sealed_secret_check CHECK ((length(sealed_secret) > 0))
);
CREATE TABLE public.party_appeal (
    id uuid NOT NULL,
    sanction_id uuid NOT NULL,
    words text NOT NULL,
    state text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    answer text DEFAULT ''::text NOT NULL,
    decided_by text,
    decided_at timestamp with time zone,
    CONSTRAINT party_appeal_decided CHECK ((((state = 'open'::text) = (decided_by IS NULL)) AND ((state = 'open'::text) OR (answer <> ''::text)))),
    CONSTRAINT party_appeal_state_check CHECK ((state = ANY (ARRAY['open'::text, 'upheld'::text, 'rejected'::text]))),
    CONSTRAINT party_appeal_words_check CHECK (((length(words) >= 1) AND (length(words) <= 2000)))
);
CREATE TABLE public.party_bank_account (
    id uuid NOT NULL,
    party_id bigint NOT NULL,
    holder text NOT NULL,
    bank text NOT NULL,
    number bytea NOT NULL,
    mark bytea NOT NULL,
    tail text NOT NULL,
    state text NOT NULL,
    set_by text NOT NULL,
    set_at timestamp with time zone NOT NULL,
    proven_at timestamp with time zone,
    CONSTRAINT party_bank_account_bank_check CHECK ((bank <> ''::text)),
    CONSTRAINT party_bank_account_holder_check CHECK ((holder <> ''::text)),
    CONSTRAINT party_bank_account_mark_check CHECK ((length(mark) = 16)),
    CONSTRAINT party_bank_account_proven CHECK (((state <> ALL (ARRAY['proven'::text, 'kept'::text])) OR (proven_at IS NOT NULL))),
    CONSTRAINT party_bank_account_state_check CHECK ((state = ANY (ARRAY['unproven'::text, 'proven'::text, 'kept'::text, 'ended'::text]))),
    CONSTRAINT party_bank_account_tail_check CHECK ((length(tail) = 4))
);
CREATE TABLE public.party_change (
    id uuid NOT NULL,
    party_id bigint NOT NULL,
    name text NOT NULL,
    address text NOT NULL,
    contact text NOT NULL,
    happened_on date NOT NULL,
    is_late boolean NOT NULL,
    state text NOT NULL,
    declared_by text NOT NULL,
    declared_at timestamp with time zone NOT NULL,
    verify_by timestamp with time zone NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    evidence text DEFAULT ''::text NOT NULL,
    decided_by text,
    decided_at timestamp with time zone,
    CONSTRAINT party_change_address_check CHECK ((length(address) <= 120)),
    CONSTRAINT party_change_check CHECK ((verify_by > declared_at)),
    CONSTRAINT party_change_contact_check CHECK ((length(contact) <= 120)),
    CONSTRAINT party_change_decided CHECK (((state = 'declared'::text) = (decided_by IS NULL))),
    CONSTRAINT party_change_evidence_check CHECK ((evidence ~ '^([0-9a-f]{64})?$'::text)),
    CONSTRAINT party_change_name_check CHECK ((length(name) <= 80)),
    CONSTRAINT party_change_seen CHECK (((state <> 'published'::text) OR (evidence <> ''::text))),
    CONSTRAINT party_change_something CHECK (((name <> ''::text) OR (address <> ''::text) OR (contact <> ''::text))),
    CONSTRAINT party_change_state_check CHECK ((state = ANY (ARRAY['declared'::text, 'published'::text, 'refused'::text]))),
    CONSTRAINT party_change_why CHECK (((state = 'declared'::text) OR (reason <> ''::text)))
);
CREATE TABLE public.party_consent (
    id uuid NOT NULL,
    subject text NOT NULL,
    purpose text NOT NULL,
    words_sha256 text NOT NULL,
    given_by text NOT NULL,
    given_at timestamp with time zone NOT NULL,
    withdrawn_at timestamp with time zone,
    CONSTRAINT party_consent_purpose_check CHECK ((purpose = ANY (ARRAY['identity_document'::text, 'bank_account'::text, 'marketing'::text, 'age_check'::text, 'guardian_identity'::text]))),
    CONSTRAINT party_consent_subject_check CHECK ((subject <> ''::text)),
    CONSTRAINT party_consent_words_sha256_check CHECK ((words_sha256 ~ '^[0-9a-f]{64}$'::text))
);
CREATE TABLE public.party_contract (
    kind text NOT NULL,
    version integer NOT NULL,
    title text NOT NULL,
    body text NOT NULL,
    deposit_fen bigint DEFAULT 0 NOT NULL,
    management text DEFAULT ''::text NOT NULL,
    usage text DEFAULT ''::text NOT NULL,
    refund text DEFAULT ''::text NOT NULL,
    sha256 text NOT NULL,
    published_by text NOT NULL,
    published_at timestamp with time zone NOT NULL,
    CONSTRAINT party_contract_body_check CHECK ((body <> ''::text)),
    CONSTRAINT party_contract_deposit_fen_check CHECK ((deposit_fen >= 0)),
    CONSTRAINT party_contract_kind_check CHECK ((kind = ANY (ARRAY['supply'::text, 'deposit'::text]))),
    CONSTRAINT party_contract_lists_all_four CHECK (((kind <> 'deposit'::text) OR ((deposit_fen > 0) AND (management <> ''::text) AND (usage <> ''::text) AND (refund <> ''::text)))),
    CONSTRAINT party_contract_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT party_contract_title_check CHECK ((title <> ''::text)),
    CONSTRAINT party_contract_version_check CHECK ((version > 0))
);
CREATE TABLE public.party_deposit (
    id uuid NOT NULL,
    party_id bigint NOT NULL,
    kind text NOT NULL,
    version integer NOT NULL,
    flow text NOT NULL,
    amount_fen bigint NOT NULL,
    reference text NOT NULL,
    noted_by text NOT NULL,
    noted_at timestamp with time zone NOT NULL,
    CONSTRAINT party_deposit_amount_fen_check CHECK ((amount_fen > 0)),
    CONSTRAINT party_deposit_flow_check CHECK ((flow = ANY (ARRAY['in'::text, 'back'::text, 'used'::text]))),
    CONSTRAINT party_deposit_kind_check CHECK ((kind = 'deposit'::text)),
    CONSTRAINT party_deposit_reference_check CHECK ((reference <> ''::text))
);
CREATE TABLE public.party_document (
    id uuid NOT NULL,
    party_id bigint NOT NULL,
    kind text NOT NULL,
    number bytea,
    name text NOT NULL,
    fields jsonb DEFAULT '{}'::jsonb NOT NULL,
    spool text NOT NULL,
    size bigint NOT NULL,
    sha256 text NOT NULL,
    valid_to date,
    state text NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    submitted_by text NOT NULL,
    submitted_at timestamp with time zone NOT NULL,
    decided_by text,
    decided_at timestamp with time zone,
    CONSTRAINT party_document_decided CHECK (((decided_by IS NULL) = (state = 'submitted'::text))),
    CONSTRAINT party_document_erased CHECK (((spool = ''::text) = (state = 'erased'::text))),
    CONSTRAINT party_document_kind_check CHECK ((kind = ANY (ARRAY['business_licence'::text, 'identity'::text, 'bank_proof'::text, 'authority'::text, 'other'::text]))),
    CONSTRAINT party_document_name_check CHECK (((length(name) >= 1) AND (length(name) <= 120))),
    CONSTRAINT party_document_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT party_document_size_check CHECK ((size > 0)),
    CONSTRAINT party_document_state_check CHECK ((state = ANY (ARRAY['submitted'::text, 'accepted'::text, 'rejected'::text, 'superseded'::text, 'erased'::text])))
);
CREATE TABLE public.party_draft (
    party_id bigint NOT NULL,
    step text NOT NULL,
    sealed bytea NOT NULL,
    saved_at timestamp with time zone NOT NULL,
    CONSTRAINT party_draft_step_check CHECK ((step <> ''::text))
);
CREATE TABLE public.party_exemption (
    party_id bigint NOT NULL,
    ground text NOT NULL,
    declared_by text NOT NULL,
    declared_at timestamp with time zone NOT NULL,
    CONSTRAINT party_exemption_ground_check CHECK ((ground = ANY (ARRAY['farm'::text, 'craft'::text, 'labour'::text, 'petty'::text, 'law'::text])))
);
CREATE TABLE public.party_hit (
    id uuid NOT NULL,
    party_id bigint NOT NULL,
    subject text NOT NULL,
    list_id text NOT NULL,
    version integer NOT NULL,
    digest bytea NOT NULL,
    matched text NOT NULL,
    state text NOT NULL,
    found_at timestamp with time zone NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    decided_by text,
    decided_at timestamp with time zone,
    CONSTRAINT party_hit_decided CHECK (((state = 'open'::text) = (decided_by IS NULL))),
    CONSTRAINT party_hit_matched_check CHECK ((matched = ANY (ARRAY['name'::text, 'id'::text]))),
    CONSTRAINT party_hit_state_check CHECK ((state = ANY (ARRAY['open'::text, 'cleared'::text, 'confirmed'::text]))),
    CONSTRAINT party_hit_subject_check CHECK ((subject <> ''::text))
);
CREATE TABLE public.party_id_holder (
    id uuid NOT NULL,
    mark bytea NOT NULL,
    verified_at timestamp with time zone NOT NULL,
    CONSTRAINT party_id_holder_mark_check CHECK ((length(mark) = 16))
);
CREATE TABLE public.party_invitation (
    id uuid NOT NULL,
    party_id bigint NOT NULL,
    email bytea NOT NULL,
    email_mark bytea NOT NULL,
    token_hash bytea NOT NULL,
    invited_by text NOT NULL,
    invited_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    accepted_by bigint,
    CONSTRAINT party_invitation_check CHECK ((expires_at > invited_at)),
    CONSTRAINT party_invitation_email_mark_check CHECK ((length(email_mark) = 16)),
    CONSTRAINT party_invitation_token_hash_check CHECK ((length(token_hash) = 32))
);
CREATE TABLE public.party_list (
    list_id text NOT NULL,
    version integer NOT NULL,
    sha256 text NOT NULL,
    entries integer NOT NULL,
    loaded_by text NOT NULL,
    loaded_at timestamp with time zone NOT NULL,
    CONSTRAINT party_list_entries_check CHECK ((entries >= 0)),
    CONSTRAINT party_list_list_id_check CHECK ((list_id ~ '^[a-z0-9-]{2,40}$'::text)),
    CONSTRAINT party_list_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT party_list_version_check CHECK ((version > 0))
);
CREATE TABLE public.party_list_entry (
    list_id text NOT NULL,
    version integer NOT NULL,
    digest bytea NOT NULL,
    name text NOT NULL,
    names text[] NOT NULL,
    marks bytea[] NOT NULL,
    CONSTRAINT party_list_entry_digest_check CHECK ((length(digest) = 32)),
    CONSTRAINT party_list_entry_name_check CHECK ((name <> ''::text))
);
CREATE TABLE public.party_mark (
    party_id bigint NOT NULL,
    kind text NOT NULL,
    mark bytea NOT NULL,
    CONSTRAINT party_mark_kind_check CHECK ((kind = ANY (ARRAY['uscc'::text, 'id'::text, 'bank'::text, 'phone'::text]))),
    CONSTRAINT party_mark_mark_check CHECK ((length(mark) = 16))
);
CREATE TABLE public.party_member (
    person_id bigint NOT NULL,
    party_id bigint NOT NULL,
    joined_at timestamp with time zone NOT NULL,
    is_owner boolean DEFAULT false NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT party_member_owner CHECK (((NOT is_owner) OR (ended_at IS NULL)))
);
CREATE UNLOGGED TABLE public.party_nonce (
    key_id text NOT NULL,
    nonce text NOT NULL,
    seen_at timestamp with time zone NOT NULL
);
CREATE TABLE public.party_party (
    id bigint NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    uscc text DEFAULT ''::text NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    contact text DEFAULT ''::text NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT party_party_known_kind CHECK ((kind = ANY (ARRAY['platform'::text, 'supplier'::text, 'buyer'::text]))),
    CONSTRAINT party_party_name_check CHECK ((name <> ''::text)),
    CONSTRAINT party_party_state_check CHECK ((state = ANY (ARRAY['active'::text, 'suspended'::text, 'closed'::text])))
);
ALTER TABLE public.party_party ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.party_party_id_seq
    START WITH 1000
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.party_platform (
    is_one boolean DEFAULT true NOT NULL,
    is_solo boolean DEFAULT false NOT NULL,
    solo_wait_seconds integer DEFAULT 600 NOT NULL,
    CONSTRAINT party_platform_is_one_check CHECK (is_one),
    CONSTRAINT party_platform_solo_wait_seconds_check CHECK (((solo_wait_seconds >= 0) AND (solo_wait_seconds <= 86400)))
);
CREATE TABLE public.party_principal (
    id uuid NOT NULL,
    party_id bigint NOT NULL,
    role text NOT NULL,
    name bytea NOT NULL,
    id_number bytea NOT NULL,
    id_mark bytea NOT NULL,
    id_tail text NOT NULL,
    share_bp integer DEFAULT 0 NOT NULL,
    added_by text NOT NULL,
    added_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT party_principal_id_mark_check CHECK ((length(id_mark) = 16)),
    CONSTRAINT party_principal_id_tail_check CHECK ((length(id_tail) = 4)),
    CONSTRAINT party_principal_role_check CHECK ((role = ANY (ARRAY['legal_representative'::text, 'beneficial_owner'::text]))),
    CONSTRAINT party_principal_share_bp_check CHECK (((share_bp >= 0) AND (share_bp <= 10000)))
);
CREATE TABLE public.party_report (
    id uuid NOT NULL,
    kind text NOT NULL,
    period text NOT NULL,
    rows integer NOT NULL,
    sha256 text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT party_report_kind_check CHECK ((kind = ANY (ARRAY['authority'::text, 'tax'::text, 'own'::text]))),
    CONSTRAINT party_report_period_check CHECK ((period <> ''::text)),
    CONSTRAINT party_report_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);
CREATE TABLE public.party_report_sent (
    report_id uuid NOT NULL,
    authority text NOT NULL,
    receipt text NOT NULL,
    sent_by text NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    CONSTRAINT party_report_sent_authority_check CHECK (((length(authority) >= 1) AND (length(authority) <= 200))),
    CONSTRAINT party_report_sent_receipt_check CHECK (((length(receipt) >= 1) AND (length(receipt) <= 200)))
);
CREATE TABLE public.party_request (
    id uuid NOT NULL,
    person_id bigint NOT NULL,
    kind text NOT NULL,
    words bytea NOT NULL,
    state text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    answer text DEFAULT ''::text NOT NULL,
    decided_by text,
    decided_at timestamp with time zone,
    erase_on date,
    erased_at timestamp with time zone,
    CONSTRAINT party_request_decided CHECK (((state = 'open'::text) = (decided_by IS NULL))),
    CONSTRAINT party_request_kind_check CHECK ((kind = ANY (ARRAY['correct'::text, 'delete'::text]))),
    CONSTRAINT party_request_reasoned CHECK (((state <> 'refused'::text) OR (answer <> ''::text))),
    CONSTRAINT party_request_restricted CHECK (((state <> 'restricted'::text) OR (erase_on IS NOT NULL))),
    CONSTRAINT party_request_state_check CHECK ((state = ANY (ARRAY['open'::text, 'done'::text, 'restricted'::text, 'refused'::text])))
);
CREATE TABLE public.party_sanction (
    id uuid NOT NULL,
    party_id bigint NOT NULL,
    grade text NOT NULL,
    ground text NOT NULL,
    reason text NOT NULL,
    evidence text NOT NULL,
    begins_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone,
    is_public boolean NOT NULL,
    state text NOT NULL,
    imposed_by text NOT NULL,
    ended_by text,
    ended_at timestamp with time zone,
    reported_at timestamp with time zone,
    CONSTRAINT party_sanction_check CHECK ((ends_at > begins_at)),
    CONSTRAINT party_sanction_ended CHECK (((state = 'in_force'::text) = (ended_at IS NULL))),
    CONSTRAINT party_sanction_evidence_check CHECK ((evidence ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT party_sanction_for_good CHECK (((grade = ANY (ARRAY['throttle'::text, 'pause'::text, 'warning'::text])) = (ends_at IS NOT NULL))),
    CONSTRAINT party_sanction_grade_check CHECK ((grade = ANY (ARRAY['warning'::text, 'throttle'::text, 'pause'::text, 'close'::text, 'blacklist'::text]))),
    CONSTRAINT party_sanction_ground_check CHECK ((ground <> ''::text)),
    CONSTRAINT party_sanction_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT party_sanction_state_check CHECK ((state = ANY (ARRAY['in_force'::text, 'ended'::text, 'lifted'::text, 'overturned'::text])))
);
CREATE TABLE public.party_screening (
    party_id bigint NOT NULL,
    screened_at timestamp with time zone NOT NULL,
    versions jsonb NOT NULL
);
CREATE TABLE public.party_signature (
    party_id bigint NOT NULL,
    kind text NOT NULL,
    version integer NOT NULL,
    sha256 text NOT NULL,
    signed_by text NOT NULL,
    signed_at timestamp with time zone NOT NULL,
    CONSTRAINT party_signature_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
);
CREATE TABLE public.party_supplier (
    party_id bigint NOT NULL,
    state text NOT NULL,
    risk text DEFAULT 'medium'::text NOT NULL,
    applied_at timestamp with time zone NOT NULL,
    verified_at timestamp with time zone,
    deposit_fen bigint DEFAULT 0 NOT NULL,
    is_registered boolean DEFAULT true NOT NULL,
    is_payout_held boolean DEFAULT false NOT NULL,
    moved_at timestamp with time zone,
    exiting_at timestamp with time zone,
    barred_from text,
    erased_at timestamp with time zone,
    CONSTRAINT party_supplier_deposit_fen_check CHECK ((deposit_fen >= 0)),
    CONSTRAINT party_supplier_risk_check CHECK ((risk = ANY (ARRAY['low'::text, 'medium'::text, 'high'::text]))),
    CONSTRAINT party_supplier_state_check CHECK ((state = ANY (ARRAY['applied'::text, 'kyb_review'::text, 'contract'::text, 'deposit'::text, 'active'::text, 'restricted'::text, 'suspended'::text, 'exiting'::text, 'closed'::text, 'blacklisted'::text]))),
    CONSTRAINT party_supplier_verified CHECK (((verified_at IS NOT NULL) OR (state <> ALL (ARRAY['active'::text, 'restricted'::text]))))
);
CREATE TABLE public.party_unreached (
    id uuid NOT NULL,
    party_id bigint NOT NULL,
    authority text NOT NULL,
    evidence text NOT NULL,
    state text NOT NULL,
    noted_by text NOT NULL,
    noted_at timestamp with time zone NOT NULL,
    remind_by timestamp with time zone NOT NULL,
    reminded_by text,
    reminded_at timestamp with time zone,
    answer_by timestamp with time zone,
    answer text DEFAULT ''::text NOT NULL,
    answered_by text,
    answered_at timestamp with time zone,
    settled_by text,
    settled_at timestamp with time zone,
    CONSTRAINT party_unreached_answer_check CHECK ((length(answer) <= 1000)),
    CONSTRAINT party_unreached_answered CHECK (((answer = ''::text) = (answered_at IS NULL))),
    CONSTRAINT party_unreached_authority_check CHECK (((length(authority) >= 1) AND (length(authority) <= 120))),
    CONSTRAINT party_unreached_check CHECK ((remind_by > noted_at)),
    CONSTRAINT party_unreached_evidence_check CHECK ((evidence ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT party_unreached_reminded CHECK (((reminded_at IS NULL) = (answer_by IS NULL))),
    CONSTRAINT party_unreached_settled CHECK (((state = 'settled'::text) = (settled_at IS NOT NULL))),
    CONSTRAINT party_unreached_state_check CHECK ((state = ANY (ARRAY['noted'::text, 'reminded'::text, 'answered'::text, 'settled'::text]))),
    CONSTRAINT party_unreached_waits CHECK (((state <> 'reminded'::text) OR (reminded_at IS NOT NULL)))
);
CREATE TABLE public.party_verification (
    id uuid NOT NULL,
    party_id bigint NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    state text NOT NULL,
    detail text DEFAULT ''::text NOT NULL,
    evidence text DEFAULT ''::text NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    externally_verified_at timestamp with time zone,
    CONSTRAINT party_verification_answered CHECK (((state = 'asked'::text) = (externally_verified_at IS NULL))),
    CONSTRAINT party_verification_evidence_check CHECK ((evidence ~ '^([0-9a-f]{64})?$'::text)),
    CONSTRAINT party_verification_kind_check CHECK ((kind = ANY (ARRAY['company'::text, 'person'::text, 'bank_account'::text]))),
    CONSTRAINT party_verification_shown CHECK (((state = 'asked'::text) OR (evidence <> ''::text))),
    CONSTRAINT party_verification_state_check CHECK ((state = ANY (ARRAY['asked'::text, 'matched'::text, 'mismatched'::text, 'not_found'::text, 'cancelled'::text])))
);
CREATE TABLE public.party_webhook (
    id uuid NOT NULL,
    party_id bigint NOT NULL,
    url text NOT NULL,
    topics text[] NOT NULL,
    sealed_secret bytea NOT NULL,
    is_open boolean DEFAULT true NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT party_webhook_url_check CHECK (((length(url) >= 10) AND (length(url) <= 500)))
);
CREATE TABLE public.party_webhook_message (
    id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    topic text NOT NULL,
    about text NOT NULL,
    body jsonb NOT NULL,
    state text NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    status integer,
    trouble text DEFAULT ''::text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    tried_at timestamp with time zone,
    CONSTRAINT party_webhook_message_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'given_up'::text])))
);
CREATE TABLE public.payments_channel (
    id text NOT NULL,
    kind text NOT NULL,
    title text NOT NULL,
    merchant text NOT NULL,
    gateway text NOT NULL,
    is_open boolean DEFAULT false NOT NULL,
    app_id text DEFAULT ''::text NOT NULL,
    payee text DEFAULT ''::text NOT NULL,
    methods text[] DEFAULT '{}'::text[] NOT NULL,
    weight integer DEFAULT 1 NOT NULL,
    amount_fen_min bigint DEFAULT 1 NOT NULL,
    amount_fen_max bigint DEFAULT 5000000 NOT NULL,
    day_fen_max bigint,
    confirm_fen bigint DEFAULT 100000,
    sign_serial text,
    verify_serial text,
    sign_use text DEFAULT 'sign'::text NOT NULL,
    verify_use text DEFAULT 'verify'::text NOT NULL,
    CONSTRAINT payments_channel_amount_fen_min_check CHECK ((amount_fen_min > 0)),
    CONSTRAINT payments_channel_amounts CHECK ((amount_fen_min <= amount_fen_max)),
    CONSTRAINT payments_channel_confirm_fen_check CHECK ((confirm_fen > 0)),
    CONSTRAINT payments_channel_day_fen_max_check CHECK ((day_fen_max > 0)),
    CONSTRAINT payments_channel_id_check CHECK ((id ~ '^[a-z0-9-]{2,32}$'::text)),
    CONSTRAINT payments_channel_methods_check CHECK ((methods <@ '{h5,jsapi,native,app,page}'::text[])),
    CONSTRAINT payments_channel_open_with_keys CHECK (((NOT is_open) OR ((sign_serial IS NOT NULL) AND (verify_serial IS NOT NULL) AND (merchant <> ''::text) AND (app_id <> ''::text)))),
    CONSTRAINT payments_channel_sign_use_check CHECK ((sign_use = 'sign'::text)),
    CONSTRAINT payments_channel_verify_use_check CHECK ((verify_use = 'verify'::text)),
    CONSTRAINT payments_channel_weight_check CHECK (((weight >= 1) AND (weight <= 1000)))
);
CREATE TABLE public.payments_event (
    channel_id text NOT NULL,
    event_id text NOT NULL,
    trade_no text NOT NULL,
    gateway_no text NOT NULL,
    amount_fen bigint NOT NULL,
    body bytea NOT NULL,
    source text NOT NULL,
    verdict text NOT NULL,
    detail text DEFAULT ''::text NOT NULL,
    received_at timestamp with time zone NOT NULL,
    CONSTRAINT payments_event_source_check CHECK ((source = ANY (ARRAY['notice'::text, 'query'::text]))),
    CONSTRAINT payments_event_verdict_check CHECK ((verdict = ANY (ARRAY['paid'::text, 'late'::text, 'repeated'::text, 'paid_twice'::text, 'to_confirm'::text, 'quarantined'::text])))
);
CREATE TABLE public.payments_health (
    channel_id text NOT NULL,
    minute timestamp with time zone NOT NULL,
    call text NOT NULL,
    told text NOT NULL,
    times integer NOT NULL,
    took_ms bigint NOT NULL,
    CONSTRAINT payments_health_told_check CHECK ((told = ANY (ARRAY['ok'::text, 'refused'::text, 'unknown'::text])))
);
CREATE TABLE public.payments_key (
    channel_id text NOT NULL,
    use text NOT NULL,
    serial text NOT NULL,
    public text DEFAULT ''::text NOT NULL,
    sealed bytea DEFAULT '\x'::bytea NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone,
    CONSTRAINT payments_key_check CHECK ((ends_at > starts_at)),
    CONSTRAINT payments_key_serial_check CHECK ((length(serial) <= 128)),
    CONSTRAINT payments_key_theirs_or_ours CHECK ((((use = 'verify'::text) = (public <> ''::text)) AND ((use = 'verify'::text) = (sealed = '\x'::bytea)))),
    CONSTRAINT payments_key_use_check CHECK ((use = ANY (ARRAY['sign'::text, 'verify'::text, 'open'::text, 'app'::text])))
);
CREATE TABLE public.payments_payment (
    pool_id bigint NOT NULL,
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    channel_id text NOT NULL,
    trade_no text NOT NULL,
    amount_fen bigint NOT NULL,
    currency text DEFAULT 'CNY'::text NOT NULL,
    state text NOT NULL,
    pay_url text DEFAULT ''::text NOT NULL,
    gateway_no text,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    paid_at timestamp with time zone,
    method text DEFAULT 'h5'::text NOT NULL,
    shape text DEFAULT 'redirect'::text NOT NULL,
    CONSTRAINT payments_payment_amount_fen_check CHECK ((amount_fen > 0)),
    CONSTRAINT payments_payment_check CHECK (((state = 'paid'::text) = ((paid_at IS NOT NULL) AND (gateway_no IS NOT NULL)))),
    CONSTRAINT payments_payment_shape_check CHECK ((shape = ANY (ARRAY['redirect'::text, 'qr'::text, 'call'::text]))),
    CONSTRAINT payments_payment_state_check CHECK ((state = ANY (ARRAY['created'::text, 'paying'::text, 'unknown'::text, 'paid'::text, 'closed'::text])))
);
CREATE TABLE public.payments_refund (
    pool_id bigint NOT NULL,
    id uuid NOT NULL,
    payment_id uuid NOT NULL,
    order_id uuid NOT NULL,
    gateway_no text NOT NULL,
    amount_fen bigint NOT NULL,
    reason text NOT NULL,
    state text NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone,
    trouble text DEFAULT ''::text NOT NULL,
    CONSTRAINT payments_refund_amount_fen_check CHECK ((amount_fen > 0)),
    CONSTRAINT payments_refund_check CHECK (((state = 'done'::text) = (done_at IS NOT NULL))),
    CONSTRAINT payments_refund_state_check CHECK ((state = ANY (ARRAY['requested'::text, 'unknown'::text, 'done'::text, 'refused'::text])))
);
CREATE TABLE public.payments_taken (
    channel_id text NOT NULL,
    day date NOT NULL,
    slot integer NOT NULL,
    times bigint NOT NULL,
    amount_fen bigint NOT NULL
);
CREATE TABLE public.payments_transaction (
    channel_id text NOT NULL,
    gateway_no text NOT NULL,
    pool_id bigint NOT NULL,
    payment_id uuid NOT NULL,
    amount_fen bigint NOT NULL,
    refunded_fen bigint DEFAULT 0 NOT NULL,
    CONSTRAINT payments_transaction_refunds_within CHECK (((refunded_fen >= 0) AND (refunded_fen <= amount_fen)))
);
CREATE TABLE public.sales_account (
    id bigint NOT NULL,
    party_id bigint NOT NULL,
    state text DEFAULT 'active'::text NOT NULL,
    order_max integer DEFAULT 1000 NOT NULL,
    day_max_fen bigint,
    spent_on date NOT NULL,
    spent_fen bigint DEFAULT 0 NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    opened_by text NOT NULL,
    CONSTRAINT sales_account_day_max_fen_check CHECK ((day_max_fen > 0)),
    CONSTRAINT sales_account_order_max_check CHECK (((order_max >= 1) AND (order_max <= 1000))),
    CONSTRAINT sales_account_spent_fen_check CHECK ((spent_fen >= 0)),
    CONSTRAINT sales_account_state_check CHECK ((state = ANY (ARRAY['active'::text, 'frozen'::text, 'closed'::text])))
);
CREATE TABLE public.sales_bucket (
    bucket bytea NOT NULL
);
CREATE TABLE public.sales_bulk (
    id uuid NOT NULL,
    account_id bigint NOT NULL,
    code text NOT NULL,
    quantity integer NOT NULL,
    reference text DEFAULT ''::text NOT NULL,
    state text NOT NULL,
    bought integer DEFAULT 0 NOT NULL,
    spent_fen bigint DEFAULT 0 NOT NULL,
    steps integer DEFAULT 0 NOT NULL,
    stopped_by text DEFAULT ''::text NOT NULL,
    sealed_password bytea,
    file_bytes bigint DEFAULT 0 NOT NULL,
    file_sha256 text DEFAULT ''::text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone,
    file_kind text DEFAULT 'csv'::text NOT NULL,
    CONSTRAINT sales_bulk_check CHECK (((bought >= 0) AND (bought <= quantity))),
    CONSTRAINT sales_bulk_check1 CHECK (((state = 'done'::text) = (done_at IS NOT NULL))),
    CONSTRAINT sales_bulk_check2 CHECK (((state = 'done'::text) OR (sealed_password IS NOT NULL))),
    CONSTRAINT sales_bulk_file_kind_check CHECK ((file_kind = ANY (ARRAY['csv'::text, 'xlsx'::text]))),
    CONSTRAINT sales_bulk_quantity_check CHECK (((quantity >= 1) AND (quantity <= 1000000))),
    CONSTRAINT sales_bulk_state_check CHECK ((state = ANY (ARRAY['running'::text, 'packing'::text, 'done'::text])))
);
CREATE TABLE public.sales_bulk_piece (
    bulk_id uuid NOT NULL,
    no integer NOT NULL,
    content bytea NOT NULL,
    CONSTRAINT sales_bulk_piece_content_check CHECK ((length(content) <= 1048576))
);
CREATE TABLE public.sales_bulk_step (
    bulk_id uuid NOT NULL,
    no integer NOT NULL,
    pool_id bigint NOT NULL,
    order_id uuid NOT NULL
);
CREATE TABLE public.sales_buyer_order (
    buyer bytea NOT NULL,
    placed_at timestamp with time zone NOT NULL,
    pool_id bigint NOT NULL,
    order_id uuid NOT NULL
);
CREATE TABLE public.sales_code (
    id uuid NOT NULL,
    phone_identity bytea NOT NULL,
    device bytea NOT NULL,
    code_hash bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    used_at timestamp with time zone
);
CREATE TABLE public.sales_contract_price (
    id uuid NOT NULL,
    account_id bigint NOT NULL,
    sku_id bigint NOT NULL,
    price_fen bigint NOT NULL,
    from_at timestamp with time zone NOT NULL,
    until_at timestamp with time zone,
    set_by text NOT NULL,
    set_at timestamp with time zone NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    CONSTRAINT sales_contract_price_check CHECK ((until_at > from_at)),
    CONSTRAINT sales_contract_price_price_fen_check CHECK ((price_fen > 0))
);
CREATE TABLE public.sales_credit (
    pool_id bigint NOT NULL,
    id uuid NOT NULL,
    order_id uuid NOT NULL,
    account_id bigint NOT NULL,
    amount_fen bigint NOT NULL,
    cards integer NOT NULL,
    reason text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT sales_credit_amount_fen_check CHECK ((amount_fen > 0)),
    CONSTRAINT sales_credit_cards_check CHECK ((cards >= 0))
);
CREATE TABLE public.sales_fulfilment (
    pool_id bigint NOT NULL,
    order_id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    form_sealed bytea NOT NULL,
    shown text NOT NULL,
    due_at timestamp with time zone,
    tries integer DEFAULT 0 NOT NULL,
    sent_at timestamp with time zone,
    taken_by text DEFAULT ''::text NOT NULL,
    trouble text DEFAULT ''::text NOT NULL,
    ended_at timestamp with time zone,
    wish text DEFAULT ''::text NOT NULL,
    wish_answer text DEFAULT ''::text NOT NULL,
    CONSTRAINT sales_fulfilment_check CHECK (((state = ANY (ARRAY['done'::text, 'failed'::text])) = (ended_at IS NOT NULL))),
    CONSTRAINT sales_fulfilment_check1 CHECK (((state = ANY (ARRAY['waiting'::text, 'sent'::text])) <= (due_at IS NOT NULL))),
    CONSTRAINT sales_fulfilment_check2 CHECK (((state = 'sent'::text) <= (sent_at IS NOT NULL))),
    CONSTRAINT sales_fulfilment_check3 CHECK (((wish_answer <> ''::text) = (wish = 'declined'::text))),
    CONSTRAINT sales_fulfilment_kind_check CHECK ((kind = ANY (ARRAY['on_demand'::text, 'manual'::text]))),
    CONSTRAINT sales_fulfilment_state_check CHECK ((state = ANY (ARRAY['unpaid'::text, 'waiting'::text, 'sent'::text, 'done'::text, 'failed'::text]))),
    CONSTRAINT sales_fulfilment_tries_check CHECK ((tries >= 0)),
    CONSTRAINT sales_fulfilment_wish_check CHECK ((wish = ANY (ARRAY[''::text, 'deliver'::text, 'refund'::text, 'declined'::text])))
);
CREATE TABLE public.sales_incident (
    id uuid NOT NULL,
    kind text NOT NULL,
    pool_id bigint NOT NULL,
    order_id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    detail text DEFAULT ''::text NOT NULL
);
CREATE TABLE public.sales_invoice (
    id uuid NOT NULL,
    account_id bigint NOT NULL,
    month date NOT NULL,
    title text NOT NULL,
    tax_no text NOT NULL,
    amount_fen bigint NOT NULL,
    state text NOT NULL,
    number text DEFAULT ''::text NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    decided_by text DEFAULT ''::text NOT NULL,
    decided_at timestamp with time zone,
    CONSTRAINT sales_invoice_amount_fen_check CHECK ((amount_fen > 0)),
    CONSTRAINT sales_invoice_check CHECK (((state = 'asked'::text) = (decided_at IS NULL))),
    CONSTRAINT sales_invoice_check1 CHECK (((state <> 'issued'::text) OR (number <> ''::text))),
    CONSTRAINT sales_invoice_month_check CHECK ((EXTRACT(day FROM month) = (1)::numeric)),
    CONSTRAINT sales_invoice_state_check CHECK ((state = ANY (ARRAY['asked'::text, 'issued'::text, 'refused'::text]))),
    CONSTRAINT sales_invoice_tax_no_check CHECK ((tax_no <> ''::text)),
    CONSTRAINT sales_invoice_title_check CHECK ((title <> ''::text))
);
CREATE TABLE public.sales_key (
    scope bytea NOT NULL,
    key text NOT NULL,
    asked text NOT NULL,
    pool_id bigint NOT NULL,
    order_id uuid NOT NULL,
    made_at timestamp with time zone NOT NULL,
    CONSTRAINT sales_key_key_check CHECK (((length(key) >= 1) AND (length(key) <= 255)))
);
CREATE TABLE public.sales_line (
    pool_id bigint NOT NULL,
    id uuid NOT NULL,
    order_pool_id bigint NOT NULL,
    order_id uuid NOT NULL,
    sku_id bigint NOT NULL,
    seller_id bigint NOT NULL,
    supplier_id bigint NOT NULL,
    quantity integer NOT NULL,
    price_fen bigint NOT NULL,
    list_price_fen bigint,
    price_steps jsonb NOT NULL,
    total_fen bigint NOT NULL,
    cost_fen bigint NOT NULL,
    is_third_party boolean NOT NULL,
    fee_rule_id bigint NOT NULL,
    commission_fen bigint NOT NULL,
    page_hash bytea NOT NULL,
    agreement_id bigint NOT NULL,
    risk_hold text DEFAULT 'clear'::text NOT NULL,
    redemption text DEFAULT 'unknown'::text NOT NULL,
    placed_on date NOT NULL,
    delivered_at timestamp with time zone,
    revealed_at timestamp with time zone,
    warranty_ends_on date,
    CONSTRAINT sales_line_check CHECK ((total_fen = (price_fen * quantity))),
    CONSTRAINT sales_line_check1 CHECK (((commission_fen >= 0) AND (commission_fen <= total_fen))),
    CONSTRAINT sales_line_cost_fen_check CHECK ((cost_fen >= 0)),
    CONSTRAINT sales_line_price_fen_check CHECK ((price_fen > 0)),
    CONSTRAINT sales_line_quantity_check CHECK ((quantity > 0)),
    CONSTRAINT sales_line_redemption_check CHECK ((redemption = ANY (ARRAY['unknown'::text, 'redeemed'::text, 'undone'::text, 'invalid'::text]))),
    CONSTRAINT sales_line_risk_hold_check CHECK ((risk_hold = ANY (ARRAY['clear'::text, 'held'::text, 'refused'::text])))
);
CREATE TABLE public.sales_link (
    hash bytea NOT NULL,
    pool_id bigint NOT NULL,
    order_id uuid NOT NULL,
    phone_identity bytea NOT NULL,
    made_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    device bytea,
    CONSTRAINT sales_link_check CHECK (((used_at IS NULL) = (device IS NULL))),
    CONSTRAINT sales_link_hash_check CHECK ((length(hash) = 16))
);
CREATE TABLE public.sales_minor_order (
    holder uuid NOT NULL,
    placed_on date NOT NULL,
    pool_id bigint NOT NULL,
    order_id uuid NOT NULL,
    month_fen_max bigint NOT NULL,
    CONSTRAINT sales_minor_order_month_fen_max_check CHECK ((month_fen_max > 0))
);
CREATE TABLE public.sales_order (
    pool_id bigint NOT NULL,
    id uuid NOT NULL,
    number text NOT NULL,
    token text NOT NULL,
    state text NOT NULL,
    quantity integer NOT NULL,
    total_fen bigint NOT NULL,
    open_id text DEFAULT ''::text NOT NULL,
    phone_sealed bytea,
    phone_identity bytea,
    phone_tail text DEFAULT ''::text NOT NULL,
    device bytea NOT NULL,
    address bytea NOT NULL,
    source_entry text DEFAULT 'store'::text NOT NULL,
    live_room text DEFAULT ''::text NOT NULL,
    author text DEFAULT ''::text NOT NULL,
    video text DEFAULT ''::text NOT NULL,
    community text DEFAULT ''::text NOT NULL,
    link text DEFAULT ''::text NOT NULL,
    consent_at timestamp with time zone NOT NULL,
    consent_hash text NOT NULL,
    placed_at timestamp with time zone NOT NULL,
    hold_until timestamp with time zone NOT NULL,
    paid_at timestamp with time zone,
    paid_late boolean DEFAULT false NOT NULL,
    delivered_at timestamp with time zone,
    closed_at timestamp with time zone,
    close_reason text DEFAULT ''::text NOT NULL,
    account_id bigint,
    reference text DEFAULT ''::text NOT NULL,
    completed_at timestamp with time zone,
    erase_on date,
    erased_at timestamp with time zone,
    purged_at timestamp with time zone,
    forgotten_at timestamp with time zone,
    forget_on date,
    CONSTRAINT sales_order_check CHECK (((state <> ALL (ARRAY['delivered'::text, 'completed'::text])) OR ((paid_at IS NOT NULL) AND (delivered_at IS NOT NULL)))),
    CONSTRAINT sales_order_of_somebody CHECK (((account_id IS NOT NULL) OR (length(device) > 0))),
    CONSTRAINT sales_order_quantity_check CHECK ((quantity > 0)),
    CONSTRAINT sales_order_state_check CHECK ((state = ANY (ARRAY['placed'::text, 'paid'::text, 'delivered'::text, 'completed'::text, 'expired'::text, 'cancelled'::text, 'refunding'::text, 'refunded'::text, 'disputed'::text]))),
    CONSTRAINT sales_order_total_fen_check CHECK ((total_fen > 0))
);
CREATE TABLE public.sales_possession (
    pool_id bigint NOT NULL,
    order_id uuid NOT NULL,
    device bytea NOT NULL,
    granted_at timestamp with time zone NOT NULL,
    how text NOT NULL,
    CONSTRAINT sales_possession_how_check CHECK ((how = ANY (ARRAY['checkout'::text, 'code'::text, 'link'::text])))
);
CREATE TABLE public.sales_quota (
    bucket bytea NOT NULL,
    order_id uuid NOT NULL,
    sku_id bigint NOT NULL,
    quantity integer NOT NULL,
    held_until timestamp with time zone
);
CREATE TABLE public.sales_reference (
    account_id bigint NOT NULL,
    reference text NOT NULL,
    pool_id bigint NOT NULL,
    order_id uuid NOT NULL,
    CONSTRAINT sales_reference_reference_check CHECK (((length(reference) >= 1) AND (length(reference) <= 64)))
);
CREATE TABLE public.sales_topup (
    id uuid NOT NULL,
    account_id bigint NOT NULL,
    amount_fen bigint NOT NULL,
    contract_no text NOT NULL,
    bank_reference text NOT NULL,
    approval_id uuid NOT NULL,
    state text NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    credited_at timestamp with time zone,
    CONSTRAINT sales_topup_amount_fen_check CHECK ((amount_fen > 0)),
    CONSTRAINT sales_topup_bank_reference_check CHECK ((bank_reference <> ''::text)),
    CONSTRAINT sales_topup_check CHECK (((state = 'credited'::text) = (credited_at IS NOT NULL))),
    CONSTRAINT sales_topup_contract_no_check CHECK ((contract_no <> ''::text)),
    CONSTRAINT sales_topup_state_check CHECK ((state = ANY (ARRAY['asked'::text, 'credited'::text, 'cancelled'::text])))
);
CREATE TABLE public.settlement_bill (
    id uuid NOT NULL,
    channel_id text NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    version integer NOT NULL,
    source text NOT NULL,
    state text NOT NULL,
    sha256 text DEFAULT ''::text NOT NULL,
    size bigint DEFAULT 0 NOT NULL,
    spool text DEFAULT ''::text NOT NULL,
    lines_total integer DEFAULT 0 NOT NULL,
    lines_loaded integer DEFAULT 0 NOT NULL,
    lines_matched integer DEFAULT 0 NOT NULL,
    windows_done integer DEFAULT 0 NOT NULL,
    payments integer DEFAULT 0 NOT NULL,
    refunds integer DEFAULT 0 NOT NULL,
    bill_fen bigint DEFAULT 0 NOT NULL,
    fee_fen bigint DEFAULT 0 NOT NULL,
    matched integer DEFAULT 0 NOT NULL,
    matched_fen bigint DEFAULT 0 NOT NULL,
    breaks integer DEFAULT 0 NOT NULL,
    break_fen bigint DEFAULT 0 NOT NULL,
    booked_fen bigint DEFAULT 0 NOT NULL,
    ledger_fen bigint DEFAULT 0 NOT NULL,
    ledger_only_fen bigint DEFAULT 0 NOT NULL,
    trouble text DEFAULT ''::text NOT NULL,
    asked_by text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    loaded_at timestamp with time zone,
    matched_at timestamp with time zone,
    CONSTRAINT settlement_bill_adds_up CHECK (((state <> 'matched'::text) OR (kind <> 'trade'::text) OR ((bill_fen = (matched_fen + break_fen)) AND (ledger_fen = ((matched_fen + booked_fen) + ledger_only_fen))))),
    CONSTRAINT settlement_bill_check CHECK ((lines_matched <= lines_loaded)),
    CONSTRAINT settlement_bill_check1 CHECK (((state = ANY (ARRAY['matched'::text, 'superseded'::text])) = (matched_at IS NOT NULL))),
    CONSTRAINT settlement_bill_kind_check CHECK ((kind = ANY (ARRAY['trade'::text, 'fund'::text]))),
    CONSTRAINT settlement_bill_source_check CHECK ((source = ANY (ARRAY['fetched'::text, 'uploaded'::text]))),
    CONSTRAINT settlement_bill_state_check CHECK ((state = ANY (ARRAY['fetching'::text, 'loading'::text, 'loaded'::text, 'matching'::text, 'matched'::text, 'failed'::text, 'superseded'::text]))),
    CONSTRAINT settlement_bill_version_check CHECK ((version > 0))
);
CREATE TABLE public.settlement_bill_line (
    bill_id uuid NOT NULL,
    line_no integer NOT NULL,
    kind text NOT NULL,
    pool_id bigint NOT NULL,
    refund_id uuid,
    gateway_no text NOT NULL,
    trade_no text NOT NULL,
    refund_no text NOT NULL,
    amount_fen bigint NOT NULL,
    fee_fen bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT settlement_bill_line_kind_check CHECK ((kind = ANY (ARRAY['payment'::text, 'refund'::text, 'fee'::text, 'split'::text, 'other'::text])))
);
CREATE TABLE public.settlement_case (
    id uuid NOT NULL,
    bill_id uuid NOT NULL,
    channel_id text NOT NULL,
    day date NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    line_no integer,
    line_kind text NOT NULL,
    pool_id bigint NOT NULL,
    payment_id uuid,
    order_id uuid,
    refund_id uuid,
    trade_no text NOT NULL,
    gateway_no text NOT NULL,
    refund_no text NOT NULL,
    theirs_fen bigint,
    ours_fen bigint,
    detail text DEFAULT ''::text NOT NULL,
    at timestamp with time zone NOT NULL,
    owner text NOT NULL,
    due_at timestamp with time zone NOT NULL,
    state text NOT NULL,
    resolution text DEFAULT ''::text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    reason_id uuid,
    opened_at timestamp with time zone NOT NULL,
    resolved_at timestamp with time zone,
    resolved_by text DEFAULT ''::text NOT NULL,
    CONSTRAINT settlement_case_check CHECK (((theirs_fen IS NOT NULL) OR (ours_fen IS NOT NULL))),
    CONSTRAINT settlement_case_check1 CHECK (((state = 'resolved'::text) = ((resolved_at IS NOT NULL) AND (resolution <> ''::text) AND (resolved_by <> ''::text)))),
    CONSTRAINT settlement_case_kind_check CHECK ((kind = ANY (ARRAY['long'::text, 'short'::text, 'amount_differs'::text, 'late'::text, 'unknown'::text, 'duplicate'::text]))),
    CONSTRAINT settlement_case_line_kind_check CHECK ((line_kind = ANY (ARRAY['payment'::text, 'refund'::text, 'fee'::text, 'split'::text, 'other'::text]))),
    CONSTRAINT settlement_case_state_check CHECK ((state = ANY (ARRAY['open'::text, 'resolved'::text])))
);
CREATE TABLE public.settlement_form (
    channel_id text NOT NULL,
    kind text NOT NULL,
    columns jsonb NOT NULL,
    set_by text NOT NULL,
    set_at timestamp with time zone NOT NULL,
    CONSTRAINT settlement_form_kind_check CHECK ((kind = ANY (ARRAY['trade'::text, 'fund'::text])))
);
ALTER TABLE ONLY public.aftersale_breach
    ADD CONSTRAINT aftersale_breach_pkey PRIMARY KEY (clock, thing, id);
ALTER TABLE ONLY public.aftersale_compensation
    ADD CONSTRAINT aftersale_compensation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.aftersale_complaint
    ADD CONSTRAINT aftersale_complaint_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.aftersale_guardian
    ADD CONSTRAINT aftersale_guardian_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit_approval
    ADD CONSTRAINT audit_approval_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.audit_entry
    ADD CONSTRAINT audit_entry_pkey PRIMARY KEY (pool_id, id);
ALTER TABLE ONLY public.audit_head
    ADD CONSTRAINT audit_head_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.audit_seal
    ADD CONSTRAINT audit_seal_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.audit_seal
    ADD CONSTRAINT audit_seal_pool_id_entry_id_key UNIQUE (pool_id, entry_id);
ALTER TABLE ONLY public.cards_batch
    ADD CONSTRAINT cards_batch_code_key UNIQUE (code);
ALTER TABLE ONLY public.cards_batch
    ADD CONSTRAINT cards_batch_pkey PRIMARY KEY (pool_id);
ALTER TABLE ONLY public.cards_card
    ADD CONSTRAINT cards_card_pkey PRIMARY KEY (pool_id, id);
ALTER TABLE public.cards_card
    ADD CONSTRAINT cards_card_voided_was_sold CHECK (((voided_at IS NULL) OR (state = 'sold'::text))) NOT VALID;
ALTER TABLE ONLY public.cards_checked
    ADD CONSTRAINT cards_checked_pkey PRIMARY KEY (pool_id);
ALTER TABLE ONLY public.cards_content
    ADD CONSTRAINT cards_content_pkey PRIMARY KEY (pool_id, id);
ALTER TABLE ONLY public.cards_content
    ADD CONSTRAINT cards_content_pool_id_version_key UNIQUE (pool_id, version);
ALTER TABLE ONLY public.cards_export
    ADD CONSTRAINT cards_export_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.cards_fingerprint
    ADD CONSTRAINT cards_fingerprint_pkey PRIMARY KEY (fingerprint);
ALTER TABLE ONLY public.cards_invalid
    ADD CONSTRAINT cards_invalid_key UNIQUE (pool_id, card_id, key);
ALTER TABLE ONLY public.cards_invalid
    ADD CONSTRAINT cards_invalid_pkey PRIMARY KEY (pool_id, id);
ALTER TABLE ONLY public.cards_pool
    ADD CONSTRAINT cards_pool_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.cards_probe
    ADD CONSTRAINT cards_probe_pkey PRIMARY KEY (pool_id, turn, card_id);
ALTER TABLE ONLY public.cards_provenance
    ADD CONSTRAINT cards_provenance_pkey PRIMARY KEY (pool_id, seq);
ALTER TABLE ONLY public.cards_redemption
    ADD CONSTRAINT cards_redemption_pkey PRIMARY KEY (pool_id, id);
ALTER TABLE ONLY public.cards_reject
    ADD CONSTRAINT cards_reject_pkey PRIMARY KEY (pool_id, line_no);
ALTER TABLE ONLY public.cards_source
    ADD CONSTRAINT cards_source_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.catalog_agreement
    ADD CONSTRAINT catalog_agreement_kind_version_key UNIQUE (kind, version);
ALTER TABLE ONLY public.catalog_agreement
    ADD CONSTRAINT catalog_agreement_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.catalog_category
    ADD CONSTRAINT catalog_category_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.catalog_category
    ADD CONSTRAINT catalog_category_slug_key UNIQUE (slug);
ALTER TABLE ONLY public.catalog_comment
    ADD CONSTRAINT catalog_comment_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.catalog_deal
    ADD CONSTRAINT catalog_deal_pkey PRIMARY KEY (sku_id, day);
ALTER TABLE ONLY public.catalog_fee_rule
    ADD CONSTRAINT catalog_fee_rule_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.catalog_image
    ADD CONSTRAINT catalog_image_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.catalog_page
    ADD CONSTRAINT catalog_page_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY public.catalog_price
    ADD CONSTRAINT catalog_price_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.catalog_product
    ADD CONSTRAINT catalog_product_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.catalog_product
    ADD CONSTRAINT catalog_product_slug_key UNIQUE (slug);
ALTER TABLE ONLY public.catalog_sku
    ADD CONSTRAINT catalog_sku_code_key UNIQUE (code);
ALTER TABLE ONLY public.catalog_sku
    ADD CONSTRAINT catalog_sku_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.compliance_alert
    ADD CONSTRAINT compliance_alert_pkey PRIMARY KEY (licence_id, what);
ALTER TABLE ONLY public.compliance_attestation
    ADD CONSTRAINT compliance_attestation_once UNIQUE (event, subject);
ALTER TABLE ONLY public.compliance_attestation
    ADD CONSTRAINT compliance_attestation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.compliance_authorisation
    ADD CONSTRAINT compliance_authorisation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.compliance_closing
    ADD CONSTRAINT compliance_closing_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.compliance_file
    ADD CONSTRAINT compliance_file_pkey PRIMARY KEY (sha256);
ALTER TABLE ONLY public.compliance_goods
    ADD CONSTRAINT compliance_goods_pkey PRIMARY KEY (code);
ALTER TABLE ONLY public.compliance_licence
    ADD CONSTRAINT compliance_licence_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.compliance_link_alert
    ADD CONSTRAINT compliance_link_alert_pkey PRIMARY KEY (authorisation_id, what);
ALTER TABLE ONLY public.compliance_requirement
    ADD CONSTRAINT compliance_requirement_pkey PRIMARY KEY (goods, who, licence, scope);
ALTER TABLE ONLY public.compliance_review
    ADD CONSTRAINT compliance_review_once UNIQUE (thing, sha256, version);
ALTER TABLE ONLY public.compliance_review
    ADD CONSTRAINT compliance_review_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.compliance_snapshot
    ADD CONSTRAINT compliance_snapshot_pkey PRIMARY KEY (sha256);
ALTER TABLE ONLY public.compliance_stop
    ADD CONSTRAINT compliance_stop_pkey PRIMARY KEY (sku_id);
ALTER TABLE ONLY public.compliance_takedown
    ADD CONSTRAINT compliance_takedown_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.heartbeat
    ADD CONSTRAINT heartbeat_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.ledger_account
    ADD CONSTRAINT ledger_account_code_key UNIQUE (code);
ALTER TABLE ONLY public.ledger_account
    ADD CONSTRAINT ledger_account_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.ledger_entry
    ADD CONSTRAINT ledger_entry_pkey PRIMARY KEY (account_id, id);
ALTER TABLE ONLY public.ledger_guarded
    ADD CONSTRAINT ledger_guarded_pkey PRIMARY KEY (account_id);
ALTER TABLE ONLY public.ledger_sale_entry
    ADD CONSTRAINT ledger_sale_entry_pkey PRIMARY KEY (pool_id, id);
ALTER TABLE ONLY public.limit_hit
    ADD CONSTRAINT limit_hit_pkey PRIMARY KEY (bucket, window_start);
ALTER TABLE ONLY public.messages_message
    ADD CONSTRAINT messages_message_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.messages_message
    ADD CONSTRAINT messages_message_purpose_about_key UNIQUE (purpose, about);
ALTER TABLE ONLY public.messages_number
    ADD CONSTRAINT messages_number_pkey PRIMARY KEY (identity);
ALTER TABLE ONLY public.messages_receipt
    ADD CONSTRAINT messages_receipt_pkey PRIMARY KEY (sender_id, vendor_no, has_arrived);
ALTER TABLE ONLY public.messages_sender
    ADD CONSTRAINT messages_sender_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.messages_template
    ADD CONSTRAINT messages_template_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.messages_try
    ADD CONSTRAINT messages_try_pkey PRIMARY KEY (message_id, number);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (pool_id, id);
ALTER TABLE ONLY public.party_api_key
    ADD CONSTRAINT party_api_key_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_appeal
    ADD CONSTRAINT party_appeal_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_bank_account
    ADD CONSTRAINT party_bank_account_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_change
    ADD CONSTRAINT party_change_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_consent
    ADD CONSTRAINT party_consent_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_contract
    ADD CONSTRAINT party_contract_pkey PRIMARY KEY (kind, version);
ALTER TABLE ONLY public.party_deposit
    ADD CONSTRAINT party_deposit_flow_reference_key UNIQUE (flow, reference);
ALTER TABLE ONLY public.party_deposit
    ADD CONSTRAINT party_deposit_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_document
    ADD CONSTRAINT party_document_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_draft
    ADD CONSTRAINT party_draft_pkey PRIMARY KEY (party_id, step);
ALTER TABLE ONLY public.party_exemption
    ADD CONSTRAINT party_exemption_pkey PRIMARY KEY (party_id, declared_at);
ALTER TABLE ONLY public.party_hit
    ADD CONSTRAINT party_hit_party_id_subject_list_id_digest_key UNIQUE (party_id, subject, list_id, digest);
ALTER TABLE ONLY public.party_hit
    ADD CONSTRAINT party_hit_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_id_holder
    ADD CONSTRAINT party_id_holder_id_key UNIQUE (id);
ALTER TABLE ONLY public.party_id_holder
    ADD CONSTRAINT party_id_holder_pkey PRIMARY KEY (mark);
ALTER TABLE ONLY public.party_invitation
    ADD CONSTRAINT party_invitation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_invitation
    ADD CONSTRAINT party_invitation_token_hash_key UNIQUE (token_hash);
ALTER TABLE ONLY public.party_list_entry
    ADD CONSTRAINT party_list_entry_pkey PRIMARY KEY (list_id, version, digest);
ALTER TABLE ONLY public.party_list
    ADD CONSTRAINT party_list_pkey PRIMARY KEY (list_id, version);
ALTER TABLE ONLY public.party_mark
    ADD CONSTRAINT party_mark_pkey PRIMARY KEY (party_id, kind, mark);
ALTER TABLE ONLY public.party_member
    ADD CONSTRAINT party_member_pkey PRIMARY KEY (person_id, party_id);
ALTER TABLE ONLY public.party_nonce
    ADD CONSTRAINT party_nonce_pkey PRIMARY KEY (key_id, nonce);
ALTER TABLE ONLY public.party_party
    ADD CONSTRAINT party_party_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_platform
    ADD CONSTRAINT party_platform_pkey PRIMARY KEY (is_one);
ALTER TABLE ONLY public.party_principal
    ADD CONSTRAINT party_principal_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_report
    ADD CONSTRAINT party_report_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_report_sent
    ADD CONSTRAINT party_report_sent_pkey PRIMARY KEY (report_id);
ALTER TABLE ONLY public.party_request
    ADD CONSTRAINT party_request_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_sanction
    ADD CONSTRAINT party_sanction_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_screening
    ADD CONSTRAINT party_screening_pkey PRIMARY KEY (party_id);
ALTER TABLE ONLY public.party_signature
    ADD CONSTRAINT party_signature_pkey PRIMARY KEY (party_id, kind, version);
ALTER TABLE ONLY public.party_supplier
    ADD CONSTRAINT party_supplier_pkey PRIMARY KEY (party_id);
ALTER TABLE ONLY public.party_unreached
    ADD CONSTRAINT party_unreached_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_verification
    ADD CONSTRAINT party_verification_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_webhook_message
    ADD CONSTRAINT party_webhook_message_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.party_webhook_message
    ADD CONSTRAINT party_webhook_message_webhook_id_topic_about_key UNIQUE (webhook_id, topic, about);
ALTER TABLE ONLY public.party_webhook
    ADD CONSTRAINT party_webhook_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.payments_channel
    ADD CONSTRAINT payments_channel_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.payments_event
    ADD CONSTRAINT payments_event_pkey PRIMARY KEY (channel_id, event_id, verdict);
ALTER TABLE ONLY public.payments_health
    ADD CONSTRAINT payments_health_pkey PRIMARY KEY (channel_id, minute, call, told);
ALTER TABLE ONLY public.payments_key
    ADD CONSTRAINT payments_key_pkey PRIMARY KEY (channel_id, use, serial);
ALTER TABLE ONLY public.payments_payment
    ADD CONSTRAINT payments_payment_pkey PRIMARY KEY (pool_id, id);
ALTER TABLE ONLY public.payments_payment
    ADD CONSTRAINT payments_payment_pool_id_channel_id_trade_no_key UNIQUE (pool_id, channel_id, trade_no);
ALTER TABLE ONLY public.payments_refund
    ADD CONSTRAINT payments_refund_pkey PRIMARY KEY (pool_id, id);
ALTER TABLE ONLY public.payments_taken
    ADD CONSTRAINT payments_taken_pkey PRIMARY KEY (channel_id, day, slot);
ALTER TABLE ONLY public.payments_transaction
    ADD CONSTRAINT payments_transaction_pkey PRIMARY KEY (channel_id, gateway_no);
ALTER TABLE ONLY public.sales_account
    ADD CONSTRAINT sales_account_party_id_key UNIQUE (party_id);
ALTER TABLE ONLY public.sales_account
    ADD CONSTRAINT sales_account_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sales_bucket
    ADD CONSTRAINT sales_bucket_pkey PRIMARY KEY (bucket);
ALTER TABLE ONLY public.sales_bulk_piece
    ADD CONSTRAINT sales_bulk_piece_pkey PRIMARY KEY (bulk_id, no);
ALTER TABLE ONLY public.sales_bulk
    ADD CONSTRAINT sales_bulk_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sales_bulk_step
    ADD CONSTRAINT sales_bulk_step_pkey PRIMARY KEY (bulk_id, no);
ALTER TABLE ONLY public.sales_buyer_order
    ADD CONSTRAINT sales_buyer_order_pkey PRIMARY KEY (buyer, order_id);
ALTER TABLE ONLY public.sales_code
    ADD CONSTRAINT sales_code_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sales_contract_price
    ADD CONSTRAINT sales_contract_price_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sales_credit
    ADD CONSTRAINT sales_credit_pkey PRIMARY KEY (pool_id, id);
ALTER TABLE ONLY public.sales_fulfilment
    ADD CONSTRAINT sales_fulfilment_pkey PRIMARY KEY (pool_id, order_id);
ALTER TABLE ONLY public.sales_incident
    ADD CONSTRAINT sales_incident_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sales_invoice
    ADD CONSTRAINT sales_invoice_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sales_key
    ADD CONSTRAINT sales_key_pkey PRIMARY KEY (scope, key);
ALTER TABLE ONLY public.sales_line
    ADD CONSTRAINT sales_line_pkey PRIMARY KEY (pool_id, id);
ALTER TABLE ONLY public.sales_link
    ADD CONSTRAINT sales_link_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY public.sales_minor_order
    ADD CONSTRAINT sales_minor_order_pkey PRIMARY KEY (holder, placed_on, order_id);
ALTER TABLE ONLY public.sales_order
    ADD CONSTRAINT sales_order_pkey PRIMARY KEY (pool_id, id);
ALTER TABLE ONLY public.sales_order
    ADD CONSTRAINT sales_order_pool_id_number_key UNIQUE (pool_id, number);
ALTER TABLE ONLY public.sales_order
    ADD CONSTRAINT sales_order_pool_id_token_key UNIQUE (pool_id, token);
ALTER TABLE ONLY public.sales_possession
    ADD CONSTRAINT sales_possession_pkey PRIMARY KEY (pool_id, order_id, device);
ALTER TABLE ONLY public.sales_quota
    ADD CONSTRAINT sales_quota_pkey PRIMARY KEY (bucket, order_id, sku_id);
ALTER TABLE ONLY public.sales_reference
    ADD CONSTRAINT sales_reference_pkey PRIMARY KEY (account_id, reference);
ALTER TABLE ONLY public.sales_topup
    ADD CONSTRAINT sales_topup_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.settlement_bill
    ADD CONSTRAINT settlement_bill_channel_id_day_kind_version_key UNIQUE (channel_id, day, kind, version);
ALTER TABLE ONLY public.settlement_bill_line
    ADD CONSTRAINT settlement_bill_line_pkey PRIMARY KEY (bill_id, line_no);
ALTER TABLE ONLY public.settlement_bill
    ADD CONSTRAINT settlement_bill_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.settlement_case
    ADD CONSTRAINT settlement_case_channel_id_kind_subject_key UNIQUE (channel_id, kind, subject);
ALTER TABLE ONLY public.settlement_case
    ADD CONSTRAINT settlement_case_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.settlement_form
    ADD CONSTRAINT settlement_form_pkey PRIMARY KEY (channel_id, kind);
CREATE INDEX aftersale_compensation_of_approval ON public.aftersale_compensation USING btree (approval_id) WHERE (approval_id IS NOT NULL);
CREATE INDEX aftersale_compensation_of_order ON public.aftersale_compensation USING btree (pool_id, order_id, made_at);
CREATE UNIQUE INDEX aftersale_compensation_one ON public.aftersale_compensation USING btree (pool_id, order_id) WHERE (state = ANY (ARRAY['owed'::text, 'asked'::text, 'approved'::text]));
CREATE INDEX aftersale_compensation_open ON public.aftersale_compensation USING btree (due_at, id) WHERE (state = ANY (ARRAY['owed'::text, 'asked'::text, 'approved'::text]));
CREATE INDEX aftersale_compensation_over ON public.aftersale_compensation USING btree (ended_at, id) WHERE (ended_at IS NOT NULL);
CREATE INDEX aftersale_complaint_of_buyer ON public.aftersale_complaint USING btree (buyer, opened_at);
CREATE INDEX aftersale_complaint_of_order ON public.aftersale_complaint USING btree (pool_id, order_id, opened_at);
CREATE INDEX aftersale_complaint_of_supplier ON public.aftersale_complaint USING btree (supplier_id, opened_at);
CREATE UNIQUE INDEX aftersale_complaint_one ON public.aftersale_complaint USING btree (pool_id, order_id) WHERE (state = ANY (ARRAY['opened'::text, 'taken'::text, 'objected'::text]));
CREATE INDEX aftersale_complaint_open ON public.aftersale_complaint USING btree (opened_at) WHERE (state = ANY (ARRAY['opened'::text, 'taken'::text, 'objected'::text]));
CREATE INDEX aftersale_guardian_due ON public.aftersale_guardian USING btree (due_at) WHERE (state = 'open'::text);
CREATE INDEX aftersale_guardian_of_order ON public.aftersale_guardian USING btree (pool_id, order_id, opened_at);
CREATE UNIQUE INDEX aftersale_guardian_one ON public.aftersale_guardian USING btree (pool_id, order_id) WHERE (state = 'open'::text);
CREATE UNIQUE INDEX audit_approval_open ON public.audit_approval USING btree (act, object_kind, object_id) WHERE (state = ANY (ARRAY['waiting'::text, 'approved'::text]));
CREATE INDEX audit_entry_in_commit_order ON public.audit_entry USING btree (xact, id);
CREATE INDEX audit_entry_newest ON public.audit_entry USING btree (at, id);
CREATE INDEX audit_entry_of_object ON public.audit_entry USING btree (pool_id, object_kind, object_id, at);
CREATE INDEX cards_batch_newest ON public.cards_batch USING btree (received_at, pool_id);
CREATE INDEX cards_card_choices ON public.cards_card USING btree (pool_id, label) WHERE ((label IS NOT NULL) AND (state = 'on_shelf'::text));
CREATE UNIQUE INDEX cards_card_of_label ON public.cards_card USING btree (pool_id, label) WHERE (label IS NOT NULL);
CREATE INDEX cards_card_of_line ON public.cards_card USING btree (pool_id, sale_line_id) WHERE (sale_line_id IS NOT NULL);
CREATE INDEX cards_card_on_shelf ON public.cards_card USING btree (pool_id, expires_on, id) WHERE (state = 'on_shelf'::text);
CREATE INDEX cards_checked_wrong ON public.cards_checked USING btree (pool_id) WHERE ((broken IS NOT NULL) OR (mistold IS NOT NULL));
CREATE INDEX cards_pool_for_sale ON public.cards_pool USING btree (sku_id, expires_first, id) WHERE sellable;
CREATE INDEX cards_pool_of_authorisation ON public.cards_pool USING btree (authorisation_id) WHERE (authorisation_id IS NOT NULL);
CREATE INDEX cards_provenance_of_authorisation ON public.cards_provenance USING btree ((((body ->> 'authorisation'::text))::bigint)) WHERE (event = 'authorised'::text);
CREATE INDEX cards_redemption_newest ON public.cards_redemption USING btree (party_id, told_at, id);
CREATE INDEX cards_redemption_of_card ON public.cards_redemption USING btree (pool_id, card_id, told_at);
CREATE UNIQUE INDEX cards_redemption_once ON public.cards_redemption USING btree (pool_id, card_id) WHERE (undone_at IS NULL);
CREATE INDEX catalog_comment_of_agreement ON public.catalog_comment USING btree (agreement_id, made_at, id);
CREATE INDEX catalog_price_of_sku ON public.catalog_price USING btree (sku_id, from_at);
CREATE INDEX catalog_sku_of_product ON public.catalog_sku USING btree (product_id, "position", id);
CREATE INDEX compliance_attestation_due ON public.compliance_attestation USING btree (due_at) WHERE (state = 'waiting'::text);
CREATE INDEX compliance_attestation_latest ON public.compliance_attestation USING btree (made_at DESC, id);
CREATE INDEX compliance_attestation_of_order ON public.compliance_attestation USING btree (order_no);
CREATE INDEX compliance_authorisation_of_grantee ON public.compliance_authorisation USING btree (grantee_id, brand);
CREATE INDEX compliance_authorisation_of_parent ON public.compliance_authorisation USING btree (parent_id);
CREATE INDEX compliance_licence_in_force ON public.compliance_licence USING btree (party_id, kind, valid_to) WHERE (state = 'verified'::text);
CREATE UNIQUE INDEX compliance_licence_one ON public.compliance_licence USING btree (party_id, kind, number, valid_from) WHERE (state = 'verified'::text);
CREATE UNIQUE INDEX compliance_licence_waiting ON public.compliance_licence USING btree (party_id, kind, number) WHERE (state = ANY (ARRAY['draft'::text, 'submitted'::text, 'auto_checked'::text, 'in_review'::text]));
CREATE INDEX compliance_review_waiting ON public.compliance_review USING btree (made_at) WHERE (state = 'waiting'::text);
CREATE UNIQUE INDEX compliance_takedown_one ON public.compliance_takedown USING btree (product_id) WHERE (state <> 'lifted'::text);
CREATE INDEX compliance_takedown_unreported ON public.compliance_takedown USING btree (due_at) WHERE (state = 'frozen'::text);
CREATE INDEX ledger_entry_of_reason ON public.ledger_entry USING btree (reason_id);
CREATE INDEX ledger_sale_entry_of_day ON public.ledger_sale_entry USING brin (posted_at) WITH (pages_per_range='32', autosummarize='on');
CREATE INDEX ledger_sale_entry_of_reason ON public.ledger_sale_entry USING btree (pool_id, reason_id);
CREATE INDEX messages_message_newest ON public.messages_message USING btree (made_at, id);
CREATE INDEX messages_message_of_number ON public.messages_message USING btree (to_identity, taken_at) WHERE (taken_at IS NOT NULL);
CREATE INDEX messages_message_unforgotten ON public.messages_message USING btree (made_at) WHERE (sealed <> '\x'::bytea);
CREATE UNIQUE INDEX messages_template_in_use ON public.messages_template USING btree (sender_id, purpose) WHERE (state = 'approved'::text);
CREATE UNIQUE INDEX messages_try_of_vendor ON public.messages_try USING btree (sender_id, vendor_no) WHERE (vendor_no <> ''::text);
CREATE UNIQUE INDEX messages_try_once ON public.messages_try USING btree (message_id, sender_id) WHERE (state <> 'refused'::text);
CREATE INDEX outbox_due ON public.outbox USING btree (due_at, id);
CREATE INDEX party_api_key_of_party ON public.party_api_key USING btree (party_id, made_at);
CREATE UNIQUE INDEX party_appeal_once ON public.party_appeal USING btree (sanction_id) WHERE (state = 'open'::text);
CREATE UNIQUE INDEX party_bank_account_kept ON public.party_bank_account USING btree (party_id) WHERE (state = 'kept'::text);
CREATE UNIQUE INDEX party_bank_account_one ON public.party_bank_account USING btree (party_id) WHERE (state = ANY (ARRAY['unproven'::text, 'proven'::text]));
CREATE INDEX party_change_due ON public.party_change USING btree (verify_by) WHERE (state = 'declared'::text);
CREATE UNIQUE INDEX party_change_one ON public.party_change USING btree (party_id) WHERE (state = 'declared'::text);
CREATE UNIQUE INDEX party_consent_live ON public.party_consent USING btree (subject, purpose) WHERE (withdrawn_at IS NULL);
CREATE INDEX party_deposit_of_party ON public.party_deposit USING btree (party_id, noted_at);
CREATE INDEX party_document_of_party ON public.party_document USING btree (party_id, kind, submitted_at);
CREATE INDEX party_hit_open ON public.party_hit USING btree (found_at) WHERE (state = 'open'::text);
CREATE INDEX party_id_holder_due ON public.party_id_holder USING btree (verified_at);
CREATE INDEX party_invitation_of_party ON public.party_invitation USING btree (party_id, invited_at);
CREATE INDEX party_list_entry_marks ON public.party_list_entry USING gin (marks);
CREATE INDEX party_list_entry_names ON public.party_list_entry USING gin (names);
CREATE INDEX party_mark_same ON public.party_mark USING btree (kind, mark);
CREATE INDEX party_member_of_party ON public.party_member USING btree (party_id);
CREATE INDEX party_nonce_oldest ON public.party_nonce USING brin (seen_at);
CREATE UNIQUE INDEX party_party_live_name ON public.party_party USING btree (name) WHERE (state <> 'closed'::text);
CREATE INDEX party_party_of_name ON public.party_party USING btree (name);
CREATE UNIQUE INDEX party_party_one_platform ON public.party_party USING btree (kind) WHERE (kind = 'platform'::text);
CREATE UNIQUE INDEX party_principal_once ON public.party_principal USING btree (party_id, role, id_mark) WHERE (ended_at IS NULL);
CREATE UNIQUE INDEX party_principal_one_head ON public.party_principal USING btree (party_id) WHERE ((role = 'legal_representative'::text) AND (ended_at IS NULL));
CREATE INDEX party_report_of_period ON public.party_report USING btree (kind, period);
CREATE UNIQUE INDEX party_request_once ON public.party_request USING btree (person_id, kind) WHERE (state = 'open'::text);
CREATE INDEX party_sanction_due ON public.party_sanction USING btree (ends_at) WHERE (state = 'in_force'::text);
CREATE INDEX party_sanction_of_party ON public.party_sanction USING btree (party_id, begins_at);
CREATE INDEX party_supplier_closed ON public.party_supplier USING btree (moved_at, party_id) WHERE ((state = 'closed'::text) AND (erased_at IS NULL));
CREATE INDEX party_supplier_due ON public.party_supplier USING btree (verified_at) WHERE (state = ANY (ARRAY['active'::text, 'restricted'::text, 'suspended'::text]));
CREATE UNIQUE INDEX party_unreached_one ON public.party_unreached USING btree (party_id) WHERE (state <> 'settled'::text);
CREATE INDEX party_verification_of_party ON public.party_verification USING btree (party_id, kind, asked_at);
CREATE UNIQUE INDEX party_verification_open ON public.party_verification USING btree (party_id, kind, subject) WHERE (state = 'asked'::text);
CREATE INDEX party_webhook_message_newest ON public.party_webhook_message USING btree (webhook_id, made_at);
CREATE INDEX party_webhook_of_party ON public.party_webhook USING btree (party_id);
CREATE INDEX payments_event_of_trade ON public.payments_event USING btree (trade_no);
CREATE INDEX payments_event_to_look_at ON public.payments_event USING btree (received_at) WHERE (verdict = ANY (ARRAY['quarantined'::text, 'paid_twice'::text]));
CREATE INDEX payments_payment_of_order ON public.payments_payment USING btree (pool_id, order_id);
CREATE UNIQUE INDEX payments_payment_one_open ON public.payments_payment USING btree (pool_id, order_id) WHERE (state = ANY (ARRAY['created'::text, 'paying'::text, 'unknown'::text]));
CREATE INDEX payments_refund_of_order ON public.payments_refund USING btree (pool_id, order_id);
CREATE INDEX sales_bulk_of_account ON public.sales_bulk USING btree (account_id, made_at);
CREATE INDEX sales_buyer_order_newest ON public.sales_buyer_order USING btree (buyer, placed_at);
CREATE INDEX sales_code_newest ON public.sales_code USING btree (phone_identity, device, made_at);
CREATE INDEX sales_contract_price_of_account ON public.sales_contract_price USING btree (account_id, sku_id, from_at);
CREATE INDEX sales_credit_of_order ON public.sales_credit USING btree (pool_id, order_id);
CREATE INDEX sales_fulfilment_open ON public.sales_fulfilment USING btree (due_at, order_id) WHERE (state = ANY (ARRAY['waiting'::text, 'sent'::text]));
CREATE INDEX sales_incident_newest ON public.sales_incident USING btree (at);
CREATE UNIQUE INDEX sales_invoice_once ON public.sales_invoice USING btree (account_id, month) WHERE (state <> 'refused'::text);
CREATE INDEX sales_key_oldest ON public.sales_key USING brin (made_at);
CREATE INDEX sales_line_of_day ON public.sales_line USING btree (placed_on, sku_id);
CREATE INDEX sales_line_of_parent ON public.sales_line USING btree (order_id);
CREATE INDEX sales_link_expired ON public.sales_link USING btree (expires_at);
CREATE INDEX sales_link_of_order ON public.sales_link USING btree (order_id);
CREATE UNIQUE INDEX sales_minor_order_of_order ON public.sales_minor_order USING btree (order_id);
CREATE INDEX sales_order_lapsing ON public.sales_order USING btree (pool_id, hold_until) WHERE (state = 'placed'::text);
CREATE INDEX sales_order_lapsing_anywhere ON public.sales_order USING btree (hold_until) WHERE (state = 'placed'::text);
CREATE INDEX sales_order_newest ON public.sales_order USING btree (placed_at, id);
CREATE INDEX sales_order_of_state ON public.sales_order USING btree (state, placed_at, id);
CREATE INDEX sales_order_of_tail ON public.sales_order USING btree (phone_tail, placed_at) WHERE (phone_tail <> ''::text);
CREATE INDEX sales_order_to_erase ON public.sales_order USING btree (erase_on, id) WHERE (erase_on IS NOT NULL);
CREATE INDEX sales_order_to_forget ON public.sales_order USING btree (forget_on, id) WHERE (forget_on IS NOT NULL);
CREATE INDEX sales_order_to_purge ON public.sales_order USING btree (COALESCE(completed_at, closed_at), id) WHERE ((purged_at IS NULL) AND (COALESCE(completed_at, closed_at) IS NOT NULL));
CREATE INDEX sales_quota_of_order ON public.sales_quota USING btree (order_id);
CREATE INDEX sales_topup_of_account ON public.sales_topup USING btree (account_id, asked_at);
CREATE UNIQUE INDEX sales_topup_once ON public.sales_topup USING btree (bank_reference) WHERE (state <> 'cancelled'::text);
CREATE UNIQUE INDEX settlement_bill_in_force ON public.settlement_bill USING btree (channel_id, day, kind) WHERE (state = 'matched'::text);
CREATE INDEX settlement_bill_line_of_number ON public.settlement_bill_line USING btree (gateway_no, bill_id, line_no);
CREATE UNIQUE INDEX settlement_bill_under_way ON public.settlement_bill USING btree (channel_id, day, kind) WHERE (state = ANY (ARRAY['fetching'::text, 'loading'::text, 'loaded'::text, 'matching'::text]));
CREATE INDEX settlement_case_of_bill ON public.settlement_case USING btree (bill_id, line_no);
CREATE INDEX settlement_case_open ON public.settlement_case USING btree (due_at, id) WHERE (state = 'open'::text);
ALTER TABLE ONLY public.aftersale_compensation
    ADD CONSTRAINT aftersale_compensation_pool_id_order_id_fkey FOREIGN KEY (pool_id, order_id) REFERENCES public.sales_order(pool_id, id);
ALTER TABLE ONLY public.aftersale_complaint
    ADD CONSTRAINT aftersale_complaint_pool_id_order_id_fkey FOREIGN KEY (pool_id, order_id) REFERENCES public.sales_order(pool_id, id);
ALTER TABLE ONLY public.aftersale_complaint
    ADD CONSTRAINT aftersale_complaint_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.aftersale_guardian
    ADD CONSTRAINT aftersale_guardian_pool_id_order_id_fkey FOREIGN KEY (pool_id, order_id) REFERENCES public.sales_order(pool_id, id);
ALTER TABLE ONLY public.aftersale_guardian
    ADD CONSTRAINT aftersale_guardian_pool_id_refund_id_fkey FOREIGN KEY (pool_id, refund_id) REFERENCES public.payments_refund(pool_id, id);
ALTER TABLE ONLY public.audit_head
    ADD CONSTRAINT audit_head_seq_fkey FOREIGN KEY (seq) REFERENCES public.audit_seal(seq);
ALTER TABLE ONLY public.cards_batch
    ADD CONSTRAINT cards_batch_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES public.cards_pool(id);
ALTER TABLE ONLY public.cards_batch
    ADD CONSTRAINT cards_batch_redeemer_id_fkey FOREIGN KEY (redeemer_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.cards_card
    ADD CONSTRAINT cards_card_pool_id_content_id_fkey FOREIGN KEY (pool_id, content_id) REFERENCES public.cards_content(pool_id, id);
ALTER TABLE ONLY public.cards_card
    ADD CONSTRAINT cards_card_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES public.cards_pool(id);
ALTER TABLE ONLY public.cards_checked
    ADD CONSTRAINT cards_checked_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES public.cards_pool(id);
ALTER TABLE ONLY public.cards_content
    ADD CONSTRAINT cards_content_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES public.cards_pool(id);
ALTER TABLE ONLY public.cards_export
    ADD CONSTRAINT cards_export_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES public.cards_pool(id);
ALTER TABLE ONLY public.cards_invalid
    ADD CONSTRAINT cards_invalid_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.cards_invalid
    ADD CONSTRAINT cards_invalid_pool_id_card_id_fkey FOREIGN KEY (pool_id, card_id) REFERENCES public.cards_card(pool_id, id);
ALTER TABLE ONLY public.cards_pool
    ADD CONSTRAINT cards_pool_authorisation_id_fkey FOREIGN KEY (authorisation_id) REFERENCES public.compliance_authorisation(id);
ALTER TABLE ONLY public.cards_pool
    ADD CONSTRAINT cards_pool_sku_id_fkey FOREIGN KEY (sku_id) REFERENCES public.catalog_sku(id);
ALTER TABLE ONLY public.cards_pool
    ADD CONSTRAINT cards_pool_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.cards_source(id);
ALTER TABLE ONLY public.cards_pool
    ADD CONSTRAINT cards_pool_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.cards_probe
    ADD CONSTRAINT cards_probe_pool_id_card_id_fkey FOREIGN KEY (pool_id, card_id) REFERENCES public.cards_card(pool_id, id);
ALTER TABLE ONLY public.cards_probe
    ADD CONSTRAINT cards_probe_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES public.cards_pool(id);
ALTER TABLE ONLY public.cards_provenance
    ADD CONSTRAINT cards_provenance_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES public.cards_pool(id);
ALTER TABLE ONLY public.cards_redemption
    ADD CONSTRAINT cards_redemption_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.cards_redemption
    ADD CONSTRAINT cards_redemption_pool_id_card_id_fkey FOREIGN KEY (pool_id, card_id) REFERENCES public.cards_card(pool_id, id);
ALTER TABLE ONLY public.cards_reject
    ADD CONSTRAINT cards_reject_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES public.cards_pool(id);
ALTER TABLE ONLY public.cards_source
    ADD CONSTRAINT cards_source_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.catalog_category
    ADD CONSTRAINT catalog_category_goods_fkey FOREIGN KEY (goods) REFERENCES public.compliance_goods(code);
ALTER TABLE ONLY public.catalog_category
    ADD CONSTRAINT catalog_category_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES public.catalog_category(id);
ALTER TABLE ONLY public.catalog_comment
    ADD CONSTRAINT catalog_comment_agreement_id_fkey FOREIGN KEY (agreement_id) REFERENCES public.catalog_agreement(id);
ALTER TABLE ONLY public.catalog_deal
    ADD CONSTRAINT catalog_deal_sku_id_fkey FOREIGN KEY (sku_id) REFERENCES public.catalog_sku(id);
ALTER TABLE ONLY public.catalog_fee_rule
    ADD CONSTRAINT catalog_fee_rule_category_id_fkey FOREIGN KEY (category_id) REFERENCES public.catalog_category(id);
ALTER TABLE ONLY public.catalog_fee_rule
    ADD CONSTRAINT catalog_fee_rule_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.catalog_price
    ADD CONSTRAINT catalog_price_sku_id_fkey FOREIGN KEY (sku_id) REFERENCES public.catalog_sku(id);
ALTER TABLE ONLY public.catalog_product
    ADD CONSTRAINT catalog_product_category_id_fkey FOREIGN KEY (category_id) REFERENCES public.catalog_category(id);
ALTER TABLE ONLY public.catalog_product
    ADD CONSTRAINT catalog_product_image_id_fkey FOREIGN KEY (image_id) REFERENCES public.catalog_image(id);
ALTER TABLE ONLY public.catalog_product
    ADD CONSTRAINT catalog_product_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.catalog_sku
    ADD CONSTRAINT catalog_sku_product_id_fkey FOREIGN KEY (product_id) REFERENCES public.catalog_product(id);
ALTER TABLE ONLY public.compliance_alert
    ADD CONSTRAINT compliance_alert_licence_id_fkey FOREIGN KEY (licence_id) REFERENCES public.compliance_licence(id);
ALTER TABLE ONLY public.compliance_authorisation
    ADD CONSTRAINT compliance_authorisation_file_sha256_fkey FOREIGN KEY (file_sha256) REFERENCES public.compliance_file(sha256);
ALTER TABLE ONLY public.compliance_authorisation
    ADD CONSTRAINT compliance_authorisation_grantee_id_fkey FOREIGN KEY (grantee_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.compliance_authorisation
    ADD CONSTRAINT compliance_authorisation_grantor_id_fkey FOREIGN KEY (grantor_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.compliance_authorisation
    ADD CONSTRAINT compliance_authorisation_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES public.compliance_authorisation(id);
ALTER TABLE ONLY public.compliance_licence
    ADD CONSTRAINT compliance_licence_file_sha256_fkey FOREIGN KEY (file_sha256) REFERENCES public.compliance_file(sha256);
ALTER TABLE ONLY public.compliance_licence
    ADD CONSTRAINT compliance_licence_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.compliance_licence
    ADD CONSTRAINT compliance_licence_supersedes_id_fkey FOREIGN KEY (supersedes_id) REFERENCES public.compliance_licence(id);
ALTER TABLE ONLY public.compliance_link_alert
    ADD CONSTRAINT compliance_link_alert_authorisation_id_fkey FOREIGN KEY (authorisation_id) REFERENCES public.compliance_authorisation(id);
ALTER TABLE ONLY public.compliance_requirement
    ADD CONSTRAINT compliance_requirement_goods_fkey FOREIGN KEY (goods) REFERENCES public.compliance_goods(code);
ALTER TABLE ONLY public.compliance_stop
    ADD CONSTRAINT compliance_stop_takedown_id_fkey FOREIGN KEY (takedown_id) REFERENCES public.compliance_takedown(id);
ALTER TABLE ONLY public.compliance_takedown
    ADD CONSTRAINT compliance_takedown_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.compliance_takedown
    ADD CONSTRAINT compliance_takedown_snapshot_fkey FOREIGN KEY (snapshot) REFERENCES public.compliance_snapshot(sha256);
ALTER TABLE ONLY public.ledger_entry
    ADD CONSTRAINT ledger_entry_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.ledger_account(id);
ALTER TABLE ONLY public.ledger_guarded
    ADD CONSTRAINT ledger_guarded_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.ledger_account(id);
ALTER TABLE ONLY public.ledger_sale_entry
    ADD CONSTRAINT ledger_sale_entry_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.ledger_account(id);
ALTER TABLE ONLY public.messages_message
    ADD CONSTRAINT messages_message_sender_id_fkey FOREIGN KEY (sender_id) REFERENCES public.messages_sender(id);
ALTER TABLE ONLY public.messages_receipt
    ADD CONSTRAINT messages_receipt_sender_id_fkey FOREIGN KEY (sender_id) REFERENCES public.messages_sender(id);
ALTER TABLE ONLY public.messages_template
    ADD CONSTRAINT messages_template_sender_id_fkey FOREIGN KEY (sender_id) REFERENCES public.messages_sender(id);
ALTER TABLE ONLY public.messages_try
    ADD CONSTRAINT messages_try_message_id_fkey FOREIGN KEY (message_id) REFERENCES public.messages_message(id);
ALTER TABLE ONLY public.messages_try
    ADD CONSTRAINT messages_try_sender_id_fkey FOREIGN KEY (sender_id) REFERENCES public.messages_sender(id);
ALTER TABLE ONLY public.party_api_key
    ADD CONSTRAINT party_api_key_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.party_appeal
    ADD CONSTRAINT party_appeal_sanction_id_fkey FOREIGN KEY (sanction_id) REFERENCES public.party_sanction(id);
ALTER TABLE ONLY public.party_bank_account
    ADD CONSTRAINT party_bank_account_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_supplier(party_id);
ALTER TABLE ONLY public.party_change
    ADD CONSTRAINT party_change_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_supplier(party_id);
ALTER TABLE ONLY public.party_deposit
    ADD CONSTRAINT party_deposit_party_id_kind_version_fkey FOREIGN KEY (party_id, kind, version) REFERENCES public.party_signature(party_id, kind, version);
ALTER TABLE ONLY public.party_document
    ADD CONSTRAINT party_document_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_supplier(party_id);
ALTER TABLE ONLY public.party_draft
    ADD CONSTRAINT party_draft_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_supplier(party_id);
ALTER TABLE ONLY public.party_exemption
    ADD CONSTRAINT party_exemption_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_supplier(party_id);
ALTER TABLE ONLY public.party_hit
    ADD CONSTRAINT party_hit_list_id_version_digest_fkey FOREIGN KEY (list_id, version, digest) REFERENCES public.party_list_entry(list_id, version, digest);
ALTER TABLE ONLY public.party_hit
    ADD CONSTRAINT party_hit_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_supplier(party_id);
ALTER TABLE ONLY public.party_invitation
    ADD CONSTRAINT party_invitation_accepted_by_fkey FOREIGN KEY (accepted_by) REFERENCES public.party_person(id);
ALTER TABLE ONLY public.party_invitation
    ADD CONSTRAINT party_invitation_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.party_list_entry
    ADD CONSTRAINT party_list_entry_list_id_version_fkey FOREIGN KEY (list_id, version) REFERENCES public.party_list(list_id, version);
ALTER TABLE ONLY public.party_mark
    ADD CONSTRAINT party_mark_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.party_member
    ADD CONSTRAINT party_member_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.party_member
    ADD CONSTRAINT party_member_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.party_person(id);
ALTER TABLE ONLY public.party_principal
    ADD CONSTRAINT party_principal_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_supplier(party_id);
ALTER TABLE ONLY public.party_report_sent
    ADD CONSTRAINT party_report_sent_report_id_fkey FOREIGN KEY (report_id) REFERENCES public.party_report(id);
ALTER TABLE ONLY public.party_request
    ADD CONSTRAINT party_request_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.party_person(id);
ALTER TABLE ONLY public.party_sanction
    ADD CONSTRAINT party_sanction_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_supplier(party_id);
ALTER TABLE ONLY public.party_screening
    ADD CONSTRAINT party_screening_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_supplier(party_id);
ALTER TABLE ONLY public.party_signature
    ADD CONSTRAINT party_signature_kind_version_fkey FOREIGN KEY (kind, version) REFERENCES public.party_contract(kind, version);
ALTER TABLE ONLY public.party_signature
    ADD CONSTRAINT party_signature_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_supplier(party_id);
ALTER TABLE ONLY public.party_supplier
    ADD CONSTRAINT party_supplier_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.party_unreached
    ADD CONSTRAINT party_unreached_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_supplier(party_id);
ALTER TABLE ONLY public.party_verification
    ADD CONSTRAINT party_verification_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_supplier(party_id);
ALTER TABLE ONLY public.party_webhook_message
    ADD CONSTRAINT party_webhook_message_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES public.party_webhook(id);
ALTER TABLE ONLY public.party_webhook
    ADD CONSTRAINT party_webhook_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.payments_channel
    ADD CONSTRAINT payments_channel_signs_with FOREIGN KEY (id, sign_use, sign_serial) REFERENCES public.payments_key(channel_id, use, serial);
ALTER TABLE ONLY public.payments_channel
    ADD CONSTRAINT payments_channel_verifies_with FOREIGN KEY (id, verify_use, verify_serial) REFERENCES public.payments_key(channel_id, use, serial);
ALTER TABLE ONLY public.payments_health
    ADD CONSTRAINT payments_health_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES public.payments_channel(id);
ALTER TABLE ONLY public.payments_key
    ADD CONSTRAINT payments_key_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES public.payments_channel(id);
ALTER TABLE ONLY public.payments_payment
    ADD CONSTRAINT payments_payment_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES public.payments_channel(id);
ALTER TABLE ONLY public.payments_refund
    ADD CONSTRAINT payments_refund_pool_id_payment_id_fkey FOREIGN KEY (pool_id, payment_id) REFERENCES public.payments_payment(pool_id, id);
ALTER TABLE ONLY public.payments_taken
    ADD CONSTRAINT payments_taken_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES public.payments_channel(id);
ALTER TABLE ONLY public.sales_account
    ADD CONSTRAINT sales_account_id_fkey FOREIGN KEY (id) REFERENCES public.ledger_guarded(account_id);
ALTER TABLE ONLY public.sales_account
    ADD CONSTRAINT sales_account_party_id_fkey FOREIGN KEY (party_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.sales_bulk
    ADD CONSTRAINT sales_bulk_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.sales_account(id);
ALTER TABLE ONLY public.sales_bulk_piece
    ADD CONSTRAINT sales_bulk_piece_bulk_id_fkey FOREIGN KEY (bulk_id) REFERENCES public.sales_bulk(id);
ALTER TABLE ONLY public.sales_bulk_step
    ADD CONSTRAINT sales_bulk_step_bulk_id_fkey FOREIGN KEY (bulk_id) REFERENCES public.sales_bulk(id);
ALTER TABLE ONLY public.sales_contract_price
    ADD CONSTRAINT sales_contract_price_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.sales_account(id);
ALTER TABLE ONLY public.sales_contract_price
    ADD CONSTRAINT sales_contract_price_sku_id_fkey FOREIGN KEY (sku_id) REFERENCES public.catalog_sku(id);
ALTER TABLE ONLY public.sales_credit
    ADD CONSTRAINT sales_credit_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.sales_account(id);
ALTER TABLE ONLY public.sales_credit
    ADD CONSTRAINT sales_credit_pool_id_order_id_fkey FOREIGN KEY (pool_id, order_id) REFERENCES public.sales_order(pool_id, id);
ALTER TABLE ONLY public.sales_invoice
    ADD CONSTRAINT sales_invoice_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.sales_account(id);
ALTER TABLE ONLY public.sales_line
    ADD CONSTRAINT sales_line_agreement_id_fkey FOREIGN KEY (agreement_id) REFERENCES public.catalog_agreement(id);
ALTER TABLE ONLY public.sales_line
    ADD CONSTRAINT sales_line_fee_rule_id_fkey FOREIGN KEY (fee_rule_id) REFERENCES public.catalog_fee_rule(id);
ALTER TABLE ONLY public.sales_line
    ADD CONSTRAINT sales_line_page_hash_fkey FOREIGN KEY (page_hash) REFERENCES public.catalog_page(hash);
ALTER TABLE ONLY public.sales_line
    ADD CONSTRAINT sales_line_seller_id_fkey FOREIGN KEY (seller_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.sales_line
    ADD CONSTRAINT sales_line_sku_id_fkey FOREIGN KEY (sku_id) REFERENCES public.catalog_sku(id);
ALTER TABLE ONLY public.sales_line
    ADD CONSTRAINT sales_line_supplier_id_fkey FOREIGN KEY (supplier_id) REFERENCES public.party_party(id);
ALTER TABLE ONLY public.sales_quota
    ADD CONSTRAINT sales_quota_bucket_fkey FOREIGN KEY (bucket) REFERENCES public.sales_bucket(bucket);
ALTER TABLE ONLY public.sales_reference
    ADD CONSTRAINT sales_reference_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.sales_account(id);
ALTER TABLE ONLY public.sales_topup
    ADD CONSTRAINT sales_topup_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.sales_account(id);
ALTER TABLE ONLY public.sales_topup
    ADD CONSTRAINT sales_topup_approval_id_fkey FOREIGN KEY (approval_id) REFERENCES public.audit_approval(id);
ALTER TABLE ONLY public.settlement_bill
    ADD CONSTRAINT settlement_bill_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES public.payments_channel(id);
ALTER TABLE ONLY public.settlement_bill_line
    ADD CONSTRAINT settlement_bill_line_bill_id_fkey FOREIGN KEY (bill_id) REFERENCES public.settlement_bill(id);
ALTER TABLE ONLY public.settlement_case
    ADD CONSTRAINT settlement_case_bill_id_fkey FOREIGN KEY (bill_id) REFERENCES public.settlement_bill(id);
ALTER TABLE ONLY public.settlement_case
    ADD CONSTRAINT settlement_case_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES public.payments_channel(id);
ALTER TABLE ONLY public.settlement_form
    ADD CONSTRAINT settlement_form_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES public.payments_channel(id);
