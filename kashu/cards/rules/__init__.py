"""Decisions about stock: how a card file is read, and which moves a batch may make."""

from kashu.cards.rules.files import ENCODINGS, ROLES, SAMPLE_BYTES, SEPARATORS, detect, is_clean, parse, split
from kashu.cards.rules.stock import BATCH, batch_code, pack, stock_postings, unpack

__all__ = [
    "BATCH",
    "ENCODINGS",
    "ROLES",
    "SAMPLE_BYTES",
    "SEPARATORS",
    "batch_code",
    "detect",
    "is_clean",
    "pack",
    "parse",
    "split",
    "stock_postings",
    "unpack",
]
