"""The purpose registry (C-50): for every column that holds personal data, why it is held, on what ground, how long, who sees it.

A test reads the schema: a column that looks personal and is named here under no purpose fails it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SUSPICIOUS = re.compile(
    r"(phone|mail|name|id_number|(?<!de)tail|holder|device|address|open_id|contact|sealed|identity|mark|person|words|actor"
    r"|password|login|_by$|form|to_mask|^ip$|user_agent|buyer|data$|author$|who$)"
)
ACCOUNTABLE = re.compile(r"^[a-z_]+\.([a-z]+_by|actor)$")


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why data is held; `ground` names the article, `kept` the term, `seen_by` who may look."""

    why: str
    ground: str
    kept: str
    seen_by: str


PURPOSES = {
    "accountability": Purpose("who did what", "PIPL §13(3), ECOM §31", "as long as the record", "audit.read"),
    "sign_in": Purpose("accounts of people who sign in", "PIPL §13(2)", "until the account is erased", "people.edit"),
    "contract_party": Purpose(
        "who sells and buys, shown to buyers", "ECOM §27, §15", "3 years after leaving", "public"
    ),
    "kyb": Purpose(
        "who is behind a supplier", "ECOM §27, LIVE §8, AML §40", "3 years after leaving", "suppliers.review"
    ),
    "barred": Purpose("that nobody barred comes back", "ECOM §36, LIVE §14", "as long as the record", "nobody"),
    "lists": Purpose(
        "persons and organisations nobody may deal with", "AML §40", "versions are kept", "suppliers.read"
    ),
    "order": Purpose(
        "delivery, refund and proof of an order", "PIPL §13(2), ECOM §31", "3 years", "orders.read, masked"
    ),
    "possession": Purpose("who may see a card", "PIPL §13(2)", "with the order", "nobody"),
    "message": Purpose("codes and notices that were asked for", "PIPL §13(2)", "7 days", "messages.read, masked"),
    "invitation": Purpose(
        "a link to join an organisation", "PIPL §13(2)", "7 days, then its trace", "its organisation"
    ),
    "comment": Purpose(
        "what the public said of rules to come, without a name", "ECOM §34", "as long as the rules", "compliance.read"
    ),
    "complaint": Purpose(
        "deciding on a complaint, and telling buyers apart who abuse it",
        "PIPL §13(2), ECOM §59",
        "3 years after its end",
        "complaints.read; words without numbers: its supplier",
    ),
    "guardian": Purpose(
        "who claims a minor's money back",
        "PIPL §13(1), §29, §31 (separate consent); C-72",
        "3 years after the decision",
        "guardians.decide, audited",
    ),
    "age": Purpose(
        "age of who buys what minors may not have freely",
        "PIPL §29, MINOR §74",
        "3 years after the last check",
        "nobody",
    ),
    "wish": Purpose("what persons said: appeals, requests about data", "PIPL §44-50", "3 years", "who answers"),
}
COLUMNS = {
    "account_emailaddress.email": "sign_in",
    "account_emailconfirmation.email_address_id": "sign_in",
    "mfa_authenticator.data": "sign_in",
    "party_member.person_id": "sign_in",
    "party_person.email": "sign_in",
    "party_person.last_login": "sign_in",
    "party_person.name": "sign_in",
    "party_person.password": "sign_in",
    "usersessions_usersession.data": "sign_in",
    "usersessions_usersession.ip": "sign_in",
    "usersessions_usersession.user_agent": "sign_in",
    "audit_entry.actor_kind": "accountability",
    "party_party.address": "contract_party",
    "party_party.contact": "contract_party",
    "party_party.name": "contract_party",
    "party_change.name": "contract_party",
    "party_change.address": "contract_party",
    "party_change.contact": "contract_party",
    "party_bank_account.holder": "kyb",
    "party_bank_account.mark": "kyb",
    "party_bank_account.tail": "kyb",
    "party_document.name": "kyb",
    "party_draft.sealed": "kyb",
    "party_principal.id_mark": "kyb",
    "party_principal.id_number": "kyb",
    "party_principal.id_tail": "kyb",
    "party_principal.name": "kyb",
    "compliance_file.name": "kyb",
    "compliance_file.sealed": "kyb",
    "party_id_holder.mark": "age",
    "party_mark.mark": "barred",
    "party_list_entry.marks": "lists",
    "party_list_entry.name": "lists",
    "party_list_entry.names": "lists",
    "party_invitation.email": "invitation",
    "party_invitation.email_mark": "invitation",
    "aftersale_complaint.buyer": "complaint",
    "aftersale_complaint.words": "complaint",
    "aftersale_guardian.guardian_name": "guardian",
    "aftersale_guardian.guardian_number": "guardian",
    "aftersale_guardian.minor_name": "guardian",
    "aftersale_guardian.minor_number": "guardian",
    "aftersale_guardian.words": "guardian",
    "party_appeal.words": "wish",
    "party_request.person_id": "wish",
    "party_request.words": "wish",
    "catalog_comment.words": "comment",
    "messages_message.sealed": "message",
    "messages_message.to_identity": "message",
    "messages_message.to_mask": "message",
    "messages_number.identity": "message",
    "sales_buyer_order.buyer": "order",
    "sales_fulfilment.form_sealed": "order",
    "sales_minor_order.holder": "age",
    "sales_order.address": "order",
    "sales_order.author": "order",
    "sales_order.open_id": "order",
    "sales_order.device": "possession",
    "sales_order.phone_identity": "order",
    "sales_order.phone_sealed": "order",
    "sales_order.phone_tail": "order",
    "sales_code.device": "possession",
    "sales_code.phone_identity": "possession",
    "sales_link.device": "possession",
    "sales_link.phone_identity": "possession",
    "sales_possession.device": "possession",
}
# What stays of a person or an organisation once they are erased (C-54), and what it stays for; nothing else does.
KEPT = {
    "audit_entry.actor": "who did what: the trail is chained, and names who answers for it (ECOM §31, PIPL §47(4))",
    "*_by": "who did it, beside what they did, for as long as the record (ECOM §31)",
    "party_party.name": "the name of a registered company, in the public register and on three years of orders (ECOM §15, §31)",
    "party_party.uscc": "its number there; that of a person is never in it",
    "party_change.name": "names that a registered company had, likewise",
    "party_mark.mark": "a keyed fingerprint, by which nobody barred comes back (ECOM §36, LIVE §14); it opens nothing",
    "party_list_entry.*": "lists of authorities (AML §40)",
    "party_request.person_id": "that a request was made and answered, under a number that names nobody (PIPL §50)",
    "compliance_snapshot.*": "what was on sale when it was taken down, with its seller, as evidence (LIVE §21; C-14)",
}
# Data of buyers, which ends by terms of its own: of orders, complaints, claims, messages and checks of age.
BY_TERM = frozenset(["order", "possession", "message", "complaint", "guardian", "age", "comment"])
# They look like it and are not: names of things, keys and secrets of machines, forms that are descriptions.
INNOCENT = frozenset(
    [
        "aftersale_complaint.take_up_by",  # an instant
        "cards_batch.data_key",
        "cards_batch.file_name",
        "cards_batch.format",
        "cards_card.sealed",
        "cards_content.sealed",
        "cards_source.sealed_secret",
        "catalog_category.name",
        "catalog_sku.buyer_max",
        "catalog_sku.form",
        "catalog_sku.name",
        "compliance_goods.name",
        "compliance_requirement.who",
        "heartbeat.name",
        "ledger_account.name",
        "messages_sender.sealed_secret",
        "messages_sender.sign_name",
        "party_api_key.name",
        "party_api_key.sealed_secret",
        "party_consent.words_sha256",
        "party_webhook.sealed_secret",
        "payments_key.sealed",
        "sales_bulk.sealed_password",
    ]
)


def purpose_of(column: str) -> str | None:
    """The purpose of `table.column`; None where none is registered."""
    return COLUMNS.get(column) or ("accountability" if ACCOUNTABLE.match(column) else None)


def unregistered(columns: list[str]) -> list[str]:
    """Those that look personal and have no purpose."""
    return [
        one
        for one in columns
        if SUSPICIOUS.search(one.partition(".")[2]) and one not in INNOCENT and purpose_of(one) is None
    ]
