"""An order with what most files of a pack need of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from kashu import payments, sales
from kashu.kernel.db import Db
from kashu.payments import Payment, Refund
from kashu.sales import Credit, Order, SaleLine

BYTES_SHOWN = 16  # of a pseudonym: enough to compare


@dataclass(frozen=True, slots=True)
class Case:
    """An order with what most files need of it."""

    order: Order
    lines: list[SaleLine]
    payments: list[Payment]
    refunds: list[Refund]
    credits: list[Credit]  # of an organisation: what went back to its account
    is_personal: bool

    @property
    def keys(self) -> list[tuple[int, UUID]]:
        return [(line.pool_id, line.id) for line in self.lines]

    @property
    def sales(self) -> list[tuple[int, UUID, datetime]]:
        """Each line with an instant at which it was sold, for one whose cards went back since."""
        return [(line.pool_id, line.id, line.delivered_at or self.order.placed_at) for line in self.lines]

    @property
    def pools(self) -> list[int]:
        return sorted({line.pool_id for line in self.lines})


def case_of(db: Db, order: Order, *, is_personal: bool) -> Case:
    return Case(
        order,
        sales.lines_of(db, [order.id])[order.id],
        payments.of_order(db, order.pool_id, order.id),
        payments.refunds_of(db, order.pool_id, order.id),
        sales.credits_of(db, order.pool_id, order.id),
        is_personal,
    )


def told_of(one: Any, *without: str) -> dict[str, Any]:
    """A noun of ours as JSON, without what must not be told."""
    return {spec.name: getattr(one, spec.name) for spec in fields(one) if spec.name not in without}


def mark(identity: bytes | None) -> str:
    return "" if identity is None else identity.hex()[: 2 * BYTES_SHOWN]
