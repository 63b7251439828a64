"""Alipay as it answers: forms in, JSON out, RSA2 over the raw piece, decimal yuan."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from sandbox.pay.desk import Desk, Refused, Row

Answer = tuple[int, bytes, dict[str, str]]
SHANGHAI = timezone(timedelta(hours=8))
TIME = "%Y-%m-%d %H:%M:%S"
METHODS = {
    "alipay.trade.wap.pay": "h5",
    "alipay.trade.page.pay": "page",
    "alipay.trade.precreate": "native",
    "alipay.trade.create": "jsapi",
    "alipay.trade.app.pay": "app",
}
STATES = {"OPEN": "WAIT_BUYER_PAY", "PAID": "TRADE_SUCCESS", "CLOSED": "TRADE_CLOSED"}
CODES = {
    "ORDER_NOT_EXIST": "ACQ.TRADE_NOT_EXIST",
    "RESOURCE_NOT_EXISTS": "ACQ.TRADE_NOT_EXIST",
    "ORDERPAID": "ACQ.TRADE_STATUS_ERROR",
    "ORDER_CLOSED": "ACQ.TRADE_HAS_CLOSE",
    "NOT_ENOUGH_TO_REFUND": "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL",
    "USER_ACCOUNT_ABNORMAL": "ACQ.BUYER_NOT_EXIST",
    "OUT_TRADE_NO_USED": "ACQ.CONTEXT_INCONSISTENT",
}


class AlipayGateway:
    """gateway.do"""

    def __init__(self, desk: Desk, folder: Path, base_url: str) -> None:
        self.desk, self._base_url = desk, base_url
        self._keys = {}
        for name in ("platform", "stranger"):
            key = load_pem_private_key((folder / f"alipay-{name}.pem").read_bytes(), None)
            assert isinstance(key, rsa.RSAPrivateKey)
            self._keys[name] = key
        merchant = load_pem_public_key((folder / "alipay-merchant.pub").read_bytes())
        assert isinstance(merchant, rsa.RSAPublicKey)
        self._merchant = merchant

    def serve(self, method: str, query: str, body: bytes) -> tuple[str, Answer]:
        """One call; a GET is a payer's browser on its way to the pay page."""
        told = dict(parse_qsl(query if method == "GET" else body.decode(), keep_blank_values=True))
        name = told.get("method", "")
        if not self._is_signed(told) or told.get("app_id") != self.desk.app or told.get("sign_type") != "RSA2":
            return "unsigned", self._signed(
                "error", {"code": "40002", "msg": "Invalid Arguments", "sub_code": "isv.invalid-signature"}
            )
        try:
            biz = json.loads(told["biz_content"])
            if name in ("alipay.trade.wap.pay", "alipay.trade.page.pay"):
                trade = self._open(name, biz, told)
                return "create", (302, b"", {"location": f"{self._base_url}/pay/{trade['id']}"})
            call, found = self._do(name, biz, told)
        except Refused as error:
            code = CODES.get(error.code, error.code)
            return "refused", self._signed(
                name, {"code": "40004", "msg": "Business Failed", "sub_code": code, "sub_msg": str(error)}
            )
        except (KeyError, TypeError, ValueError):
            return "malformed", self._signed(
                name, {"code": "40002", "msg": "Invalid Arguments", "sub_code": "isv.invalid-parameter"}
            )
        return call, self._signed(name, {"code": "10000", "msg": "Success", **found})

    def notice(self, trade: Row) -> tuple[bytes, dict[str, str]]:
        faults = self.desk.faults
        told = {
            "notify_time": _when(faults.now()), "notify_type": "trade_status_sync", "notify_id": str(trade["event_id"]),
            "app_id": str(faults.get("alipay", "app") or self.desk.app), "charset": "utf-8", "version": "1.0",
            "trade_no": trade["gateway_no"], "out_trade_no": trade["trade_no"], "trade_status": "TRADE_SUCCESS",
            "seller_id": str(faults.get("alipay", "merchant") or self.desk.merchant),
            "total_amount": _yuan(trade["amount_fen"] + int(faults.get("alipay", "amount") or 0)),
            "receipt_amount": _yuan(trade["amount_fen"]), "subject": trade["subject"],
            "gmt_create": _when(trade["paid_at"] - 5), "gmt_payment": _when(trade["paid_at"]),
        }  # fmt: skip
        return self._form(told)

    def refund_notice(self, refund: Row) -> tuple[bytes, dict[str, str]]:
        told = {
            "notify_time": _when(refund["at"]), "notify_type": "trade_status_sync", "notify_id": f"r{refund['number']}",
            "app_id": self.desk.app, "charset": "utf-8", "version": "1.0", "trade_no": refund["gateway_no"],
            "out_trade_no": refund["trade_no"], "trade_status": "TRADE_SUCCESS", "seller_id": self.desk.merchant,
            "out_biz_no": refund["number"], "refund_fee": _yuan(refund["amount_fen"]), "gmt_refund": _when(refund["at"]) + ".000",
            "total_amount": _yuan(refund["amount_fen"]), "gmt_payment": _when(refund["at"]),
        }  # fmt: skip
        return self._form(told)

    def spoil(self, fault: str, answer: Answer) -> Answer:
        status, body, headers = answer
        told = json.loads(body)
        [name] = [key for key in told if key != "sign"]
        raw = json.dumps(told[name], ensure_ascii=False)
        sign = "" if fault == "unsigned" else self._sign(raw, "stranger")
        return status, f'{{"{name}":{raw},"sign":"{sign}"}}'.encode(), headers

    def _form(self, told: dict[str, str]) -> tuple[bytes, dict[str, str]]:
        owner = "stranger" if self.desk.faults.get("alipay", "key") else "platform"
        told |= {"sign": self._sign(_text(told), owner), "sign_type": "RSA2"}
        body = urlencode(told).encode()
        cut = self.desk.faults.get("alipay", "body")
        return (body[: len(body) // 2] if cut else body), {
            "content-type": "application/x-www-form-urlencoded; charset=utf-8"
        }

    def _open(self, name: str, biz: Row, told: Mapping[str, str]) -> Row:
        if not all(letter.isalnum() or letter == "_" for letter in biz["out_trade_no"]):
            raise Refused(400, "ACQ.INVALID_PARAMETER", "out_trade_no")
        if biz.get("seller_id", self.desk.merchant) != self.desk.merchant:
            raise Refused(400, "ACQ.INVALID_PARAMETER", "seller_id")
        expires_at = datetime.strptime(biz["time_expire"], TIME).replace(tzinfo=SHANGHAI).timestamp()
        return self.desk.open(
            {"trade_no": biz["out_trade_no"], "amount_fen": _fen(biz["total_amount"]), "subject": biz["subject"],
             "method": METHODS[name], "notify_url": told.get("notify_url", ""), "return_url": told.get("return_url", ""),
             "expires_at": expires_at, "payer": biz.get("buyer_id", "")}
        )  # fmt: skip

    def _do(self, name: str, biz: Row, told: Mapping[str, str]) -> tuple[str, Row]:
        if name in METHODS:
            trade = self._open(name, biz, told)
            made = (
                {"qr_code": f"{self._base_url}/pay/{trade['id']}"}
                if name.endswith("precreate")
                else {"trade_no": trade["id"]}
            )
            return "create", {"out_trade_no": trade["trade_no"], **made}
        if name == "alipay.trade.query":
            found = self.desk.find(biz["out_trade_no"])
            if found is None:
                raise Refused(404, "ORDER_NOT_EXIST")
            return "query", self._told(found)
        if name == "alipay.trade.close":
            self.desk.close(biz["out_trade_no"])
            return "close", {"out_trade_no": biz["out_trade_no"]}
        if name == "alipay.trade.refund":
            made = self.desk.refund(biz["out_request_no"], biz["trade_no"], _fen(biz["refund_amount"]))
            moved = "Y" if made["is_new"] and made["state"] == "DONE" else "N"
            return "refund", {"trade_no": biz["trade_no"], "refund_fee": biz["refund_amount"], "fund_change": moved}
        if name == "alipay.trade.fastpay.refund.query":
            known = self.desk.refunded(biz["out_request_no"])
            if known is None or known["state"] != "DONE":
                return "query_refund", {}
            return "query_refund", {"trade_no": known["gateway_no"], "out_request_no": known["number"], "refund_status": "REFUND_SUCCESS",
                                    "refund_amount": _yuan(known["amount_fen"])}  # fmt: skip
        if name == "alipay.trade.order.settle":
            shares = [
                {"receiver": one["trans_in"], "amount_fen": _fen(one["amount"])} for one in biz["royalty_parameters"]
            ]
            self.desk.split(biz["out_request_no"], biz["trade_no"], shares)
            return "split", {"trade_no": biz["trade_no"]}
        if name == "alipay.data.dataservice.bill.downloadurl.query":
            day = date.fromisoformat(biz["bill_date"])
            return "bill", {"bill_download_url": f"{self._base_url}/alipay/files/{day.isoformat()}.zip"}
        raise Refused(400, "isv.invalid-method", name)

    def file(self, name: str) -> bytes:
        """A bill as it is downloaded."""
        return self.desk.bill(date.fromisoformat(name.partition(".")[0])).content

    def _told(self, trade: Row) -> Row:
        told = {
            "out_trade_no": trade["trade_no"],
            "trade_status": STATES[trade["state"]],
            "total_amount": _yuan(trade["amount_fen"]),
        }
        if trade["state"] == "PAID":
            told |= {"trade_no": trade["gateway_no"], "send_pay_date": _when(trade["paid_at"])}
            sent = self.desk.store.one(
                "SELECT coalesce(sum(amount_fen), 0) AS fen FROM pay_refund WHERE channel = 'alipay' AND gateway_no = ? AND state = 'DONE'",
                trade["gateway_no"],
            )
            if sent and sent["fen"] == trade["amount_fen"]:
                told["trade_status"] = "TRADE_CLOSED"
        return told

    def _is_signed(self, told: Mapping[str, str]) -> bool:
        try:
            raw = base64.b64decode(told.get("sign", ""), validate=True)
            self._merchant.verify(raw, _text(told).encode(), padding.PKCS1v15(), hashes.SHA256())
            asked = datetime.strptime(told["timestamp"], TIME).replace(tzinfo=SHANGHAI).timestamp()
        except (InvalidSignature, ValueError, KeyError):
            return False
        return abs(asked - self.desk.faults.now()) <= 900

    def _signed(self, method: str, told: Row) -> Answer:
        raw = json.dumps(told, ensure_ascii=False)
        body = f'{{"{method.replace(".", "_")}_response":{raw},"sign":"{self._sign(raw, "platform")}"}}'
        return 200, body.encode(), {"content-type": "text/html;charset=utf-8"}

    def _sign(self, told: str, owner: str) -> str:
        return base64.b64encode(self._keys[owner].sign(told.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def _text(told: Mapping[str, Any]) -> str:
    return "&".join(f"{name}={text}" for name, text in sorted(told.items()) if name != "sign" and text != "")


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _fen(yuan: str) -> int:
    whole, _, part = yuan.partition(".")
    if len(part) > 2:
        raise ValueError("an amount has two decimals")
    return int(whole) * 100 + int(part.ljust(2, "0") or "0")


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(SHANGHAI).strftime(TIME)
