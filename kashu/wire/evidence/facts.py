"""What goes into a pack, read through the front doors of the domain. Never a secret of a card."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from kashu import audit, cards, catalog, compliance, ledger, messages, party, payments, sales
from kashu.audit import Proof
from kashu.catalog import Agreement
from kashu.kernel.db import Db
from kashu.kernel.seal import Keyring
from kashu.kernel.text import canonical_json, sha256_hex
from kashu.payments import KeptNotice
from kashu.sales import Order
from kashu.wire.evidence import checks, disputes
from kashu.wire.evidence.case import Case, case_of, mark, told_of
from kashu.wire.evidence.pack import pretty

ATTESTATIONS_MAX = 100
CONSENT, AGREEMENTS = "digital_consent", ("trade", "privacy", "digital_consent")


def gather(db: Db, ring: Keyring, order: Order, *, is_personal: bool) -> dict[str, bytes]:
    """Every file about an order, by name."""
    case = case_of(db, order, is_personal=is_personal)
    pages = {line.page_hash: catalog.page(db, line.page_hash) for line in case.lines}
    texts, rules = _agreements(db, case), catalog.fee_rules_by_id(db, [line.fee_rule_id for line in case.lines])
    used, said = cards.redemptions_under(db, case.keys), cards.invalid_under(db, case.keys)
    shown = {(one.pool_id, one.card_id) for one in used} | {(one.pool_id, one.card_id) for one in said}
    under = cards.sold_under(db, case.sales)
    books, trail = _ledger(db, case), _trail(db, case, shown)
    heads = audit.heads_over(db, [one.seq for one in trail if one.seq is not None])
    told = {
        "order.json": _order(db, ring, case),
        "agreements.json": [told_of(one) for one in texts],
        "fee_rules.json": [told_of(one) for one in rules],
        "payments.json": _payments(db, case),
        "credits.json": disputes.credits_of(case),
        "ledger.json": books,
        "delivery.json": _delivery(db, case),
        "cards.json": _cards(db, ring, case),
        "redemptions.json": [told_of(one, "undone_key") for one in used],
        "invalid.json": disputes.called_invalid(case, said),
        "complaints.json": disputes.complaints(db, case),
        "guardian_claims.json": disputes.guardian_claims(db, ring, case),
        "compensations.json": disputes.compensations(db, case),
        "takedowns.json": disputes.takedowns(db, case),
        "reviews.json": disputes.reviews(db, case),
        "claims.json": [told_of(one) for one in audit.approvals_of(db, "order", str(order.id))],
        "messages.json": _messages(db, case),
        "attestations.json": [told_of(one) for one in compliance.attestations_of(db, order.number, ATTESTATIONS_MAX)],
        "provenance.json": [provenance(db, pool_id, under[pool_id]) for pool_id in case.pools],
        "audit.json": {"entries": [told_of(one, "xact") for one in trail], "heads": [told_of(one) for one in heads]},
        "checks.json": checks.compare(case.order, case.lines, pages, texts, books, trail, heads, ring),
    }
    kept = {
        f"pages/{digest.hex()}.json": canonical_json(body).encode()
        for digest, body in pages.items()
        if body is not None
    }
    return {name: pretty(body) for name, body in told.items()} | kept | _notices(db, case)


def provenance(db: Db, pool_id: int, under: Sequence[int]) -> dict[str, Any]:
    """Where the cards of one batch came from, and under what they were sold: an authorisation that renewed it since proves nothing.

    What else is known of a batch's origin belongs here.
    """
    batch = cards.batch(db, pool_id)
    assert batch is not None, "a pool is filled by a batch"
    supplier, steps = party.party(db, batch.supplier_id), cards.steps(db, pool_id)
    papers = {link.id: link for one in under for link in compliance.chain(db, one)}
    names = ("code", "kind", "file_name", "file_bytes", "manifest_hash", "accepted", "rejected", "received_by", "received_at",
             "loaded_at", "on_sale_at", "withdrawn_at", "source_id", "note")  # fmt: skip
    return {
        "pool_id": pool_id,
        **{name: getattr(batch, name) for name in names},
        "supplier": None if supplier is None else told_of(supplier),
        "sold_under": list(under),
        "authorisations": [told_of(one) for one in papers.values()],  # the root first
        "steps": [told_of(one) for one in steps],
        "broken_at": cards.broken(steps),
        "trail": [told_of(one, "xact") for one in audit.proofs(db, pool_id, "batch", [batch.code])],
    }


def _order(db: Db, ring: Keyring, case: Case) -> dict[str, Any]:
    order = case.order
    hidden = ("phone_sealed", "phone_identity", "token", "open_id", "device", "address")
    people = {one.id: one.name for one in party.parties(db)}
    return {
        **told_of(order, *hidden),
        "buyer": {
            "phone": phone(ring, case),
            "phone_mark": mark(order.phone_identity),
            "open_id": order.open_id if case.is_personal else _ends(order.open_id),
            "device": mark(order.device),
            "address": mark(order.address),
            "form": form(db, ring, case),
        },
        "lines": [
            {**told_of(line), "seller": people.get(line.seller_id, ""), "supplier": people.get(line.supplier_id, "")}
            for line in case.lines
        ],
        "incidents": [
            {"kind": kind, "at": at, "detail": detail}
            for kind, at, detail in sales.incidents_of(db, order.id, order.placed_at)
        ],
    }


def phone(ring: Keyring, case: Case) -> str:
    order = case.order
    if case.is_personal and order.phone_sealed is not None:
        return ring.open_personal(order.phone_sealed, f"order phone {order.id}")
    return f"*******{order.phone_tail}" if order.phone_tail else ""


def form(db: Db, ring: Keyring, case: Case) -> Any:
    """For whom an order was issued (直充, 代充)."""
    order = case.order
    told = sales.fulfilments(db, [(order.pool_id, order.id)]).get(order.id)
    if told is None:
        return None
    known = told_of(told, "form_sealed", "pool_id", "order_id")
    if not case.is_personal or not told.form_sealed:
        return known
    return {**known, "form": json.loads(ring.open_personal(told.form_sealed, f"form {order.id}"))}


def _agreements(db: Db, case: Case) -> list[Agreement]:
    """The texts of this order: the trade agreement of its lines, the consent by its hash, the privacy text of that day."""
    wanted = {line.agreement_id for line in case.lines}
    found = []
    for kind in AGREEMENTS:
        in_force = [one for one in catalog.agreements(db, kind) if one.effective_at <= case.order.placed_at][:1]
        for one in catalog.agreements(db, kind):
            is_consented = kind == CONSENT and sha256_hex(one.body) == case.order.consent_hash
            if one.id in wanted or is_consented or (kind == "privacy" and one in in_force):
                found.append(one)
    return found


def _payments(db: Db, case: Case) -> dict[str, Any]:
    channels = payments.channels(db)
    paid = []
    for one in case.payments:
        channel = channels[one.channel_id]
        names = {"kind": channel.kind, "payee": channel.payee, "merchant": channel.merchant, "app_id": channel.app_id}
        paid.append({**told_of(one, "pay_url"), "channel": names})
    return {
        "payments": paid,
        "notices": [
            {**told_of(one, "body"), "bytes": len(one.body), "sha256": sha256_hex(one.body), "verified": "on arrival"}
            for one in _heard(db, case)
        ],
        "refunds": [{**told_of(one), "number": one.number} for one in case.refunds],
    }


def _heard(db: Db, case: Case) -> list[KeptNotice]:
    return payments.notices_of(db, {(one.channel_id, one.trade_no) for one in case.payments})


def _notices(db: Db, case: Case) -> dict[str, bytes]:
    """The notices as they came. A gateway names the payer in them: only for who may see that."""
    if not case.is_personal:
        return {}
    return {f"notices/{n:04d}.bin": one.body for n, one in enumerate(_heard(db, case), start=1)}


def _trail(db: Db, case: Case, shown: Collection[tuple[int, int]]) -> list[Proof]:
    """The entries of the order, of its cards that were shown to whoever honours them, and of what was argued about it."""
    found = audit.proofs(db, case.order.pool_id, "order", [str(case.order.id)])
    for pool_id in sorted({pool for pool, _ in shown}):
        names = [f"{pool_id}/{card}" for pool, card in sorted(shown) if pool == pool_id]
        found += audit.proofs(db, pool_id, "card", names)
    for kind, names in disputes.things(db, case).items():
        found += audit.proofs(db, case.order.pool_id, kind, names)
    return found


def _ledger(db: Db, case: Case) -> list[dict[str, Any]]:
    reasons = [case.order.id, *(line.id for line in case.lines), *(one.id for one in case.refunds)]
    reasons += [one.id for one in case.credits]
    return [told_of(one) for one in ledger.entries_under(db, sorted({case.order.pool_id, *case.pools}), reasons)]


def _delivery(db: Db, case: Case) -> dict[str, Any]:
    order = case.order
    return {
        "paid_at": order.paid_at,
        "delivered_at": order.delivered_at,  # when the cards could be read by the buyer (C-24)
        "lines": [
            {"id": line.id, "delivered_at": line.delivered_at, "revealed_at": line.revealed_at,
             "risk_hold": line.risk_hold, "redemption": line.redemption, "warranty_ends_on": line.warranty_ends_on}
            for line in case.lines
        ],
        "possession": [
            {"device": mark(one.device), "how": one.how, "granted_at": one.granted_at}
            for one in sales.possessions(db, order.pool_id, order.id)
        ],
    }  # fmt: skip


def _cards(db: Db, ring: Keyring, case: Case) -> list[dict[str, Any]]:
    prints = cards.fingerprints(db, ring, case.keys)
    return [{**told_of(one), "fingerprint": prints.get((one.pool_id, one.id))} for one in cards.records(db, case.keys)]


def _messages(db: Db, case: Case) -> list[dict[str, Any]]:
    told = []
    for one in messages.about(db, str(case.order.id)):
        tries = messages.tries(db, one.id)
        heard = messages.receipts_of(db, {(each.sender_id, each.vendor_no) for each in tries if each.vendor_no})
        names = ("sender_id", "vendor_no", "has_arrived", "at", "code", "received_at")
        told.append({
            **told_of(one, "sealed", "to_identity"),
            "tries": [told_of(each, "message_id") for each in tries],
            "receipts": [dict(zip(names, each, strict=True)) for each in heard],
        })  # fmt: skip
    return told


def _ends(text: str) -> str:
    return f"****{text[-4:]}" if text else ""
