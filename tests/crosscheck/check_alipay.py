"""Alipay against `python-alipay-sdk`.

One difference is known and kept out: the package signs empty fields (`body=`), and we leave them out on both ways.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlencode

from alipay import AliPay

from kashu.kernel import rsa
from kashu.payments import alipay
from tests.crosscheck.chance import Chance

PACKAGE = "python-alipay-sdk"


def _twin(private: str, public: str) -> AliPay:
    return AliPay("2021000000000001", app_private_key_string=private, alipay_public_key_string=public)


def _params(chance: Chance) -> dict[str, str]:
    """A call's parameters, none of them empty."""
    return {
        **{chance.letters(1, 16).lower(): chance.words(1) for _ in range(chance.randint(0, 8))},
        "app_id": "2021000000000001", "method": "alipay.trade.precreate", "charset": "utf-8", "sign_type": "RSA2",
        "biz_content": json.dumps(chance.thing(), ensure_ascii=False, separators=(",", ":")),
    }  # fmt: skip


def check_requests(chance: Chance) -> None:
    """The signature of any parameters, and the form they go out as."""
    private, public, _, _ = chance.pair()
    params = _params(chance)
    whole = {**params, "sign": alipay.request_signature(private, params)}
    theirs = _twin(private, public).sign_data(dict(params))
    assert dict(parse_qsl(theirs, keep_blank_values=True, strict_parsing=True)) == whole
    assert sorted(theirs.split("&")) == sorted(urlencode(whole).split("&"))


def check_notices(chance: Chance) -> None:
    """What they would take we take; one changed sign, or another type of signature, and neither does."""
    private, public, _, _ = chance.pair()
    twin = _twin(private, public)
    params = {name: text for name, text in _params(chance).items() if name != "sign_type"}
    signature = twin._sign(alipay.signing_text(params))
    told = {**params, "sign_type": "RSA2", "sign": signature}
    assert twin.verify({**params, "sign_type": "RSA2"}, signature)
    assert alipay.notice_valid(public, told)
    name = chance.choice(sorted(params))
    broken = {**params, name: chance.other(params[name])}
    assert not twin.verify({**broken, "sign_type": "RSA2"}, signature)
    assert not alipay.notice_valid(public, {**broken, "sign_type": "RSA2", "sign": signature})
    assert not alipay.notice_valid(public, {**told, "sign_type": "RSA"})


def check_answers(chance: Chance) -> None:
    """The signed piece of an answer is the same raw text. Braces inside of texts mislead the package, so there are none."""
    private, public, _, _ = chance.pair()
    content = {
        "code": "10000",
        **{chance.letters(1, 9): chance.words().replace("{", "").replace("}", "") for _ in range(5)},
    }
    raw = chance.written(content)
    body = f'{{"alipay_trade_query_response":{raw},"sign":"{rsa.sign(private, raw.encode())}"}}'
    twin = _twin(private, public)
    piece, signature = alipay.answer_of("alipay.trade.query", body) or ("", "")
    assert piece == raw == twin._get_string_to_be_signed(body, "alipay_trade_query_response")
    assert twin._verify_and_return_sync_response(body, "alipay_trade_query_response") == content
    assert rsa.is_signed(public, piece.encode(), signature)
    assert not rsa.is_signed(public, chance.other(piece).encode(), signature)


def check_keys(chance: Chance) -> None:
    """A key as a console shows it, in bare base64, is the same key."""
    private, public, _, _ = chance.pair()
    bare = ["".join(line for line in key.splitlines() if "-----" not in line) for key in (private, public)]
    text = chance.words(1)
    assert rsa.sign(bare[0], text.encode()) == _twin(private, public)._sign(text)
    assert rsa.is_signed(bare[1], text.encode(), rsa.sign(private, text.encode()))
