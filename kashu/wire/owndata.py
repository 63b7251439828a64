"""What is held of a buyer, as the copy that they may ask for (C-53): of the orders that their browser holds, and of no other."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from kashu import aftersale, audit, catalog, messages, sales
from kashu.audit import Actor, Deed
from kashu.kernel.db import Db
from kashu.kernel.seal import Keyring
from kashu.kernel.text import canonical_json, no_formula
from kashu.sales import Order
from kashu.wire.evidence import facts
from kashu.wire.evidence.case import Case, case_of, mark
from kashu.wire.evidence.pack import pretty

FORMS = ("json", "csv")


def copy(db: Db, ring: Keyring, actor: Actor, orders: Collection[Order], form: str, at: datetime) -> bytes:
    """A copy as a file; that it was given is in the trail before it is. Cards are not in it: their own page shows them."""
    assert form in FORMS
    told = {order.number: _order(db, ring, case_of(db, order, is_personal=True)) for order in orders}
    audit.record(db, [_deed(actor, order, form) for order in orders], at)
    if form == "json":
        return pretty({"made_at": at, "orders": told})
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("order", "field", "value"))
    for number, fields in told.items():
        writer.writerows((number, name, no_formula(_text(value))) for name, value in fields.items())
    return ("\ufeff" + out.getvalue()).encode()


def _order(db: Db, ring: Keyring, case: Case) -> dict[str, Any]:
    order, key = case.order, (case.order.pool_id, case.order.id)
    page = catalog.page(db, case.lines[0].page_hash) or {}
    names = ("state", "quantity", "total_fen", "open_id", "source_entry", "live_room", "author", "video", "community", "link",
             "consent_at", "consent_hash", "placed_at", "paid_at", "delivered_at", "completed_at", "closed_at",
             "forgotten_at", "erased_at", "purged_at")  # fmt: skip
    return {
        "title": page.get("title", ""),
        "sku": page.get("sku", ""),
        **{name: getattr(order, name) for name in names},
        "phone": facts.phone(ring, case),
        "device": mark(order.device),  # keyed: what the browser is compared by, and nothing to read
        "address": mark(order.address),
        "form": facts.form(db, ring, case),
        "browsers": [{"how": one.how, "since": one.granted_at} for one in sales.possessions(db, *key)],
        "payments": [
            {name: getattr(one, name) for name in ("trade_no", "method", "amount_fen", "state", "paid_at")}
            for one in case.payments
        ],
        "refunds": [
            {name: getattr(one, name) for name in ("number", "amount_fen", "reason", "state", "done_at")}
            for one in case.refunds
        ],
        "messages": [
            {name: getattr(one, name) for name in ("purpose", "to_mask", "state", "made_at", "arrived_at")}
            for one in messages.about(db, str(order.id))
        ],
        "complaints": _complaints(db, key),
        "guardian_claims": [
            {name: getattr(one, name) for name in ("relation", "state", "opened_at", "due_at", "reason", "decided_at")}
            for one in aftersale.claims_of_order(db, *key)
        ],
    }


def _complaints(db: Db, key: tuple[int, UUID]) -> list[dict[str, Any]]:
    names = ("kind", "words", "state", "opened_at", "answer", "answered_at", "outcome", "reason", "decided_at", "objection",
             "objected_at", "review_outcome", "review_reason", "reviewed_at", "withdrawn_at")  # fmt: skip
    return [{name: getattr(one, name) for name in names} for one in aftersale.complaints_of_order(db, *key)]


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return value.isoformat() if isinstance(value, datetime) else canonical_json(value)


def _deed(actor: Actor, order: Order, form: str) -> Deed:
    return Deed(actor, "order.data_copied", "order", str(order.id), after={"form": form}, pool_id=order.pool_id)
