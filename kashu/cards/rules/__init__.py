"""Decisions about stock: how a card file is read, and which moves a batch may make."""

from kashu.cards.rules.files import detect, parse, split
from kashu.cards.rules.stock import BATCH, batch_code, pack, unpack

__all__ = ["BATCH", "batch_code", "detect", "pack", "parse", "split", "unpack"]
