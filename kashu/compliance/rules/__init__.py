"""Decisions of compliance, without database or clock."""

from kashu.compliance.rules.authorisations import AUTHORISATION, EVERYWHERE, beyond, opens_coins, renews
from kashu.compliance.rules.blocks import DEPOSIT_BP_MIN, MATRIX, REVERIFY_GRACE_DAYS, REVERIFY_MONTHS, effect
from kashu.compliance.rules.clauses import void_clauses
from kashu.compliance.rules.licences import (
    ALERT_DAYS,
    EXPIRING_DAYS,
    LICENCE,
    REVIEWERS_OF_HIGH_RISK,
    UNOBTAINABLE,
    alerts,
    findings,
    in_force,
    reviewers_lacking,
    standing,
    unfit,
)
from kashu.compliance.rules.listing import NO_PAPERS, deny_list, in_chinese, judge, judge_listing
from kashu.compliance.rules.takedowns import CLOSING_DAYS, TAKEDOWN, may_close, report
from kashu.compliance.rules.value import (
    custody_fault,
    may_withdraw,
    needs_identity,
    needs_transfer,
    refund,
    value_faults,
)

__all__ = [
    "ALERT_DAYS",
    "AUTHORISATION",
    "CLOSING_DAYS",
    "DEPOSIT_BP_MIN",
    "EVERYWHERE",
    "EXPIRING_DAYS",
    "LICENCE",
    "MATRIX",
    "NO_PAPERS",
    "REVERIFY_GRACE_DAYS",
    "REVERIFY_MONTHS",
    "REVIEWERS_OF_HIGH_RISK",
    "TAKEDOWN",
    "UNOBTAINABLE",
    "alerts",
    "beyond",
    "custody_fault",
    "deny_list",
    "effect",
    "findings",
    "in_chinese",
    "in_force",
    "judge",
    "judge_listing",
    "may_close",
    "may_withdraw",
    "needs_identity",
    "needs_transfer",
    "opens_coins",
    "refund",
    "renews",
    "report",
    "reviewers_lacking",
    "standing",
    "unfit",
    "value_faults",
    "void_clauses",
]
