"""Kashu's webhooks (Standard Webhooks), verified."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

WINDOW_SECONDS = 300
STAMP_CHARS_MAX = 12


class WebhookError(ValueError):
    """A webhook that is not Kashu's, or not from now. Answer 400 and do nothing."""


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes, now: float | None = None) -> Any:
    """What the body says, once it is sure that Kashu said it, and within five minutes of `now` (unix seconds).

    `secret` is `whsec_…` as the portal shows it; `body` is the raw body, before anything parses it.
    """
    told = {name.lower(): text for name, text in headers.items()}
    number, stamp = told.get("webhook-id", ""), told.get("webhook-timestamp", "")
    if not number or not (stamp.isascii() and stamp.isdigit() and len(stamp) <= STAMP_CHARS_MAX):
        raise WebhookError("webhook-id or webhook-timestamp is missing")
    signed = f"{number}.{stamp}.".encode() + body
    right = b"v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest())
    # Several signatures come while a secret is being changed; one that is right will do.
    if not any(hmac.compare_digest(right, one.encode()) for one in told.get("webhook-signature", "").split(" ")):
        raise WebhookError("no signature is right")
    if abs((time.time() if now is None else now) - int(stamp)) > WINDOW_SECONDS:
        raise WebhookError("the timestamp is out of its window")
    return json.loads(body)


def _key(secret: str) -> bytes:
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    if not key:  # anybody can sign with an empty key
        raise ValueError("the webhook's secret is empty")
    return key
