"""Money is a whole number of fen; a rate is a whole number of basis points."""

from __future__ import annotations

import re

YUAN = re.compile(r"^\s*[¥￥]?\s*(\d{1,3}(?:,\d{3})+|\d{1,12})(?:\.(\d{1,2}))?\s*元?\s*$", re.ASCII)
FEN_MAX = 10**14


def share(total_fen: int, rate_bp: int) -> int:
    """`rate_bp` of `total_fen`, rounded down: what cannot be split stays with the one who pays the rate."""
    assert total_fen >= 0, "a share of a debt has no meaning here"
    return total_fen * rate_bp // 10_000


def parse_yuan(text: str) -> int | None:
    """`39.9`, `¥39.90`, `1,234.5元` → fen. None for anything else, more than two decimals included."""
    found = YUAN.match(text)
    if found is None:
        return None
    whole, part = found.groups()
    fen = int(whole.replace(",", "")) * 100 + int((part or "0").ljust(2, "0"))
    return fen if fen <= FEN_MAX else None


def yuan(fen: int, *, comma: bool = False) -> str:
    """`3990` → `39.90`; a negative one carries the true minus sign U+2212."""
    whole, part = divmod(abs(fen), 100)
    sign = "\u2212" if fen < 0 else ""
    return f"{sign}{whole:,}.{part:02d}" if comma else f"{sign}{whole}.{part:02d}"
