"""WeChat Pay v3 against `wechatpayv3`, by public key and by certificate."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from wechatpayv3 import WeChatPay, WeChatPayType, utils

from kashu.kernel.rsa import EnvelopeBrokenError
from kashu.payments import Method, wechatpay
from tests.crosscheck import ours
from tests.crosscheck.chance import METHODS, Chance

PACKAGE = "wechatpayv3"
SCHEME = "WECHATPAY2-SHA256-RSA2048"


def check_requests(chance: Chance) -> None:
    """The Authorization of any call."""
    private, _, _, serial = chance.pair()
    merchant, method, path, body, stamp = (
        chance.letters(10),
        chance.choice(METHODS),
        chance.path(),
        chance.body(),
        chance.stamp(),
    )
    adapter = ours.v3("wechat", merchant, "app", (serial, private), ("P", private), "k" * 32)
    _, told = ours.authorization(adapter, method, path, body, stamp)
    with mock.patch.object(utils, "time", SimpleNamespace(time=lambda: float(stamp))):
        theirs = utils.build_authorization(
            path, method, merchant, serial, utils.load_private_key(private), body, told["nonce_str"]
        )
    assert told == ours.items(theirs)
    assert wechatpay.request_signature(private, method, path, body, stamp, told["nonce_str"]) == told["signature"]


def check_notices(chance: Chance) -> None:
    """What they would take we take, with the same content; one changed sign, and neither does."""
    private, public, certificate, number = chance.pair()
    by_key = chance.random() < 0.5
    serial = f"PUB_KEY_ID_{chance.letters(20)}" if by_key else number
    open_key, nonce, associated = (
        chance.letters(32),
        chance.letters(12),
        chance.choice(["", "transaction", chance.words(1)]),
    )
    trade, stamp, told_nonce = chance.trade(), chance.stamp(), chance.letters(16, 32)
    resource = {
        "algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": associated,
        "ciphertext": ours.sealed(open_key.encode(), nonce, associated, chance.written(trade)),
    }  # fmt: skip
    body = chance.written(
        {**chance.thing(), "id": chance.letters(36), "resource_type": "encrypt-resource", "resource": resource}
    )
    headers = {
        "Wechatpay-Timestamp": str(stamp), "Wechatpay-Nonce": told_nonce, "Wechatpay-Serial": serial,
        "Wechatpay-Signature": utils.rsa_sign(utils.load_private_key(private), f"{stamp}\n{told_nonce}\n{body}\n"),
        "Wechatpay-Signature-Type": SCHEME,
    }  # fmt: skip
    adapter = ours.v3(
        "wechat", trade["mchid"], trade["appid"], ("M", private), (serial, public if by_key else certificate), open_key
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "one.pem").write_text(certificate)
        told = {"public_key": public, "public_key_id": serial} if by_key else {"cert_dir": folder}
        twin = WeChatPay(WeChatPayType.NATIVE, "m", private, "A1", "app", open_key, **told)
    twin._core._update_certificates = lambda: None  # which would ask the network
    found = ours.taken(adapter, headers, body.encode(), stamp)
    assert twin.callback(headers, body)["resource"] == trade
    assert (found.trade_no, found.gateway_no, found.amount_fen) == (
        trade["out_trade_no"], trade["transaction_id"], trade["amount"]["total"],
    )  # fmt: skip
    name = chance.choice(["Timestamp", "Nonce", "Signature", "body"])
    changed = {**headers}
    if name == "body":
        body = chance.other(body)
    else:
        changed[f"Wechatpay-{name}"] = chance.other(headers[f"Wechatpay-{name}"])
    assert twin.callback(changed, body) is None
    assert isinstance(ours.taken(adapter, changed, body.encode(), stamp), str)


def check_resources(chance: Chance) -> None:
    """AES-256-GCM: what opens there opens here; what does not, does not."""
    key, nonce, associated, plain = chance.letters(32), chance.letters(12), chance.words(0, 20), chance.words(0, 400)
    told = ours.sealed(key.encode(), nonce, associated, plain)
    assert (
        utils.aes_decrypt(nonce, told, associated, key)
        == wechatpay.decrypt_resource(key, nonce, associated, told)
        == plain
    )
    broken = [
        (chance.other(key), nonce, associated),
        (key, chance.other(nonce), associated),
        (key, nonce, associated + "x"),
    ]
    for one in broken:
        assert utils.aes_decrypt(one[1], told, one[2], one[0]) is None
        try:
            wechatpay.decrypt_resource(*one, told)
        except EnvelopeBrokenError:
            continue
        raise AssertionError("opened under another key, nonce or associated data")


def check_client(chance: Chance) -> None:
    """What a page and an app call WeChat up with."""
    private, public, _, serial = chance.pair()
    app, prepaid = chance.letters(18), chance.letters(36)
    adapter = ours.v3("wechat", "m", app, (serial, private), ("P", public), "k" * 32)
    twin = WeChatPay(WeChatPayType.JSAPI, "m", private, serial, app, "k" * 32, public_key=public, public_key_id="P")
    page = adapter.facts.call(adapter, prepaid, Method.JSAPI)
    assert page["paySign"] == twin.sign([app, page["timeStamp"], page["nonceStr"], f"prepay_id={prepaid}"])
    call = adapter.facts.call(adapter, prepaid, Method.APP)
    assert call["sign"] == twin.sign([app, call["timestamp"], call["noncestr"], prepaid])
