"""WeChat Pay v3 and Douyin Pay as they answer: signed JSON, serial numbers, resources in AES-GCM."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from sandbox.pay.desk import MERCHANT_SERIALS, SERIALS, Desk, Refused, Row

Answer = tuple[int, bytes, dict[str, str]]
SHANGHAI = timezone(timedelta(hours=8))
WINDOW_SECONDS = 300
ITEM = re.compile(r'([a-z_]+)="([^"]*)"')
SCHEMES = {"wechat": "WECHATPAY2-SHA256-RSA2048", "douyin": "DouyinPay-RSA"}
HEADERS = {"wechat": "wechatpay", "douyin": "douyinpay"}
PATHS = {
    "wechat": {"trades": "/v3/pay/transactions", "refunds": "/v3/refund/domestic/refunds", "splits": "/v3/profitsharing",
               "certificates": "/v3/certificates", "bill": "/v3/bill/tradebill"},
    "douyin": {"trades": "/v1/trade/transactions", "refunds": "/v1/trade/refund/domestic/refunds",
               "splits": "/v1/trade/profitsharing",
               "certificates": "/v1/merchant/certificates/getPlatformCertificates", "bill": "/v1/bill/billapply"},
}  # fmt: skip
MADE = {"native": "code_url", "h5": "h5_url", "jsapi": "prepay_id", "app": "prepay_id"}
REFUNDS = {"DONE": "SUCCESS", "PROCESSING": "PROCESSING", "ABNORMAL": "ABNORMAL"}


class V3Gateway:
    """One channel of this family at one address."""

    def __init__(self, desk: Desk, folder: Path, url: str) -> None:
        self.desk, self._url, self._paths = desk, url, PATHS[desk.channel]
        self._base = f"/{HEADERS[desk.channel]}"  # the channel's part of the sandbox's addresses
        self._keys = {name: _private(folder / f"{desk.channel}-{name}.pem") for name in ("platform", "stranger")}
        merchant = load_pem_public_key((folder / f"{desk.channel}-merchant.pub").read_bytes())
        assert isinstance(merchant, rsa.RSAPublicKey)
        self._merchant = merchant
        self._certificate = (folder / f"{desk.channel}-platform.crt").read_text()
        self._open_key = (folder / f"{desk.channel}.open").read_text().encode()

    def serve(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> tuple[str, Answer]:
        """One call: its name, and the answer. `path` begins after the channel's own part of the address."""
        whole = f"{self._base}{path}" + (f"?{query}" if query else "")
        if not self._is_signed(method, whole, headers, body):
            return "unsigned", self._signed(
                401, {"code": "SIGN_ERROR", "message": "the signature is not the merchant's"}
            )
        try:
            told = json.loads(body) if body else {}
            call, found = self._do(method, path, parse_qs(query), told)
        except Refused as error:
            return "refused", self._signed(error.status, {"code": error.code, "message": str(error)})
        except (KeyError, TypeError, ValueError) as error:
            return "malformed", self._signed(400, {"code": "PARAM_ERROR", "message": f"{type(error).__name__}"})
        return call, found if isinstance(found, tuple) else self._signed(200 if found is not None else 204, found)

    def notice(self, trade: Row) -> tuple[bytes, dict[str, str]]:
        """A payment notice with its headers, as the faults will have it."""
        faults, channel = self.desk.faults, self.desk.channel
        told = self._told(trade)
        told["amount"]["total"] += int(faults.get(channel, "amount") or 0)
        told["mchid"] = faults.get(channel, "merchant") or told["mchid"]
        told["appid"] = faults.get(channel, "app") or told["appid"]
        return self._event("TRANSACTION.SUCCESS", "transaction", told, str(trade["event_id"]))

    def refund_notice(self, refund: Row) -> tuple[bytes, dict[str, str]]:
        told = {"mchid": self.desk.merchant, "out_trade_no": refund["trade_no"], "transaction_id": refund["gateway_no"],
                "out_refund_no": refund["number"], "refund_id": "R" + refund["number"],
                "refund_status": REFUNDS[refund["state"]], "success_time": _when(refund["at"]),
                "amount": {"refund": refund["amount_fen"], "currency": "CNY"}}  # fmt: skip
        return self._event("REFUND.SUCCESS", "refund", told, secrets.token_hex(16))

    def _event(self, kind: str, associated: str, told: Row, event_id: str) -> tuple[bytes, dict[str, str]]:
        faults, channel = self.desk.faults, self.desk.channel
        event = {"id": event_id, "create_time": _when(faults.now()), "event_type": kind, "resource_type": "encrypt-resource",
                 "summary": "支付成功", "resource": {"original_type": associated, **self._seal(json.dumps(told, ensure_ascii=False), associated)}}  # fmt: skip
        body = json.dumps(event, ensure_ascii=False).encode()
        stale = int(faults.get(channel, "stale") or 0)
        owner = "stranger" if faults.get(channel, "key") else "platform"
        headers = self._stamp(body, owner, "0" * 16 if faults.get(channel, "serial") else None, stale)
        return (body[: len(body) // 2] if faults.get(channel, "body") else body), headers

    def spoil(self, fault: str, answer: Answer) -> Answer:
        """An answer whose signature is not as it should be."""
        status, body, _ = answer
        told = {"unsigned": {}, "wrong_key": self._stamp(body, "stranger"), "unknown_serial": self._stamp(body, "platform", "F" * 16),
                "stale": self._stamp(body, "platform", None, 3_600)}[fault]  # fmt: skip
        return status, body, {"content-type": "application/json", **told}

    def _do(self, method: str, path: str, query: dict[str, list[str]], told: Row) -> tuple[str, Row | Answer | None]:
        trades, refunds, splits = self._paths["trades"], self._paths["refunds"], self._paths["splits"]
        if path == self._paths["certificates"]:
            return "certificates", self._certificates()
        if path == self._paths["bill"]:
            return "bill", self._bill_where(query)
        if path.startswith(f"{trades}/out-trade-no/"):
            trade_no, _, end = path.removeprefix(f"{trades}/out-trade-no/").partition("/")
            if method == "POST" and end == "close":
                self._mine(told["mchid"])
                self.desk.close(trade_no)
                return "close", None
            self._mine(query["mchid"][0])
            found = self.desk.find(trade_no)
            if found is None:
                raise Refused(404, "ORDER_NOT_EXIST")
            return "query", self._told(found)
        if path.startswith(f"{trades}/") and method == "POST":
            return "create", self._create(path.removeprefix(f"{trades}/"), told)
        if path == refunds and method == "POST":
            amount = told["amount"]
            made = self.desk.refund(told["out_refund_no"], told["transaction_id"], amount["refund"])
            return "refund", self._refund(made)
        if path.startswith(f"{refunds}/"):
            known = self.desk.refunded(path.removeprefix(f"{refunds}/"))
            if known is None:
                raise Refused(404, "RESOURCE_NOT_EXISTS")
            return "query_refund", self._refund(known)
        if path == f"{splits}/orders" and method == "POST":
            shares = [{"receiver": one["account"], "amount_fen": one["amount"]} for one in told["receivers"]]
            self.desk.split(told["out_order_no"], told["transaction_id"], shares)
            return "split", {
                "out_order_no": told["out_order_no"],
                "transaction_id": told["transaction_id"],
                "state": "FINISHED",
            }
        if path == f"{splits}/return-orders" and method == "POST":
            self.desk.return_split(told["out_order_no"], told["out_return_no"], told["amount"])
            return "return_split", {"out_return_no": told["out_return_no"], "result": "SUCCESS"}
        raise Refused(404, "RESOURCE_NOT_EXISTS", path)

    def _create(self, method: str, told: Row) -> Row:
        if method not in MADE or not re.fullmatch(r"[0-9A-Za-z_\-*|]{6,32}", told["out_trade_no"]):
            raise Refused(400, "PARAM_ERROR", "out_trade_no")
        if told["appid"] != self.desk.app:
            raise Refused(400, "APPID_MCHID_NOT_MATCH")
        self._mine(told["mchid"])
        if method == "jsapi" and not told.get("payer", {}).get("openid"):
            raise Refused(400, "PARAM_ERROR", "payer")
        made = self.desk.open(
            {
                "trade_no": told["out_trade_no"],
                "amount_fen": int(told["amount"]["total"]),
                "subject": told["description"],
                "method": method,
                "notify_url": told["notify_url"],
                "return_url": "",
                "expires_at": datetime.fromisoformat(told["time_expire"]).timestamp(),
                "payer": told.get("payer", {}).get("openid", ""),
            }
        )
        name, page = MADE[method], self.page(made["id"])
        return {name: made["id"] if name == "prepay_id" else f"{page}?method={method}"}

    def page(self, trade_id: str) -> str:
        return f"{self._url}/pay/{trade_id}"

    def _told(self, trade: Row) -> Row:
        state = {"OPEN": "NOTPAY", "PAID": "SUCCESS", "CLOSED": "CLOSED"}[trade["state"]]
        sent = self.desk.store.one(
            "SELECT count(*) AS n FROM pay_refund WHERE channel = ? AND trade_no = ?",
            self.desk.channel,
            trade["trade_no"],
        )
        told: Row = {
            "appid": self.desk.app,
            "mchid": self.desk.merchant,
            "out_trade_no": trade["trade_no"],
            "trade_state": "REFUND" if sent and sent["n"] and state == "SUCCESS" else state,
            "trade_state_desc": "",
            "amount": {"total": trade["amount_fen"], "payer_total": trade["amount_fen"], "currency": "CNY", "payer_currency": "CNY"},
        }  # fmt: skip
        if trade["state"] == "PAID":
            told |= {"transaction_id": trade["gateway_no"], "trade_type": trade["method"].upper(), "bank_type": "OTHERS",
                     "success_time": _when(trade["paid_at"]), "payer": {"openid": trade["payer"]}}  # fmt: skip
        return told

    def _refund(self, made: Row) -> Row:
        return {"refund_id": "R" + made["number"], "out_refund_no": made["number"], "transaction_id": made["gateway_no"],
                "out_trade_no": made["trade_no"], "status": REFUNDS[made["state"]], "success_time": _when(made["at"]),
                "channel": "ORIGINAL", "amount": {"refund": made["amount_fen"], "currency": "CNY"}}  # fmt: skip

    def _certificates(self) -> Row:
        sealed = self._seal(self._certificate, "certificate")
        serial = SERIALS[self.desk.channel]
        if self.desk.channel == "douyin":
            sealed["cipher_text"] = sealed.pop("ciphertext")
            return {"certificates": [{"cert_no": serial, "cert_type": "RSA", "encrypt_certificate": sealed}]}
        now = self.desk.faults.now()
        return {"data": [{"serial_no": serial, "effective_time": _when(now - 86_400), "expire_time": _when(now + 86_400 * 365),
                          "encrypt_certificate": sealed}]}  # fmt: skip

    def _bill_where(self, query: dict[str, list[str]]) -> Row:
        day = query["bill_date"][0]
        made = self.desk.bill(date.fromisoformat(day))
        url = f"{self._url}{self._base}/files/{day}.csv.gz"
        return {"hash_type": made.hash_type, "hash_value": made.hash_value, "download_url": url}

    def file(self, name: str) -> bytes:
        """A bill as it is downloaded."""
        return self.desk.bill(date.fromisoformat(name.partition(".")[0])).content

    def _seal(self, plain: str, associated: str) -> Row:
        nonce = secrets.token_hex(6)
        sealed = AESGCM(self._open_key).encrypt(nonce.encode(), plain.encode(), associated.encode())
        return {"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": associated,
                "ciphertext": base64.b64encode(sealed).decode()}  # fmt: skip

    def _mine(self, merchant: str) -> None:
        if merchant != self.desk.merchant:
            raise Refused(403, "MCH_NOT_EXISTS", "another merchant")

    def _is_signed(self, method: str, whole: str, headers: Mapping[str, str], body: bytes) -> bool:
        scheme, _, rest = headers.get("authorization", "").partition(" ")
        items = dict(ITEM.findall(rest))
        stamp = items.get("timestamp", "")
        told = f"{method}\n{whole}\n{stamp}\n{items.get('nonce_str', '')}\n".encode() + body + b"\n"
        try:
            raw = base64.b64decode(items.get("signature", ""), validate=True)
            self._merchant.verify(raw, told, padding.PKCS1v15(), hashes.SHA256())
            in_time = abs(self.desk.faults.now() - int(stamp)) <= WINDOW_SECONDS
        except (InvalidSignature, ValueError):
            return False
        named = (
            items.get("mchid") == self.desk.merchant and items.get("serial_no") == MERCHANT_SERIALS[self.desk.channel]
        )
        return in_time and named and scheme == SCHEMES[self.desk.channel]

    def _signed(self, status: int, told: Row | None) -> Answer:
        body = b"" if told is None else json.dumps(told, ensure_ascii=False).encode()
        return status, body, {"content-type": "application/json; charset=utf-8", **self._stamp(body, "platform")}

    def _stamp(self, body: bytes, owner: str, serial: str | None = None, stale: int = 0) -> dict[str, str]:
        stamp, nonce = str(int(self.desk.faults.now()) - stale), secrets.token_hex(16)
        signed = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
        name = HEADERS[self.desk.channel]
        signature = base64.b64encode(self._keys[owner].sign(signed, padding.PKCS1v15(), hashes.SHA256())).decode()
        return {f"{name}-timestamp": stamp, f"{name}-nonce": nonce, f"{name}-signature": signature,
                f"{name}-serial": serial or SERIALS[self.desk.channel], "request-id": secrets.token_hex(8)}  # fmt: skip


def _private(path: Path) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(SHANGHAI).isoformat(timespec="seconds")
