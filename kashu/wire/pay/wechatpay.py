"""WeChat Pay v3 (payments.md §3.2): its names, paths and windows."""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import urlencode

import httpx

from kashu.kernel import clock
from kashu.kernel.seal import Keyring
from kashu.payments import Channel, Method, wechatpay
from kashu.wire.pay.protocol import TIMEOUT_SECONDS, WINDOW_SECONDS, GatewayError, text_of
from kashu.wire.pay.v3 import Facts, V3Channel, app_call

GATEWAY = "https://api.mch.weixin.qq.com"
GZIP_BITS = 31  # zlib's word for a gzip header and trailer


def consent_url(channel: Channel, return_url: str) -> str:
    """Where WeChat says who its visitor is in our official account (snsapi_base: nobody is asked anything)."""
    asked = {
        "appid": channel.app_id,
        "redirect_uri": return_url,
        "response_type": "code",
        "scope": "snsapi_base",
        "state": "pay",
    }
    base = "https://open.weixin.qq.com" if channel.gateway == GATEWAY else channel.gateway
    return f"{base}/connect/oauth2/authorize?{urlencode(asked)}#wechat_redirect"


def openid_of(http: httpx.Client, channel: Channel, ring: Keyring, code: str) -> str:
    """The payer's id in our official account, for the code with which WeChat sent them back. GatewayError without one."""
    keys = channel.keys_for("app", clock.now())
    if not keys or not code:
        raise GatewayError("no secret of the official account, or no code")
    secret = ring.open_personal(keys[0].sealed, f"channel {channel.id}")
    asked = {"appid": channel.app_id, "secret": secret, "code": code, "grant_type": "authorization_code"}
    base = "https://api.weixin.qq.com" if channel.gateway == GATEWAY else channel.gateway
    try:
        told = http.get(f"{base}/sns/oauth2/access_token", params=asked, timeout=TIMEOUT_SECONDS).json()
        return text_of(told["openid"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise GatewayError(f"openid: {type(error).__name__}") from None  # its own text would carry the secret


def _certificates_of(told: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    return [(str(one["serial_no"]), one["encrypt_certificate"]) for one in told["data"]]


def _call(channel: V3Channel, prepay_id: str, method: Method) -> dict[str, str]:
    """What a page inside WeChat, or an app, hands to WeChat."""
    if method is Method.APP:
        return app_call(channel, prepay_id, "Sign=WXPay")
    app_id, stamp, nonce = channel.channel.app_id, str(int(clock.now().timestamp())), secrets.token_hex(16)
    package = f"prepay_id={prepay_id}"
    signature = wechatpay.client_signature(channel.keys.sign, app_id, stamp, nonce, package)
    return {"appId": app_id, "timeStamp": stamp, "nonceStr": nonce, "package": package, "signType": "RSA",
            "paySign": signature}  # fmt: skip


def _bill(channel: V3Channel, day: date) -> Iterator[bytes]:
    """The trade bill of a day: where it lies comes signed, the file itself by its hash (SHA-1, as WeChat has it)."""
    told = channel.call("GET", f"/v3/bill/tradebill?bill_date={day.isoformat()}&bill_type=ALL&tar_type=GZIP")
    unzip, digest = zlib.decompressobj(GZIP_BITS), hashlib.sha1(usedforsecurity=False)
    try:
        for piece in channel.download(str(told["download_url"])):
            plain = unzip.decompress(piece)
            digest.update(plain)
            yield plain
    except zlib.error as error:
        raise GatewayError("bill: a file that is not whole") from error
    if not unzip.eof or digest.hexdigest() != str(told["hash_value"]).lower():
        raise GatewayError("bill: a file that is not the one promised")


FACTS = Facts(
    scheme="WECHATPAY2-SHA256-RSA2048",
    header="wechatpay",
    transactions="/v3/pay/transactions",
    refunds="/v3/refund/domestic/refunds",
    splits="/v3/profitsharing",
    certificates="/v3/certificates",
    notice_seconds=WINDOW_SECONDS,
    decrypt=wechatpay.decrypt_resource,
    certificates_of=_certificates_of,
    call=_call,
    bill=_bill,
    has_serial_header=True,
)
