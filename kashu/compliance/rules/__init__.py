"""Decisions of compliance, without database or clock."""

from kashu.compliance.rules.authorisations import AUTHORISATION, EVERYWHERE, beyond, opens_coins
from kashu.compliance.rules.blocks import DEPOSIT_BP_MIN, MATRIX, REVERIFY_GRACE_DAYS, REVERIFY_MONTHS, effect
from kashu.compliance.rules.licences import (
    ALERT_DAYS,
    EXPIRING_DAYS,
    LICENCE,
    UNOBTAINABLE,
    alerts,
    findings,
    in_force,
    standing,
    unfit,
)

__all__ = [
    "ALERT_DAYS",
    "AUTHORISATION",
    "DEPOSIT_BP_MIN",
    "EVERYWHERE",
    "EXPIRING_DAYS",
    "LICENCE",
    "MATRIX",
    "REVERIFY_GRACE_DAYS",
    "REVERIFY_MONTHS",
    "UNOBTAINABLE",
    "alerts",
    "beyond",
    "effect",
    "findings",
    "in_force",
    "opens_coins",
    "standing",
    "unfit",
]
