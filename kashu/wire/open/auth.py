"""Who calls: keys, signatures, the window of time, and how often (design §3, open API).

A signature is checked against a secret that this process may have read a moment ago; whether the key is still good is
asked of the database in the transaction that serves the call, so a revoked key is dead at once.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

from kashu import party, sales
from kashu.kernel.db import Db
from kashu.kernel.seal import Keyring
from kashu.wire.open.messages import Request, Response
from kashu.wire.open.problems import problem

WINDOW_SECONDS = 300
NONCE_CHARS = range(16, 65)
KEY_CHARS_MAX = 64
KNOWN_SECONDS = 30
UNKNOWN_SECONDS = 1
KNOWN_MAX = 10_000
LOOKS_PER_SECOND = 100
WRITES = ("POST", "PUT", "PATCH", "DELETE")
KEY, TIMESTAMP, NONCE, SIGNATURE = "kashu-key", "kashu-timestamp", "kashu-nonce", "kashu-signature"
IDEMPOTENCY_KEY = "idempotency-key"


@dataclass(frozen=True, slots=True)
class Known:
    """A key as this process knows it; where there is none, `secret` is nobody's, so that refusing takes as long."""

    key_id: str
    secret: bytes = field(repr=False)
    party_id: int
    account_id: int | None
    scopes: frozenset[str]
    per_second: int
    until: float


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, with a signature that was found right. `nonce` is empty for reads."""

    key_id: str
    party_id: int
    account_id: int
    scopes: frozenset[str]
    nonce: str
    idempotency_key: str


class Doorkeeper:
    """Checks signatures and rates. One for each process; what it remembers it can forget."""

    def __init__(self, ring: Keyring) -> None:
        self._ring = ring
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._unknown: OrderedDict[str, Known] = OrderedDict()
        self._looks = (float(LOOKS_PER_SECOND), time.monotonic())
        self._rates: dict[str, tuple[float, float]] = {}

    def known(self, key_id: str) -> Known | None:
        """The key, if it was looked up lately."""
        found = self._known.get(key_id) or self._unknown.get(key_id)
        return found if found is not None and time.monotonic() < found.until else None

    def may_look(self, key_id: str) -> bool:
        """Whether this key may be looked up now: names cost nothing to make up, so looks for new ones are bounded.

        A key that was seen to be good is looked up again whenever it is due, or a flood of names could shut it out.
        """
        if key_id in self._known:
            return True
        self._looks, is_let = _draw(self._looks, LOOKS_PER_SECOND)
        return is_let

    def look_up(self, db: Db, key_id: str) -> Known:
        """Read a key, and remember it for a moment. Keys that are not there cannot push out those that are."""
        key = party.api_key(db, key_id)
        if key is None:
            found = Known(key_id, b"no such key", 0, None, frozenset(), 1, time.monotonic() + UNKNOWN_SECONDS)
        else:
            account = sales.account_of(db, key.party_id)
            secret = self._ring.open_personal(key.sealed_secret, f"api key {key_id}").encode()
            lasts = KNOWN_SECONDS if account is not None else UNKNOWN_SECONDS
            found = Known(
                key_id, secret, key.party_id, account.id if account else None, frozenset(key.scopes), key.per_second,
                time.monotonic() + lasts,
            )  # fmt: skip
        kept = self._unknown if key is None else self._known
        kept[key_id] = found
        while len(kept) > KNOWN_MAX:
            kept.popitem(last=False)
        return found

    def check(self, request: Request, known: Known, at: datetime) -> Caller | Response:
        """The caller behind a signed request, or what to answer instead."""
        headers = request.headers
        stamp, nonce = headers.get(TIMESTAMP, ""), headers.get(NONCE, "")
        key = headers.get(IDEMPOTENCY_KEY, "")
        right = signature(known.secret, request.method, request.target, stamp, nonce, key, request.body)
        if not hmac.compare_digest(right.encode(), headers.get(SIGNATURE, "").encode()) or known.party_id == 0:
            return problem("bad_signature")
        if abs(at.timestamp() - int(stamp)) > WINDOW_SECONDS:
            return problem("stale_timestamp")
        if not self._within_rate(known):
            return problem("too_often")
        if known.account_id is None:
            return problem("no_account")
        is_write = request.method in WRITES
        if is_write and not _is_visible(key, 1, 255):
            return problem("idempotency_key")
        return Caller(known.key_id, known.party_id, known.account_id, known.scopes, nonce if is_write else "", key)

    def _within_rate(self, known: Known) -> bool:
        """A bucket of tokens for each key, in this process: a second's worth at once, then as many as its rate."""
        if len(self._rates) > KNOWN_MAX:
            self._rates.clear()
        before = self._rates.get(known.key_id, (float(known.per_second), time.monotonic()))
        self._rates[known.key_id], is_let = _draw(before, known.per_second)
        return is_let


def _draw(bucket: tuple[float, float], per_second: int) -> tuple[tuple[float, float], bool]:
    """Take a token from a bucket of (tokens, instant), if there is one. Who is refused takes none."""
    tokens, last = bucket
    now = time.monotonic()
    tokens = min(float(per_second), tokens + (now - last) * per_second)
    return ((tokens - 1, now), True) if tokens >= 1 else ((tokens, now), False)


def credentials(request: Request) -> str | Response:
    """The key's id, where everything that a signature needs is there and has its shape."""
    headers = request.headers
    key_id, stamp, nonce = headers.get(KEY, ""), headers.get(TIMESTAMP, ""), headers.get(NONCE, "")
    if not key_id or not stamp or not nonce or not headers.get(SIGNATURE):
        return problem("missing_credentials")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        return problem("stale_timestamp", "Kashu-Timestamp is unix time in whole seconds.")
    if not _is_visible(nonce, NONCE_CHARS.start, NONCE_CHARS.stop - 1) or not _is_visible(key_id, 1, KEY_CHARS_MAX):
        return problem("missing_credentials", "Kashu-Nonce has to be 16 to 64 visible characters.")
    return key_id


def signature(secret: bytes, method: str, target: str, stamp: str, nonce: str, key: str, body: bytes) -> str:
    """HMAC-SHA256 over the lines of a request, lower-case hex (design §3)."""
    told = f"{method}\n{target}\n{stamp}\n{nonce}\n{key}\n{hashlib.sha256(body).hexdigest()}"
    return hmac.new(secret, told.encode(), hashlib.sha256).hexdigest()


def _is_visible(text: str, least: int, most: int) -> bool:
    return least <= len(text) <= most and text.isascii() and text.isprintable() and " " not in text
