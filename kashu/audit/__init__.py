"""Who did what to what, when and why: written with the deed, sealed in order, never rewritten."""

from kashu.audit.service import ask, cancel, confirm, finish, record, seal, sign_head, verify
from kashu.audit.store import approval, entries_of, newest, open_approvals
from kashu.audit.types import SYSTEM, Actor, Approval, ApprovalRefusal, Deed, Entry, Fault

__all__ = [
    "SYSTEM",
    "Actor",
    "Approval",
    "ApprovalRefusal",
    "Deed",
    "Entry",
    "Fault",
    "approval",
    "ask",
    "cancel",
    "confirm",
    "entries_of",
    "finish",
    "newest",
    "open_approvals",
    "record",
    "seal",
    "sign_head",
    "verify",
]
