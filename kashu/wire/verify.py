"""Public proof of where a card comes from: an address that only we can make, and that tells no secret (compliance.md §2.5)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct

from kashu.kernel.seal import Keyring

MARK_BYTES = 16
PLACE = struct.Struct(">QQ")


def token(ring: Keyring, pool_id: int, card_id: int) -> str:
    """The last part of `/verify/…` for a card."""
    place = PLACE.pack(pool_id, card_id)
    return base64.urlsafe_b64encode(place + _mark(ring, place)).rstrip(b"=").decode()


def place_of(ring: Keyring, told: str) -> tuple[int, int] | None:
    """The (pool, card) that a token of ours names; None for any other text."""
    try:
        raw = base64.b64decode(told + "=" * (-len(told) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    if len(raw) != PLACE.size + MARK_BYTES:
        return None
    pool_id, card_id = PLACE.unpack(raw[: PLACE.size])
    # The text as a whole: bits of its last character that say nothing may not be chosen freely.
    return (pool_id, card_id) if hmac.compare_digest(token(ring, pool_id, card_id), told) else None


def _mark(ring: Keyring, place: bytes) -> bytes:
    key = ring.derive("public verification", min(ring.masters))
    return hmac.new(key, place, hashlib.sha256).digest()[:MARK_BYTES]
