"""Decisions about payments, without a database, a clock or a network."""

from kashu.payments.rules.judging import PAYMENT, REFUND, judge
from kashu.payments.rules.ways import KINDS, MATRIX, SYSTEMS, Cell, Entry, is_ailing, route, way

__all__ = [
    "KINDS",
    "MATRIX",
    "PAYMENT",
    "REFUND",
    "SYSTEMS",
    "Cell",
    "Entry",
    "is_ailing",
    "judge",
    "route",
    "way",
]
