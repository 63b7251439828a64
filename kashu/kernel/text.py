"""Text in one form: JSON that always hashes the same, and masks that tell nothing."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from datetime import date, datetime
from typing import Any
from uuid import UUID

MASK = "••••"
BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, UTF-8 kept, instants as RFC 3339."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def is_line(text: str) -> bool:
    """Whether this is one line of text: no control character, no line or paragraph separator."""
    return BREAKS.search(text) is None


def no_formula(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def tidy_reference(text: str) -> str:
    """A bank's reference in one form: what looks the same is the same transfer, and is booked once."""
    plain = unicodedata.normalize("NFKC", text).upper()
    return "".join(letter for letter in plain if letter.isalnum() or letter in "-_/.")


def sha256_hex(content: str | bytes) -> str:
    raw = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(raw).hexdigest()


def mask(secret: str) -> str:
    """A secret's recognisable ends, never more than a third of it: `KZ7F-48MW-Q3XD-92TR` → `KZ7F••••92TR`."""
    shown = min(4, len(secret) // 6)
    return f"{secret[:shown]}{MASK}{secret[len(secret) - shown :]}" if shown else MASK


def _plain(value: object) -> str | int | float:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} has no canonical JSON")
