"""Notices as the channels would send them, signed by a platform of our own; for tests, benches and the soak."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from kashu.kernel import clock
from kashu.kernel.rsa import sign
from kashu.payments import alipay

MERCHANT, APP, SERIAL, OPEN_KEY = "m-1", "app-1", "SERIAL0001", "0123456789abcdef0123456789abcdef"
HEADER = {"douyin": "douyinpay", "wechat": "wechatpay"}
Signed = tuple[dict[str, str], bytes]


@cache
def pair(_name: str) -> tuple[str, str]:
    """A key pair, private and public; the same for a name in one run."""
    key = rsa.generate_private_key(65_537, 2_048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def notice(kind: str, trade_no: str, amount_fen: int, change: Mapping[str, Any] | None = None, **how: Any) -> Signed:
    """A payment notice: `change` names other facts (amount_fen, merchant, app, currency, gateway_no, state, event_id,
    paid_at), `how` other circumstances (late, key, serial, body)."""
    told = {
        "amount_fen": amount_fen, "merchant": MERCHANT, "app": APP, "currency": "CNY", "trade_no": trade_no,
        "gateway_no": secrets.token_hex(12), "state": "SUCCESS", "event_id": secrets.token_hex(12),
        "paid_at": datetime.now(UTC), **(change or {}),
    }  # fmt: skip
    private = pair(how.get("key", "platform"))[0]
    return _alipay(told, private) if kind == "alipay" else _v3(kind, told, private, how)


def _v3(kind: str, told: Mapping[str, Any], private: str, how: Mapping[str, Any]) -> Signed:
    paid_at = told["paid_at"]
    resource = {
        "appid": told["app"], "mchid": told["merchant"], "out_trade_no": told["trade_no"],
        "transaction_id": told["gateway_no"], "trade_state": told["state"],
        "success_time": paid_at.isoformat() if isinstance(paid_at, datetime) else paid_at,
        "amount": {"total": told["amount_fen"], "currency": told["currency"]},
    }  # fmt: skip
    nonce = secrets.token_hex(6)
    sealed = AESGCM(how.get("open", OPEN_KEY).encode()).encrypt(
        nonce.encode(), json.dumps(resource).encode(), b"transaction"
    )
    event = {
        "id": told["event_id"], "event_type": "TRANSACTION.SUCCESS", "resource_type": "encrypt-resource",
        "resource": {"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": "transaction",
                     "ciphertext": base64.b64encode(sealed).decode()},
    }  # fmt: skip
    return stamped(kind, how.get("body", json.dumps(event).encode()), private, how)


def stamped(kind: str, body: bytes, private: str, how: Mapping[str, Any]) -> Signed:
    """Any body with the headers of a signed notice."""
    stamp, name, nonce = str(int(time.time()) - how.get("late", 0)), HEADER[kind], secrets.token_hex(16)
    signature = sign(private, f"{stamp}\n{nonce}\n".encode() + body + b"\n")
    return {
        f"{name}-timestamp": stamp, f"{name}-nonce": nonce, f"{name}-signature": signature,
        f"{name}-serial": how.get("serial", SERIAL), "content-type": "application/json",
    }, body  # fmt: skip


def _alipay(told: Mapping[str, Any], private: str) -> Signed:
    fen, paid_at = told["amount_fen"], told["paid_at"]
    when = (
        paid_at.astimezone(clock.SHANGHAI).strftime("%Y-%m-%d %H:%M:%S") if isinstance(paid_at, datetime) else paid_at
    )
    params = {
        "notify_id": told["event_id"], "app_id": told["app"], "seller_id": told["merchant"], "charset": "utf-8",
        "out_trade_no": told["trade_no"].replace("-", "_"), "trade_no": told["gateway_no"], "gmt_payment": when,
        "trade_status": f"TRADE_{told['state']}", "total_amount": alipay.yuan_of(fen) if isinstance(fen, int) else str(fen),
    }  # fmt: skip
    params |= {"sign": sign(private, alipay.signing_text(params).encode()), "sign_type": "RSA2"}
    return {"content-type": "application/x-www-form-urlencoded"}, urlencode(params).encode()
