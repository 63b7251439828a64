from __future__ import annotations

from datetime import datetime

from kashu.kernel.clock import SHANGHAI
from kashu.kernel.ids import base32, new_id
from kashu.kernel.states import moves
from kashu.ledger import INVENTORY, Posting

BATCH = moves(
    "batch",
    uploaded="loading cancelled",
    loading="loaded cancelled",
    loaded="on_sale withdrawn cancelled",
    on_sale="withdrawn",
    withdrawn="on_sale",
    cancelled="",
)
PART = "\x1f"  # ASCII's unit separator: no card line carries it, `files.parse` sees to that


def pack(number: str, secret: str, note: str) -> bytes:
    """What is sealed of a card, as bytes."""
    return PART.join((number, secret, note)).encode()


def unpack(plain: bytes) -> tuple[str, str, str]:
    number, secret, note = plain.decode().split(PART)
    return number, secret, note


def stock_postings(recipe: str, pool_id: int, payable_account: int, cost_fen: int) -> list[Posting]:
    """Self-operated stock that comes in is owed to its supplier; what goes back (negative cost) no longer is."""
    reason_id = new_id()
    sides = ((INVENTORY, -cost_fen), (payable_account, cost_fen))
    return [Posting(pool_id, reason_id, recipe, account, fen) for account, fen in sides]


def batch_code(pool_id: int, at: datetime) -> str:
    """`B-1122-Z8`: the day it was received and its pool, short enough to say on the telephone."""
    return f"B-{at.astimezone(SHANGHAI):%m%d}-{base32(pool_id)}"
