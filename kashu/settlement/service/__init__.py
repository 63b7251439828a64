"""Verbs of bills and cases."""

from kashu.settlement.service.bills import begin, clear, fail, load, loaded, open_bill, set_columns
from kashu.settlement.service.cases import (
    ask_resolution,
    assign,
    cancel_resolution,
    confirm_resolution,
    resolve,
    reverse,
)
from kashu.settlement.service.matching import match_step, review

__all__ = [
    "ask_resolution",
    "assign",
    "begin",
    "cancel_resolution",
    "clear",
    "confirm_resolution",
    "fail",
    "load",
    "loaded",
    "match_step",
    "open_bill",
    "resolve",
    "reverse",
    "review",
    "set_columns",
]
