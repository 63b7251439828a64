"""Keyset paging: a page is found by where the last one ended, never by counting rows away."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")
PAGE_MAX = 200


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, and the cursor after the last of them where there are more."""

    rows: Sequence[Row]
    after: str | None


def encode_cursor(*key: str | int) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, fields: int) -> list[str | int] | None:
    """The key in a cursor; None if it is not one of ours (a bad cursor shows the first page)."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        told = "".join(map(str, key)).encode()  # a lone surrogate is no text
    except (ValueError, TypeError, binascii.Error, RecursionError):
        return None
    if not isinstance(key, list) or len(key) != fields or not all(isinstance(part, str | int) for part in key):
        return None
    if b"\x00" in told:
        return None
    return key
