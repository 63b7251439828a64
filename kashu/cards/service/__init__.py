"""The verbs of stock: taking cards, filling pools, changing a shared secret."""

from kashu.cards.service.batches import (
    cancel,
    change_format,
    export_unsold,
    load,
    loaded,
    put_on_sale,
    receive,
    reserve,
    seal,
    start,
    withdraw,
)
from kashu.cards.service.shared import add_slots, change_content, open_shared
from kashu.cards.service.stock import hand_over, hold, lock_of, opened, pick, put_back, reveal, sell

__all__ = [
    "add_slots",
    "cancel",
    "change_content",
    "change_format",
    "export_unsold",
    "hand_over",
    "hold",
    "load",
    "loaded",
    "lock_of",
    "open_shared",
    "opened",
    "pick",
    "put_back",
    "put_on_sale",
    "receive",
    "reserve",
    "reveal",
    "seal",
    "sell",
    "start",
    "withdraw",
]
