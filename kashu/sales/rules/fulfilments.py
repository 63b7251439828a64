"""When what is issued later has to be done, and what may be shown of whom it is for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from kashu.kernel.text import MASK, mask

DUE_MINUTES = {"on_demand": 30, "manual": 24 * 60}
NUMBER = re.compile(r"\d{8,}")
RECEIPT_STATES = {"paid": "processing", "refunding": "refunded", "refunded": "refunded"}


def due_at(kind: str, paid_at: datetime) -> datetime:
    """Until when an order is done, or its money goes back."""
    return paid_at + timedelta(minutes=DUE_MINUTES[kind])


def shown_form(fields: Sequence[Mapping[str, str]], told: Mapping[str, str]) -> str:
    """A filled form as anybody with the order's link may see it: `充值手机号 138••••5678`."""
    return " · ".join(f"{field['label']} {_masked(field['kind'], told[field['name']])}" for field in fields)


def tidy_reason(reason: str, form: Mapping[str, str] | None = None) -> str:
    """Why an order could not be done, without whom it was for: what was filled in, and any long number."""
    for told in sorted((form or {}).values(), key=len, reverse=True):
        reason = reason.replace(told, mask(told))
    return NUMBER.sub(lambda found: f"{found[0][:3]}{MASK}{found[0][-4:]}", reason)


def receipt_state(order_state: str, *, is_erased: bool = False) -> str:
    """An order's state in the words of the open API."""
    if is_erased and order_state != "refunded":
        return "erased"
    return RECEIPT_STATES.get(order_state, "delivered")


def _masked(kind: str, text: str) -> str:
    return f"{text[:3]}{MASK}{text[-4:]}" if kind == "phone" else mask(text)
