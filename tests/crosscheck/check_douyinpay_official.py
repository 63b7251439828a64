"""Douyin Pay against `bytedance.douyinpay`, the official package."""

from __future__ import annotations

import base64
import time

from bytedance.douyinpay import CallbackHandler, SignType, signer
from bytedance.douyinpay.crypto import aes
from bytedance.douyinpay.crypto.rsa import load_rsa_private_key, load_rsa_public_key, rsa_sign, rsa_verify
from bytedance.douyinpay.formatter import build_authorization, build_request_sign_message

from kashu.kernel.rsa import EnvelopeBrokenError
from kashu.payments import douyinpay
from tests.crosscheck import ours
from tests.crosscheck.chance import METHODS, Chance

PACKAGE = "bytedance.douyinpay"


def check_requests(chance: Chance) -> None:
    """The whole Authorization, sign by sign; and theirs signed at their own time with their own nonce."""
    private, _, _, serial = chance.pair()
    merchant, method, path, body, stamp = (
        chance.letters(11),
        chance.choice(METHODS),
        chance.path(),
        chance.body(),
        chance.stamp(),
    )
    adapter = ours.v3("douyin", merchant, "app", (serial, private), ("P", private), "k" * 32)
    whole, told = ours.authorization(adapter, method, path, body, stamp)
    key = load_rsa_private_key(private)
    signature = rsa_sign(build_request_sign_message(method, path, stamp, told["nonce_str"], body), key)
    assert whole == build_authorization(merchant, told["nonce_str"], signature, stamp, serial)
    theirs = signer.sign_request(method, path, body, merchant, serial, key)
    assert theirs.signature == douyinpay.request_signature(private, method, path, body, theirs.timestamp, theirs.nonce)


def check_notices(chance: Chance) -> None:
    """What they would take we take, with the same content; one changed sign, and neither does."""
    private, public, certificate, serial = chance.pair()
    raw = chance.randbytes(32)
    open_key = chance.choice([chance.letters(32), base64.b64encode(raw).decode()])
    nonce, associated = chance.letters(12), chance.choice(["", "transaction", chance.words(1)])
    trade, stamp, told_nonce = chance.trade(), int(time.time()) - chance.randint(-200, 200), chance.letters(16, 32)
    resource = {
        "algorithm": chance.choice(["AEAD_AES_256_GCM", "AEAD-AES-256-GCM"]), "nonce": nonce, "associated_data": associated,
        "ciphertext": aes.aes_encrypt(chance.written(trade), open_key, nonce, associated),
    }  # fmt: skip
    body = chance.written({**chance.thing(), "id": chance.letters(36), "resource": resource})
    headers = {
        "Douyinpay-Timestamp": str(stamp), "Douyinpay-Nonce": told_nonce, "Douyinpay-Serial": serial,
        "Douyinpay-Signature": rsa_sign(f"{stamp}\n{told_nonce}\n{body}\n", load_rsa_private_key(private)),
    }  # fmt: skip
    adapter = ours.v3(
        "douyin",
        trade["mchid"],
        trade["appid"],
        ("M", private),
        (serial, chance.choice([public, certificate])),
        open_key,
    )
    twin = CallbackHandler(open_key, {serial: certificate}, sign_type=SignType.RSA)
    found = ours.taken(adapter, headers, body.encode(), stamp)
    assert twin.parse(headers, body.encode()).content == trade
    assert (found.trade_no, found.gateway_no, found.amount_fen) == (
        trade["out_trade_no"], trade["transaction_id"], trade["amount"]["total"],
    )  # fmt: skip
    name = chance.choice(["Timestamp", "Nonce", "Signature", "Serial", "body"])
    changed = {**headers}
    if name == "body":
        body = chance.other(body)
    else:
        changed[f"Douyinpay-{name}"] = chance.other(headers[f"Douyinpay-{name}"])
    try:
        twin.parse(changed, body.encode())
    except Exception:
        assert isinstance(ours.taken(adapter, changed, body.encode(), stamp), str)
    else:
        raise AssertionError("they take what was changed")


def check_answers(chance: Chance) -> None:
    """The three lines under an answer, verified by public key and by certificate."""
    private, public, certificate, _ = chance.pair()
    stamp, nonce, body = chance.stamp(), chance.letters(1, 64), chance.body().encode()
    signature = rsa_sign(f"{stamp}\n{nonce}\n".encode() + body + b"\n", load_rsa_private_key(private))
    other = chance.pair()[1]
    for key in (public, certificate, other):
        told = rsa_verify(f"{stamp}\n{nonce}\n".encode() + body + b"\n", signature, load_rsa_public_key(key))
        assert douyinpay.notice_valid(key, stamp, nonce, body, signature) is told
        assert told is (key != other or other == public)


def check_resources(chance: Chance) -> None:
    """AES-256-GCM under an interface key of 32 characters, or of 44 in base64."""
    key = chance.choice([chance.letters(32), base64.b64encode(chance.randbytes(32)).decode()])
    nonce, associated, plain = chance.letters(12), chance.words(0, 20), chance.words(0, 400)
    told = aes.aes_encrypt(plain, key, nonce, associated)
    assert (
        aes.aes_decrypt(told, key, nonce, associated)
        == douyinpay.decrypt_resource(key, nonce, associated, told)
        == plain
    )
    for one in [
        (key, chance.other(nonce), associated),
        (key, nonce, associated + "x"),
        (chance.letters(32), nonce, associated),
    ]:
        try:
            aes.aes_decrypt(told, *one)
        except Exception:
            pass
        else:
            raise AssertionError("they open it")
        try:
            douyinpay.decrypt_resource(*one, told)
        except EnvelopeBrokenError:
            continue
        raise AssertionError("opened under another key, nonce or associated data")
