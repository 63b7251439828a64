"""What the sandbox's own partners (supplier, registry, attestor) check of a call, and how they sign answers.

It shares no code with Kashu, so a mistake is not made twice.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

WINDOW_SECONDS = 300
JSON = {"content-type": "application/json"}
Answer = tuple[int, bytes, dict[str, str]]
STRANGER = b"stranger"
FORBIDDEN: Answer = (401, b"{}", JSON)
BROKEN: Answer = (500, b"{}", JSON)


def is_signed(secret: bytes, key_id: str, path: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether a call was signed with our key, and just now."""
    stamp, nonce = headers.get("kashu-timestamp", ""), headers.get("kashu-nonce", "")
    name = headers.get("idempotency-key", "")
    signed = f"POST\n{path}\n{stamp}\n{nonce}\n{name}\n{hashlib.sha256(body).hexdigest()}"
    right = hmac.new(secret, signed.encode(), hashlib.sha256).hexdigest()
    if headers.get("kashu-key") != key_id or not hmac.compare_digest(right, headers.get("kashu-signature", "")):
        return False
    return stamp.isdigit() and abs(time.time() - int(stamp)) <= WINDOW_SECONDS


def answer(secret: bytes, headers: Mapping[str, str], told: Mapping[str, Any]) -> Answer:
    """An answer, signed over the nonce of its call."""
    raw = json.dumps(told, ensure_ascii=False).encode()
    signed = f"{headers.get('kashu-nonce', '')}\n{hashlib.sha256(raw).hexdigest()}".encode()
    return 200, raw, {**JSON, "kashu-signature": hmac.new(secret, signed, hashlib.sha256).hexdigest()}
