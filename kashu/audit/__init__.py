"""Who did what to what, when and why: written with the deed, sealed in order, never rewritten."""

from kashu.audit.rules import GENESIS, link
from kashu.audit.service import ask, cancel, confirm, finish, head_text, record, seal, sign_head, verify
from kashu.audit.store import (
    approval,
    approvals_of,
    entries_of,
    heads_over,
    newest,
    objects_open,
    open_approvals,
    proofs,
)
from kashu.audit.types import SYSTEM, Actor, Approval, ApprovalRefusal, Deed, Entry, Fault, Head, Proof

__all__ = [
    "GENESIS",
    "SYSTEM",
    "Actor",
    "Approval",
    "ApprovalRefusal",
    "Deed",
    "Entry",
    "Fault",
    "Head",
    "Proof",
    "approval",
    "approvals_of",
    "ask",
    "cancel",
    "confirm",
    "entries_of",
    "finish",
    "head_text",
    "heads_over",
    "link",
    "newest",
    "objects_open",
    "open_approvals",
    "proofs",
    "record",
    "seal",
    "sign_head",
    "verify",
]
