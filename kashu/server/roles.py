"""What the application's role may do: read and write, but not rewrite history."""

from __future__ import annotations

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from kashu.kernel.db import Db, connect

# Rows here are facts: they may be added and read. The database refuses the rest, whatever the code says.
APPEND_ONLY = (
    "audit_entry",
    "audit_seal",
    "audit_head",
    "ledger_entry",
    "ledger_sale_entry",
    "payments_event",
    "catalog_page",
    "catalog_price",
    "catalog_fee_rule",
    "catalog_agreement",
    "cards_content",
    "cards_export",
    "cards_reject",
    "sales_incident",
    "sales_reference",
    "sales_contract_price",
    "sales_credit",
    "sales_bulk_step",
    "messages_receipt",
    "party_contract",
    "party_signature",
    "party_deposit",
    "party_list",
    "party_list_entry",
    "party_report",
    "party_report_sent",
    "party_exemption",
    "compliance_file",
    "compliance_snapshot",
    "compliance_closing",
    "catalog_comment",
    "cards_provenance",
    "cards_invalid",
    "aftersale_breach",
)
# What may be emptied of a fact all the same, once nothing allows keeping it (C-54): the row stays, with its hash.
ERASABLE = {"compliance_file": ("name", "sealed")}
# Never deleted, though they change state.
KEPT = (
    "cards_card",
    "cards_pool",
    "cards_batch",
    "sales_order",
    "payments_payment",
    "payments_refund",
    "payments_transaction",
    "payments_key",
    "payments_channel",
    "audit_approval",
    "ledger_account",
    "ledger_guarded",
    "sales_account",
    "sales_topup",
    "sales_bulk",
    "sales_fulfilment",
    "cards_source",
    "cards_redemption",
    "cards_checked",
    "sales_invoice",
    "party_api_key",
    "party_webhook",
    "messages_sender",
    "messages_template",
    "messages_message",
    "messages_try",
    "settlement_bill",
    "settlement_case",
    "party_supplier",
    "party_document",
    "party_principal",
    "party_bank_account",
    "party_verification",
    "party_sanction",
    "party_appeal",
    "party_hit",
    "party_consent",
    "party_request",
    "party_mark",
    "party_change",
    "party_unreached",
    "aftersale_complaint",
    "aftersale_guardian",
    "compliance_licence",
    "compliance_authorisation",
    "compliance_review",
    "compliance_takedown",
)


def grant(owner_dsn: str, app_dsn: str) -> bool:
    """Give the application's role what it needs; False where one role is both, so that nothing can be withheld."""
    owner, app = (conninfo_to_dict(dsn).get("user") for dsn in (owner_dsn, app_dsn))
    if owner == app or app is None:
        return False
    role = sql.Identifier(str(app))
    with connect(owner_dsn) as db, db.transaction():
        db.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
        everything = (
            "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES",
            "USAGE, SELECT ON ALL SEQUENCES",
            "EXECUTE ON ALL FUNCTIONS",
        )
        for what in everything:
            db.execute(sql.SQL("GRANT {} IN SCHEMA public TO {}").format(sql.SQL(what), role))
        for table in APPEND_ONLY:
            db.execute(sql.SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {} FROM {}").format(sql.Identifier(table), role))
        for table, columns in ERASABLE.items():
            named = sql.SQL(", ").join(map(sql.Identifier, columns))
            db.execute(sql.SQL("GRANT UPDATE ({}) ON {} TO {}").format(named, sql.Identifier(table), role))
        for table in KEPT:
            db.execute(sql.SQL("REVOKE DELETE, TRUNCATE ON {} FROM {}").format(sql.Identifier(table), role))
    return True


def writable_history(db: Db) -> list[str]:
    """The append-only tables that the connected role could rewrite. Should be none."""
    asked = (
        "SELECT name FROM unnest(%s::text[]) AS t (name) WHERE has_table_privilege(name, 'UPDATE, DELETE, TRUNCATE')"
    )
    return [row[0] for row in db.execute(asked, [list(APPEND_ONLY)])]
