"""Alipay's RSA2 signatures, without any network (payments.md §3.2)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from kashu.kernel import rsa

YUAN = re.compile(r"(0|[1-9][0-9]{0,12})(?:\.([0-9]{1,2}))?\Z", re.ASCII)


def signing_text(params: Mapping[str, str]) -> str:
    """What a call signs: all but `sign` and what is empty, sorted, joined as `k=v` with `&`."""
    return "&".join(f"{name}={text}" for name, text in sorted(params.items()) if name != "sign" and text != "")


def request_signature(private_key_pem: str, params: Mapping[str, str]) -> str:
    """The application's RSA2 signature of a call's parameters. Base64."""
    return rsa.sign(private_key_pem, signing_text(params).encode())


def notice_valid(alipay_key_pem: str, params: Mapping[str, str]) -> bool:
    """Whether a notice was signed by Alipay with RSA2. `sign_type` is not among what is signed, so only RSA2 counts."""
    if params.get("sign_type") != "RSA2":
        return False
    told = {name: text for name, text in params.items() if name not in ("sign", "sign_type")}
    # Public implementations differ in whether an empty field is part of the text; either text says the same.
    texts = {signing_text(told), "&".join(f"{name}={text}" for name, text in sorted(told.items()))}
    return any(rsa.is_signed(alipay_key_pem, text.encode(), params.get("sign", "")) for text in texts)


def answer_of(method: str, body: str) -> tuple[str, str] | None:
    """The signed piece of an answer exactly as it came, and its signature; None where it has another shape.

    The piece is the raw substring: to write the JSON anew would be to verify a text that nobody signed.
    """
    for name in (method.replace(".", "_") + "_response", "error_response"):
        at = re.search(rf'"{name}"\s*:\s*', body)
        if at is None:
            continue
        try:
            _, end = json.JSONDecoder().raw_decode(body, at.end())
            signature = json.loads(body).get("sign", "")
        except (ValueError, RecursionError, AttributeError):
            return None
        return body[at.end() : end], signature if isinstance(signature, str) else ""
    return None


def fen_of(yuan: str) -> int:
    """Fen of Alipay's decimal yuan: `88.8` is 8880. ValueError for a sign, an exponent, or more than two decimals."""
    found = YUAN.match(yuan)
    if found is None:
        raise ValueError("not an amount in yuan")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def yuan_of(fen: int) -> str:
    """Alipay's decimal yuan of fen: 8880 is `88.80`."""
    assert fen >= 0
    return f"{fen // 100}.{fen % 100:02d}"
