"""Douyin Pay against `douyinpay`, a third party's package: the only one that knows the client's call-up."""

from __future__ import annotations

import time
from types import SimpleNamespace

from douyinpay import Config, NotificationParser
from douyinpay._auth import sign_request
from douyinpay._certificate import CertificateManager
from douyinpay.api.payments import PaymentsService

from kashu.kernel import rsa
from kashu.payments import Method, douyinpay
from tests.crosscheck import ours
from tests.crosscheck.chance import METHODS, Chance

PACKAGE = "douyinpay"


def check_requests(chance: Chance) -> None:
    """Theirs, signed at their own time with their own nonce."""
    private, _, _, serial = chance.pair()
    method, path, body = chance.choice(METHODS), chance.path(), chance.body()
    theirs = sign_request(method, path, body, "m", serial, private)
    assert theirs.signature == douyinpay.request_signature(
        private, method, path, body, theirs.timestamp, theirs.nonce_str
    )
    adapter = ours.v3("douyin", "m", "app", (serial, private), ("P", private), "k" * 32)
    whole, told = ours.authorization(adapter, method, path, body, theirs.timestamp)
    named = ours.items(theirs.to_header())
    assert {**told, "nonce_str": "", "signature": ""} == {**named, "nonce_str": "", "signature": ""}
    assert whole.startswith("DouyinPay-RSA ")


def check_notices(chance: Chance) -> None:
    """What they would take we take; one changed sign, and neither does. Their window is ours: 24 h 4 min."""
    private, public, certificate, serial = chance.pair()
    open_key, nonce, associated = chance.letters(32), chance.letters(12), chance.choice(["", "transaction"])
    trade, stamp, told_nonce = chance.trade(), int(time.time()) - chance.randint(0, 2 * 86_640), chance.letters(16, 32)
    resource = {
        "algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": associated,
        "ciphertext": ours.sealed(open_key.encode(), nonce, associated, chance.written(trade)),
    }  # fmt: skip
    body = chance.written({**chance.thing(), "id": chance.letters(36), "resource": resource})
    told = {"timestamp": str(stamp), "nonce": told_nonce, "serial": serial,
            "signature": rsa.sign(private, f"{stamp}\n{told_nonce}\n{body}\n".encode())}  # fmt: skip
    manager = CertificateManager(open_key.encode())
    manager._certs[serial] = certificate
    twin = NotificationParser(Config("m", "S", private, open_key), manager)
    adapter = ours.v3("douyin", trade["mchid"], trade["appid"], ("M", private), (serial, public), open_key)
    for name in ("", chance.choice(["timestamp", "nonce", "signature", "serial", "body"])):
        changed = {**told, name: chance.other(told[name])} if name in told else told
        text = chance.other(body) if name == "body" else body
        try:
            content = twin.parse(text, changed["signature"], changed["timestamp"], changed["nonce"], changed["serial"])
        except Exception:
            content = None
        headers = {f"douyinpay-{one}": text for one, text in changed.items()}
        found = ours.taken(adapter, headers, text.encode(), int(time.time()))
        assert isinstance(found, str) is (content is None)
        assert content is None or (content == trade and found.trade_no == trade["out_trade_no"])
        assert name == "" or content is None


def check_client(chance: Chance) -> None:
    """What a page or an app calls Douyin up with."""
    private, _, _, serial = chance.pair()
    app, prepaid, merchant = chance.letters(16), chance.letters(36), chance.letters(11)
    adapter = ours.v3("douyin", merchant, app, (serial, private), ("P", private), "k" * 32)
    call = adapter.facts.call(adapter, prepaid, chance.choice([Method.JSAPI, Method.APP]))
    twin = PaymentsService(SimpleNamespace(config=Config(merchant, serial, private, "k" * 32)))
    theirs = twin.sign_for_client(
        appid=app, prepay_id=prepaid, timestamp=int(call["timestamp"]), nonce_str=call["noncestr"]
    )
    assert {name: str(text) for name, text in theirs.items()} == call
