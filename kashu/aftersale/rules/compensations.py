"""How a compensation moves (§2.3, delivered): owed, asked for by one person, approved by another, paid by a job."""

from __future__ import annotations

from kashu.kernel.states import moves

COMPENSATION = moves(
    "compensation",
    owed="asked lapsed refused",
    asked="owed approved",
    approved="paid lapsed",
    paid="",
    lapsed="",
    refused="",
)
PAY_MAX = 200  # compensations that two persons pass at once
