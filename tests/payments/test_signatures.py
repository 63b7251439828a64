"""The channels' signatures against published vectors and against what forgers try."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa as rsa_keys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from kashu.kernel import rsa
from kashu.kernel.rsa import EnvelopeBrokenError
from kashu.payments import alipay, douyinpay, wechatpay
from tests.payments import vectors as v

KEY = "0123456789abcdef0123456789abcdef"


def pair(bits: int = 2_048) -> tuple[str, str]:
    key = rsa_keys.generate_private_key(65_537, bits)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


PRIVATE, PUBLIC = pair()


def test_vector_e1_signs_a_post():
    path = "/v1/trade/transactions/native"
    assert douyinpay.request_signature(v.MERCHANT_KEY, "POST", path, v.E1_BODY, v.TIMESTAMP, v.NONCE) == v.E1


def test_vector_e2_signs_a_get_with_its_query_and_an_empty_line_for_its_body():
    path = f"/v1/trade/transactions/out-trade-no/KM202601020001?mchid={v.MERCHANT}"
    assert douyinpay.request_signature(v.MERCHANT_KEY, "GET", path, "", int(v.TIMESTAMP), v.NONCE) == v.E2


def test_vector_e3_opens():
    assert douyinpay.decrypt_resource(KEY, "a1b2c3d4e5f6", "transaction", v.E3) == v.E3_PLAIN
    in_base64 = base64.b64encode(KEY.encode()).decode()
    assert douyinpay.decrypt_resource(in_base64, "a1b2c3d4e5f6", "transaction", v.E3) == v.E3_PLAIN


def test_vector_e4_is_valid_by_certificate_and_by_public_key():
    for key in (v.PLATFORM_CERTIFICATE, v.PLATFORM_PUBLIC):
        assert douyinpay.notice_valid(key, "1767294251", "N0nceN0nceN0nce0", v.E4_BODY, v.E4)


def test_vector_c3_and_c4_of_the_mini_program_follow_the_same_rule():
    assert douyinpay.request_signature(
        v.MERCHANT_KEY, "POST", "/requestOrder", v.C3_DATA, v.TIMESTAMP, "AbCdEf0123456789"
    ) == v.C3  # fmt: skip
    assert wechatpay.notice_valid(v.PLATFORM_PUBLIC, 1767294251, "nOnCe123", v.C4_BODY, v.C4)


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": "1767294252"},
        {"nonce": "N0nceN0nceN0nce1"},
        {"body": v.E4_BODY.replace(b"EV-1", b"EV-2")},
        {"body": v.E4_BODY + b" "},
        {"signature": v.E4.replace("P", "Q", 1)},
        {"signature": "no base64 !"},
        {"signature": ""},
        {"platform_key_pem": PUBLIC},
        {"platform_key_pem": "no key"},
    ],
)
def test_a_notice_with_anything_changed_is_not_valid(change):
    told = {
        "platform_key_pem": v.PLATFORM_CERTIFICATE,
        "timestamp": "1767294251",
        "nonce": "N0nceN0nceN0nce0",
        "body": v.E4_BODY,
        "signature": v.E4,
    }
    assert douyinpay.notice_valid(**told)
    assert not douyinpay.notice_valid(**{**told, **change})


def test_the_vector_of_wechats_go_sdk_is_signed():
    assert rsa.sign(v.WECHAT_KEY, b"source") == v.WECHAT_SOURCE


def test_the_vector_of_wechats_go_sdk_opens():
    opened = wechatpay.decrypt_resource(
        "testAPIv3Key0000", "wCq51qZv4Yfg", "Dl56FrqWQJF1t9LtC3vEUsniZKvbqdR8",
        "FsdXzxryWfKwvLJKf8LG/ToRPTRh8RN9wROC",
    )  # fmt: skip
    assert opened == "Hello World"


@pytest.mark.parametrize(
    "told",
    [
        ("x" * 32, "a1b2c3d4e5f6", "transaction", v.E3),
        (KEY, "a1b2c3d4e5f7", "transaction", v.E3),
        (KEY, "a1b2c3d4e5f6", "Transaction", v.E3),
        (KEY, "a1b2c3d4e5f6", "transaction", v.E3[:-4] + "AAA="),
        (KEY, "a1b2c3d4e5f6", "transaction", "not base64!"),
        (KEY, "a1b2c3d4e5f6", "transaction", ""),
        (KEY, "", "transaction", v.E3),
        (KEY[:-1], "a1b2c3d4e5f6", "transaction", v.E3),
        ("!" * 44, "a1b2c3d4e5f6", "transaction", v.E3),
    ],
)
def test_a_resource_with_anything_changed_does_not_open(told):
    with pytest.raises(EnvelopeBrokenError):
        douyinpay.decrypt_resource(*told)


@given(st.text(max_size=80), st.binary(min_size=12, max_size=12), st.text(max_size=20))
def test_what_was_sealed_opens(plain, nonce, associated):
    name = nonce.hex()[:12]
    sealed = AESGCM(KEY.encode()).encrypt(name.encode(), plain.encode(), associated.encode() or None)
    assert douyinpay.decrypt_resource(KEY, name, associated, base64.b64encode(sealed).decode()) == plain


def test_the_client_signs_four_lines():
    signature = douyinpay.client_signature(PRIVATE, "awz9", 1767294245, v.NONCE, "prepay-1")
    assert rsa.is_signed(PUBLIC, f"awz9\n1767294245\n{v.NONCE}\nprepay-1\n".encode(), signature)


def test_alipay_signs_sorted_pairs_without_what_is_empty():
    params = {"b": "2", "a": "1", "sign": "x", "return_url": "", "c": "a=b&c"}
    assert alipay.signing_text(params) == "a=1&b=2&c=a=b&c"
    assert rsa.is_signed(PUBLIC, b"a=1&b=2&c=a=b&c", alipay.request_signature(PRIVATE, params))


def test_an_alipay_notice_is_valid_with_rsa2_only():
    told = {"total_amount": "39.90", "out_trade_no": "1A_7Q2M", "app_id": "2021", "subject": "年卡 & 更多"}
    sign = rsa.sign(PRIVATE, alipay.signing_text(told).encode())
    assert alipay.notice_valid(PUBLIC, {**told, "sign": sign, "sign_type": "RSA2"})
    assert not alipay.notice_valid(PUBLIC, {**told, "sign": sign, "sign_type": "RSA"})
    assert not alipay.notice_valid(PUBLIC, {**told, "sign": sign})
    assert not alipay.notice_valid(PUBLIC, {**told, "total_amount": "0.01", "sign": sign, "sign_type": "RSA2"})
    assert not alipay.notice_valid(PUBLIC, {**told, "extra": "1", "sign": sign, "sign_type": "RSA2"})


@pytest.mark.parametrize(
    "piece",
    [
        '{"code":"10000","total_amount":"39.90","subject":"a}b\\"{"}',
        '{ "code" : "10000" ,\n "note":"\\u5e74" }',
        '{"code":"10000","detail":{"deep":[{"x":"}"}]}}',
    ],
)
def test_the_signed_piece_of_an_alipay_answer_is_the_raw_substring(piece):
    body = f'{{"alipay_trade_query_response":{piece},"sign":"c2ln"}}'
    assert alipay.answer_of("alipay.trade.query", body) == (piece, "c2ln")
    spaced = f'{{"sign":"c2ln", "alipay_trade_query_response" : {piece} }}'
    assert alipay.answer_of("alipay.trade.query", spaced) == (piece, "c2ln")


@pytest.mark.parametrize(
    "body", ["", "<html>502</html>", "[]", '{"sign":"x"}', '{"alipay_trade_query_response":', "[" * 9_000]
)
def test_an_answer_of_another_shape_has_no_signed_piece(body):
    assert alipay.answer_of("alipay.trade.query", body) is None


@given(st.integers(0, 10**14))
def test_yuan_and_fen_are_exact(fen):
    assert alipay.fen_of(alipay.yuan_of(fen)) == fen


@pytest.mark.parametrize(("yuan", "fen"), [("88", 8_800), ("88.8", 8_880), ("0.01", 1), ("0", 0)])
def test_yuan_is_read(yuan, fen):
    assert alipay.fen_of(yuan) == fen


@pytest.mark.parametrize(
    "yuan", ["", "-1", "+1", "1.", ".5", "1.234", "1e3", "01", " 1", "1 ", "1,000", "１", "NaN", "9" * 14]
)
def test_what_is_no_amount_in_yuan_is_refused(yuan):
    with pytest.raises(ValueError, match="yuan"):
        alipay.fen_of(yuan)


def test_a_short_key_or_another_kind_is_no_key():
    short = rsa_keys.generate_private_key(65_537, 1_024)  # what we refuse
    pem = short.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(ValueError, match="2048"):
        rsa.public(pem)


def test_keys_are_read_as_consoles_show_them():
    bare = "".join(PUBLIC.splitlines()[1:-1])
    assert rsa.is_signed(bare, b"x", rsa.sign("".join(PRIVATE.splitlines()[1:-1]), b"x"))
