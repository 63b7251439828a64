"""Names for things: ids that sort by time, numbers that carry their pool, tokens nobody guesses."""

from __future__ import annotations

import os
import re
import secrets
import time
from uuid import UUID

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base32: no I, L, O, U
TAIL_CHARS = 10
LETTERS = bytes(ord(ALPHABET[byte % 32]) for byte in range(256))  # 256 is eight times 32: no letter is likelier
TOKEN_BYTES = 16
SHAPE = re.compile(rf"^[{ALPHABET}]{{1,13}}-[A-Za-z0-9_-]{{1,40}}\Z")


def new_id() -> UUID:
    """A version 7 UUID (RFC 9562): milliseconds first, 74 random bits after."""
    raw = bytearray(int(time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10))
    raw[6] = (raw[6] & 0x0F) | 0x70
    raw[8] = (raw[8] & 0x3F) | 0x80
    return UUID(bytes=bytes(raw))


def new_number(pool_id: int) -> str:
    """A public number that says which pool it lives in, so that a look-up reads one shard: `1A-7Q2M4K8D1X`."""
    return f"{base32(pool_id)}-{os.urandom(TAIL_CHARS).translate(LETTERS).decode()}"


def new_token(pool_id: int) -> str:
    """An unguessable token (128 bits) that carries its pool."""
    return f"{base32(pool_id)}-{secrets.token_urlsafe(TOKEN_BYTES)}"


def pool_of(number_or_token: str) -> int | None:
    """The pool a number or token carries, or None if it cannot be one of ours."""
    if SHAPE.match(number_or_token) is None:
        return None
    pool = 0
    for letter in number_or_token.partition("-")[0]:
        pool = pool * 32 + ALPHABET.index(letter)
    return pool if pool < 2**63 else None


def id_of(number: str) -> UUID | None:
    """The id that a number of the form `POOL-ID` carries, both in base32; None for any other."""
    pool, _, tail = number.partition("-")
    if not pool or not 1 <= len(tail) <= 26 or any(letter not in ALPHABET for letter in tail):
        return None
    told = 0
    for letter in tail:
        told = told * 32 + ALPHABET.index(letter)
    return UUID(int=told) if told < 2**128 else None


def base32(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, 32)
        digits = ALPHABET[digit] + digits
        if number == 0:
            return digits
