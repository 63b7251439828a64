"""Terms of what comes after a sale. A term ends with its last day, at midnight in Shanghai."""

from __future__ import annotations

from datetime import datetime, timedelta

from kashu.aftersale.types import Term
from kashu.kernel.clock import biz_date, day_end, working_deadline

# ECOM §59 asks for steps and terms that are published, and names no figures: the figures of complaints are our own
# promise, and what is promised to buyers binds us (CPL §16).
TERMS = {
    "take_up": Term(1, is_working=True, ground="ECOM §59; C-39"),
    "answer": Term(2, is_working=True, ground="ECOM §59; C-39"),
    "decide": Term(7, is_working=True, ground="ECOM §59; C-39"),
    "review": Term(7, is_working=True, ground="ECOM §59; C-39"),
    "guardian": Term(15, is_working=False, ground="C-72"),
    "compensate": Term(2, is_working=True, ground="§2.3; CPL §44"),
}


def due_at(name: str, at: datetime) -> datetime:
    """When a term that begins at an instant is over; the day of the instant does not count."""
    term = TERMS[name]
    if term.is_working:
        return working_deadline(at, term.days)
    return day_end(biz_date(at) + timedelta(days=term.days))
