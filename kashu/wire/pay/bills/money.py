"""Amounts as bills write them: decimal yuan, exactly, or not at all."""

from __future__ import annotations

import re
from functools import lru_cache

DECIMAL = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,5}))?", re.ASCII)
MILLI = 1_000  # WeChat Pay's fees have five decimals: a thousandth of a fen
KNOWN_MAX = 65_536


@lru_cache(KNOWN_MAX)
def parse_milli(text: str) -> int | None:
    """`0.0594` → 5940 thousandths of a fen; None for an exponent, a sixth decimal, a comma, a plus sign."""
    found = DECIMAL.fullmatch(text)
    if found is None:
        return None
    sign, whole, part = found.groups()
    value = int(whole) * 100_000 + int((part or "0").ljust(5, "0"))
    return -value if sign else value


@lru_cache(KNOWN_MAX)
def parse_fen(text: str) -> int | None:
    """`9.9` → 990; None for anything but at most two decimals."""
    found = DECIMAL.fullmatch(text)
    if found is None or len(found[3] or "") > 2:
        return None
    milli = parse_milli(text)
    return None if milli is None else milli // MILLI


def fen_of(milli: int) -> int:
    """Rounded to the fen, half away from zero; for what is shown, never for what is matched."""
    whole = (abs(milli) + MILLI // 2) // MILLI
    return whole if milli >= 0 else -whole
