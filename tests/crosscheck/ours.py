"""Our side: an adapter as `kashu.wire.pay` builds it, with keys of our own choice; nothing is asked of any network."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime

import httpx
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kashu.kernel import clock
from kashu.payments import Channel, Key
from kashu.wire.pay import douyinpay, wechatpay
from kashu.wire.pay.protocol import Notice
from kashu.wire.pay.v3 import Secrets, V3Channel

FACTS = {"wechat": wechatpay.FACTS, "douyin": douyinpay.FACTS}
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def v3(kind: str, merchant: str, app: str, sign: tuple[str, str], verify: tuple[str, str], open_key: str) -> V3Channel:
    """An instance of WeChat Pay or Douyin Pay; keys as (serial number, PEM)."""
    key = Key("x", "verify", verify[0], verify[1], b"", LONG_AGO, None)
    channel = Channel("x", kind, "x", "x", merchant, app, "https://gateway.example", ["native"], 1, 1, 10**12, None, None,
                      sign[0], verify[0], is_open=True, keys=(key,))  # fmt: skip
    return V3Channel(channel, Secrets(sign[1], (open_key,)), httpx.Client(trust_env=False), FACTS[kind], lambda _: None)


def authorization(adapter: V3Channel, method: str, path: str, body: str, stamp: int) -> tuple[str, dict[str, str]]:
    """The header of one call of ours at an instant: its scheme and its items by name."""
    clock.now = lambda: datetime.fromtimestamp(stamp, UTC)
    told = adapter._stamp(method, adapter.channel.gateway + path, body)["authorization"]
    return told, items(told)


def items(told: str) -> dict[str, str]:
    scheme, _, rest = told.partition(" ")
    return {"scheme": scheme, **dict(re.findall(r'([a-z_]+)="([^"]*)"', rest))}


def sealed(key: bytes, nonce: str, associated: str, plain: str) -> str:
    return base64.b64encode(AESGCM(key).encrypt(nonce.encode(), plain.encode(), associated.encode())).decode()


def taken(adapter: V3Channel, headers: dict[str, str], body: bytes, stamp: int) -> Notice | str:
    """A notice as our adapter reads it; a word for one that it does not take."""
    lower = {name.lower(): text for name, text in headers.items()}
    found = adapter.parse_notice(lower, body, datetime.fromtimestamp(stamp, UTC))
    return found if isinstance(found, Notice) else type(found).__name__
