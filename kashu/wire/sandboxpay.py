"""The sandbox payment channel's protocol: RSA-signed JSON over HTTP, both ways.

It stands where the real channels will (they have adapters of their own) and has their manners: a signature over the
raw bytes, a five-minute window, notices that repeat, amounts in fen.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from kashu.payments import Channel, Notice

BODY_BYTES_MAX = 65_536
WINDOW_SECONDS = 300
TEXT_CHARS_MAX = 128
TIMEOUT_SECONDS = 5
TIMESTAMP, NONCE, SIGNATURE, MERCHANT = "sandbox-timestamp", "sandbox-nonce", "sandbox-signature", "sandbox-merchant"


class NoticeRefusal(StrEnum):
    """Why a notice is not taken. Nothing is stored of it."""

    BAD_SIGNATURE = "bad_signature"
    STALE = "stale"
    MALFORMED = "malformed"


class TradeState(StrEnum):
    PENDING = "PENDING"
    PAID = "PAID"
    CLOSED = "CLOSED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Trade:
    """What the gateway answers to a query; `notice` is there when it was paid."""

    state: TradeState
    notice: Notice | None


class GatewayError(Exception):
    """The gateway did not answer, or not in its own words. What it did is unknown until a query tells."""


def sign(private_key_pem: str, told: str) -> str:
    """RSA PKCS#1 v1.5 with SHA-256, base64."""
    return base64.b64encode(_private(private_key_pem).sign(told.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed(public_key_pem: str, told: bytes, signature: str) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        _public(public_key_pem).verify(raw, told, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def parse_notice(channel: Channel, headers: Mapping[str, str], body: bytes, at: datetime) -> Notice | NoticeRefusal:
    """Verify a notice on its raw bytes, then read it. Header names are lower case."""
    timestamp, nonce, signature = (headers.get(name, "") for name in (TIMESTAMP, NONCE, SIGNATURE))
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12 or not 8 <= len(nonce) <= 64:
        return NoticeRefusal.BAD_SIGNATURE
    if not is_signed(channel.public_key, f"{timestamp}\n{nonce}\n".encode() + body + b"\n", signature):
        return NoticeRefusal.BAD_SIGNATURE
    if abs(at.timestamp() - int(timestamp)) > WINDOW_SECONDS:
        return NoticeRefusal.STALE
    try:
        told = json.loads(body)
        return _notice(channel.id, told, body, "notice")
    except (ValueError, KeyError, TypeError, RecursionError):
        return NoticeRefusal.MALFORMED


class Gateway:
    """The channel as we call it. Every call may fail; an unanswered one is asked about later, never assumed."""

    def __init__(self, channel: Channel, private_key: str, http: httpx.Client) -> None:
        self._channel, self._key, self._http = channel, private_key, http

    def create(self, trade_no: str, amount_fen: int, subject: str, urls: tuple[str, str], expires_at: datetime) -> str:
        """Open a trade; the address of its pay page comes back. `urls` are those for the notice and the return."""
        told = {
            "trade_no": trade_no,
            "amount_fen": amount_fen,
            "currency": "CNY",
            "subject": subject,
            "notify_url": urls[0],
            "return_url": urls[1],
            "expires_at": expires_at.isoformat(),
        }
        return str(self._call("/gateway/v1/trades", told)["pay_url"])

    def query(self, trade_no: str) -> Trade:
        return self._trade(self._call("/gateway/v1/trades/query", {"trade_no": trade_no}))

    def close(self, trade_no: str) -> Trade:
        """Close an unpaid trade; one that was paid in the meantime says so."""
        return self._trade(self._call("/gateway/v1/trades/close", {"trade_no": trade_no}))

    def refund(self, refund_id: str, gateway_no: str, amount_fen: int) -> bool:
        """Send money back, idempotent by `refund_id`; True when it is done."""
        told = {"refund_id": refund_id, "gateway_no": gateway_no, "amount_fen": amount_fen}
        return bool(self._call("/gateway/v1/refunds", told)["state"] == "DONE")

    def _trade(self, told: dict[str, Any]) -> Trade:
        try:
            state = TradeState(told["state"])
            paid = state is TradeState.PAID
            return Trade(state, _notice(self._channel.id, told, json.dumps(told).encode(), "query") if paid else None)
        except (KeyError, TypeError, ValueError) as error:
            raise GatewayError("an answer that is not in the gateway's words") from error

    def _call(self, path: str, told: Mapping[str, object]) -> dict[str, Any]:
        body = json.dumps({**told, "merchant": self._channel.merchant}, ensure_ascii=False).encode()
        timestamp, nonce = str(int(datetime.now(UTC).timestamp())), secrets.token_hex(16)
        signed = f"POST\n{path}\n{timestamp}\n{nonce}\n{body.decode()}\n"
        headers = {
            TIMESTAMP: timestamp,
            NONCE: nonce,
            MERCHANT: self._channel.merchant,
            SIGNATURE: sign(self._key, signed),
            "content-type": "application/json",
        }
        try:
            answer = self._http.post(
                self._channel.gateway + path, content=body, headers=headers, timeout=TIMEOUT_SECONDS
            )
        except httpx.HTTPError as error:
            raise GatewayError(f"{path}: {type(error).__name__}") from error
        if answer.status_code != 200:
            raise GatewayError(f"{path}: {answer.status_code}")
        stamp = f"{answer.headers.get(TIMESTAMP, '')}\n{answer.headers.get(NONCE, '')}\n"
        if not is_signed(
            self._channel.public_key, stamp.encode() + answer.content + b"\n", answer.headers.get(SIGNATURE, "")
        ):
            raise GatewayError(f"{path}: an answer that is not signed by the gateway")
        found: dict[str, Any] = answer.json()
        return found


def _notice(channel_id: str, told: Mapping[str, Any], body: bytes, source: str) -> Notice:
    texts = [told["event_id"], told["trade_no"], told["gateway_no"], told["currency"], told["merchant"]]
    if any(not isinstance(text, str) or not 1 <= len(text) <= TEXT_CHARS_MAX or "\x00" in text for text in texts):
        raise ValueError("a text is missing, too long, or no text")
    amount = told["amount_fen"]
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount < 2**62:
        raise ValueError("an amount is a whole number of fen")
    paid_at = datetime.fromisoformat(told["paid_at"])
    if paid_at.tzinfo is None:
        raise ValueError("an instant says its zone")
    event_id, trade_no, gateway_no, currency, merchant = texts
    return Notice(channel_id, event_id, trade_no, gateway_no, amount, currency, merchant, paid_at, body, source)


@lru_cache(maxsize=64)
def _private(pem: str) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


@lru_cache(maxsize=64)
def _public(pem: str) -> rsa.RSAPublicKey:
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, rsa.RSAPublicKey)
    return key
