"""Plain decisions on complaints, guardians' claims, compensations and their clocks."""

from kashu.aftersale.rules.clocks import TERMS, due_at
from kashu.aftersale.rules.compensations import COMPENSATION, PAY_MAX
from kashu.aftersale.rules.complaints import (
    ABUSE_COMPLAINTS_MAX,
    ABUSE_DAYS,
    COMPLAINT,
    DAY_MAX,
    OBJECT_DAYS,
    WORDS_MAX,
    for_supplier,
    may_object,
    opening_refusal,
)
from kashu.aftersale.rules.guardians import CLAIM, NAME_CHARS_MAX, RETENTION_MONTHS, claim_refusal, deduction_refusal

__all__ = [
    "ABUSE_COMPLAINTS_MAX",
    "ABUSE_DAYS",
    "CLAIM",
    "COMPENSATION",
    "COMPLAINT",
    "DAY_MAX",
    "NAME_CHARS_MAX",
    "OBJECT_DAYS",
    "PAY_MAX",
    "RETENTION_MONTHS",
    "TERMS",
    "WORDS_MAX",
    "claim_refusal",
    "deduction_refusal",
    "due_at",
    "for_supplier",
    "may_object",
    "opening_refusal",
]
