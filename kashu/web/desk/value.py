"""Prepaid value worked out by its rules (C-40 to C-44): a card, a purchase, an issuer's custody, a refund.

Such goods are shut: every purchase at a distance has to be paid by bank transfer (C-42), which the cashier does not offer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from kashu import compliance
from kashu.compliance import Custody, GoodsClass, Issuer, ValueCard
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.money import parse_yuan
from kashu.web.desk.shared import TEXT_MAX, day_of, show
from kashu.web.rights import needs

RATE_BP_MAX = 10_000


@require_GET
@needs("compliance.read")
def value(request: HttpRequest) -> HttpResponse:
    told, today = request.GET, biz_date(clock.now())
    return show(request, "value", "value", {
        "told": told,
        "today": today,
        "issuers": list(Issuer),
        "card": _card(told, today) if "face" in told else None,
        "purchase": _purchase(told) if "bought" in told else None,
        "custody": _custody(told, today) if "held" in told else None,
        "refund": _refund(told, today) if "unused" in told else None,
    })  # fmt: skip


def _card(told: Mapping[str, str], today: date) -> dict[str, Any]:
    """What forbids a card (C-40, C-41)."""
    face, more = parse_yuan(told.get("face", "")), parse_yuan(told.get("more", "") or "0")
    if face is None or more is None:
        return {"error": True}
    card = ValueCard(
        GoodsClass.SINGLE_PURPOSE_VALUE, told.get("named") == "yes", face, more, told.get("filing", "")[:TEXT_MAX],
        False, today, day_of(told.get("expires", "")),
    )  # fmt: skip
    return {"faults": compliance.value_faults(card)}


def _purchase(told: Mapping[str, str]) -> dict[str, Any]:
    """What a purchase needs (C-42)."""
    bought = parse_yuan(told.get("bought", ""))
    if bought is None:
        return {"error": True}
    is_firm, is_remote = told.get("firm") == "yes", told.get("remote") == "yes"
    return {
        "identity": compliance.needs_identity(told.get("named") == "yes", [bought]),
        "transfer": compliance.needs_transfer(is_firm, is_remote, bought),
    }


def _custody(told: Mapping[str, str], today: date) -> dict[str, Any]:
    """Whether an issuer's custody covers its share (C-43)."""
    prepaid, held = parse_yuan(told.get("prepaid", "")), parse_yuan(told.get("held", ""))
    ended, kind = day_of(told.get("quarter", "")), told.get("issuer", "")
    if prepaid is None or held is None or ended is None or kind not in list(Issuer):
        return {"error": True}
    return {"fault": compliance.custody_fault(Issuer(kind), [Custody(ended, prepaid, held)], today)}


def _refund(told: Mapping[str, str], today: date) -> dict[str, Any]:
    """What is due for value not used, at either rate (C-44)."""
    unused, paid_on = parse_yuan(told.get("unused", "")), day_of(told.get("paid", ""))
    rates = [_bp(told.get(name, "")) for name in ("lpr", "deposit")]
    if unused is None or paid_on is None or paid_on > today or None in rates:
        return {"error": True}
    lpr, deposit = (rate or 0 for rate in rates)
    due = [
        compliance.value_refund(
            unused,
            paid_on,
            today,
            is_operators_fault=fault,
            lpr_bp=lpr,
            deposit_bp=deposit,
            region=told.get("region", ""),
        )
        for fault in (True, False)
    ]
    return {"operators": due[0], "consumers": due[1], "free": compliance.may_withdraw(True, paid_on, today)}


def _bp(text: str) -> int | None:
    """A rate in percent a year, such as 3.10, in basis points."""
    found = parse_yuan(text)  # two decimals, as an amount has
    return found if found is not None and found <= RATE_BP_MAX else None
