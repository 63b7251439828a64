"""Verbs of what comes after a sale."""

from kashu.aftersale.service.clocks import ERASE_MAX, TELL_MAX, erase_due, tell_overdue
from kashu.aftersale.service.complaints import (
    answer,
    decide,
    object_to,
    open_complaint,
    review,
    take_up,
    withdraw,
)
from kashu.aftersale.service.forgetting import forget
from kashu.aftersale.service.guardians import (
    GRANT,
    PURPOSE,
    ask_grant,
    cancel_grant,
    grant,
    note_file_shown,
    open_claim,
    persons_of,
    reject,
    show_persons,
    subject_of,
    terms_of,
)

__all__ = [
    "ERASE_MAX",
    "GRANT",
    "PURPOSE",
    "TELL_MAX",
    "answer",
    "ask_grant",
    "cancel_grant",
    "decide",
    "erase_due",
    "forget",
    "grant",
    "note_file_shown",
    "object_to",
    "open_claim",
    "open_complaint",
    "persons_of",
    "reject",
    "review",
    "show_persons",
    "subject_of",
    "take_up",
    "tell_overdue",
    "terms_of",
    "withdraw",
]
