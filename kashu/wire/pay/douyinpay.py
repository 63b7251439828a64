"""Douyin Pay (douyin-protocols, section E): its names, paths and windows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from kashu.payments import Method, douyinpay
from kashu.wire.pay.v3 import Facts, V3Channel, app_call

NOTICE_SECONDS = 24 * 3_600 + 4 * 60  # an old notice may come again under its old timestamp (E.2)


def _certificates_of(told: dict[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """RSA certificates; here the cipher text has an underscore (E.2)."""
    return [
        (str(one["cert_no"]), {**one["encrypt_certificate"], "ciphertext": one["encrypt_certificate"]["cipher_text"]})
        for one in told["certificates"]
        if one.get("cert_type", "RSA") == "RSA"
    ]


def _call(channel: V3Channel, prepay_id: str, method: Method) -> dict[str, str]:  # noqa: ARG001  # the same for both
    """What a page or an app hands to Douyin (E.4)."""
    return app_call(channel, prepay_id, "Sign=DYPay")


def _bill(channel: V3Channel, day: date) -> Iterator[bytes]:
    """The trade bill of a day. The path is published, its parameters and answer are not: those are assumed."""
    told = channel.call("GET", f"/v1/bill/billapply?bill_date={day.isoformat()}&bill_type=ALL")
    yield from channel.download(str(told["download_url"]))


FACTS = Facts(
    scheme="DouyinPay-RSA",
    header="douyinpay",
    transactions="/v1/trade/transactions",
    refunds="/v1/trade/refund/domestic/refunds",
    splits="/v1/trade/profitsharing",
    certificates="/v1/merchant/certificates/getPlatformCertificates",
    notice_seconds=NOTICE_SECONDS,
    decrypt=douyinpay.decrypt_resource,
    certificates_of=_certificates_of,
    call=_call,
    bill=_bill,
)
