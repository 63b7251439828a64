"""The decisions of compliance, as plain functions."""

from kashu.compliance.rules.clauses import VoidClause, void_clauses
from kashu.compliance.rules.listing import (
    NO_PAPERS,
    Context,
    DenyList,
    Goods,
    ImageText,
    Judgement,
    Reason,
    Verdict,
    deny_list,
    judge,
)

__all__ = [
    "NO_PAPERS",
    "Context",
    "DenyList",
    "Goods",
    "ImageText",
    "Judgement",
    "Reason",
    "Verdict",
    "VoidClause",
    "deny_list",
    "judge",
    "void_clauses",
]
