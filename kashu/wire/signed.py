"""Calls that both sides sign: suppliers, registries and whoever attests transactions speak them (docs/reference/supply.md).

The signature is that of the open API, with the name of what is asked in the place of the idempotency key. Answers are
signed over what was asked, so that none can be forged or replayed: one that is not signed is none.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from kashu.kernel.text import is_line
from kashu.wire.open.auth import signature

TIMEOUT_SECONDS = 10
ANSWER_BYTES_MAX = 16_384
Shape = TypeVar("Shape", bound=msgspec.Struct)


class CallError(Exception):
    """No answer, or none that can be believed. What the other side did is unknown until it says; it is asked again."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is called, and the key of ours there."""

    url: str
    key_id: str
    secret: bytes = field(repr=False)


def call(peer: Peer, path: str, name: str, body: bytes, at: float) -> tuple[bytes, str]:
    """The answer of a peer and its signature, which was found right."""
    target = urlsplit(peer.url).path + path
    stamp, nonce = str(int(at)), secrets.token_hex(16)
    headers = {
        "kashu-key": peer.key_id,
        "kashu-timestamp": stamp,
        "kashu-nonce": nonce,
        "kashu-signature": signature(peer.secret, "POST", target, stamp, nonce, name, body),
        "idempotency-key": name,
        "content-type": "application/json",
    }
    try:
        raw, told = asyncio.run(post(peer.url + path, body, headers))
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise CallError(type(error).__name__) from error
    if not hmac.compare_digest(answer_signature(peer.secret, nonce, raw).encode(), told.encode()):
        raise CallError("an answer that is not signed")
    return raw, told


def read(raw: bytes, shape: type[Shape]) -> Shape:
    """An answer in its words."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CallError("an answer that cannot be read") from error


def check_texts(texts: Iterable[str], chars_max: int) -> None:
    """Texts of an answer are lines, and not too long."""
    if any(len(text) > chars_max or not is_line(text) for text in texts):
        raise CallError("a text that is too long, or no text")


async def post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[bytes, str]:
    """The answer and its signature: no more than an answer may have, and within so many seconds in all.

    An answer may drip for ever, each byte within its timeout: only a deadline over all of it ends that.
    """
    raw = b""
    async with (
        asyncio.timeout(TIMEOUT_SECONDS),
        httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS) as http,
        http.stream("POST", url, content=body, headers=dict(headers)) as answer,
    ):
        if answer.status_code != 200:
            raise CallError(f"status {answer.status_code}")
        async for chunk in answer.aiter_bytes():
            raw += chunk
            if len(raw) > ANSWER_BYTES_MAX:
                raise CallError("an answer that is too long")
        return raw, answer.headers.get("kashu-signature", "")


def answer_signature(secret: bytes, nonce: str, body: bytes) -> str:
    """HMAC-SHA256 over the nonce of the call and the answer's hash, lower-case hex."""
    return hmac.new(secret, f"{nonce}\n{hashlib.sha256(body).hexdigest()}".encode(), hashlib.sha256).hexdigest()
