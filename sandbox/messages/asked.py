"""What all three are asked in the end, whatever its form."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

WINDOW_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Asked:
    is_send: bool
    to: str
    tag: str = ""
    template: str = ""
    values: str = ""
    number: str = ""


@dataclass(slots=True)
class Sms:
    """A message as its vendor has it. `state` is on its way, arrived or failed."""

    vendor: str
    number: str
    tag: str
    to: str
    template: str
    values: str
    sent_at: float
    state: str = "sent"
    arrived_at: float = 0.0


def credential(header: str) -> dict[str, str]:
    """`ALGORITHM Credential=…, SignedHeaders=…, Signature=…`, with or without the spaces."""
    algorithm, _, rest = header.partition(" ")
    parts = dict(one.strip().split("=", 1) for one in rest.split(",") if "=" in one)
    return {"algorithm": algorithm, **parts}


def query_of(raw: str) -> dict[str, str]:
    return dict(parse_qsl(raw, keep_blank_values=True))


def canonical_query(told: dict[str, str]) -> str:
    return "&".join(f"{quote(name, safe='-_.~')}={quote(told[name], safe='-_.~')}" for name in sorted(told))


def sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def mac(key: bytes, told: str) -> bytes:
    return hmac.new(key, told.encode(), hashlib.sha256).digest()
