"""What WeChat Pay v3 and Douyin Pay share: signed JSON over HTTP both ways, resources in AES-GCM, serial numbers of keys.

The two differ in names, paths and windows, which are `Facts`. Nothing here is guessed from an unsigned answer.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from kashu.kernel import clock
from kashu.kernel.rsa import EnvelopeBrokenError
from kashu.payments import Channel, Method, Notice, Shape, signing
from kashu.wire.pay import protocol
from kashu.wire.pay.protocol import (
    Ask,
    GatewayError,
    GatewayRefusalError,
    Instruction,
    Nothing,
    NoticeRefusal,
    RefundAsk,
    RefundNotice,
    RefundState,
    RefundTold,
    Share,
    SplitState,
    Trade,
    TradeState,
)

NONCE_LETTERS = string.ascii_letters + string.digits
STATES = {
    "SUCCESS": TradeState.PAID,
    "REFUND": TradeState.PAID,  # it was paid; what went back is the refund's matter
    "NOTPAY": TradeState.PENDING,
    "USERPAYING": TradeState.PENDING,
    "ACCEPT": TradeState.PENDING,
    "CLOSED": TradeState.CLOSED,
    "REVOKED": TradeState.CLOSED,
    "PAYERROR": TradeState.PENDING,  # the payer may try again
}
REFUND_STATES = {
    "SUCCESS": RefundState.DONE,
    "PROCESSING": RefundState.PENDING,
    "ABNORMAL": RefundState.REFUSED,
    "CLOSED": RefundState.REFUSED,
}
SPLIT_STATES = {"FINISHED": SplitState.DONE, "SUCCESS": SplitState.DONE, "PROCESSING": SplitState.PENDING}
PIECE_BYTES = 65_536
AGAIN = {"FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "SYSTEM_ERROR", "NOT_ENOUGH"}  # not a no: ask again later
Learn = Callable[[list[tuple[str, str]]], None]  # serial numbers and PEM of platform certificates


@dataclass(frozen=True, slots=True)
class Facts:
    """What is particular to one of them."""

    scheme: str
    header: str
    transactions: str
    refunds: str
    splits: str
    certificates: str
    notice_seconds: int
    decrypt: Callable[[str, str, str, str], str]
    certificates_of: Callable[[dict[str, Any]], list[tuple[str, dict[str, str]]]]
    call: Callable[[V3Channel, str, Method], dict[str, str]]
    bill: Callable[[V3Channel, date], Iterator[bytes]]
    has_serial_header: bool = False


@dataclass(frozen=True, slots=True)
class Secrets:
    """A channel's own keys, opened for this process only: the one that signs, and those that open envelopes."""

    sign: str
    opens: tuple[str, ...]


class V3Channel:
    """One instance of a channel of this family."""

    def __init__(self, channel: Channel, keys: Secrets, http: httpx.Client, facts: Facts, learn: Learn) -> None:
        self.channel, self.keys, self.facts = channel, keys, facts
        self._http, self._learn = http, learn

    def create(self, ask: Ask) -> Instruction:
        told: dict[str, Any] = {
            "appid": self.channel.app_id,
            "mchid": self.channel.merchant,
            "description": ask.subject[:127],
            "out_trade_no": ask.trade_no,
            "time_expire": ask.expires_at.astimezone(clock.SHANGHAI).isoformat(timespec="seconds"),
            "notify_url": ask.notify_url,
            "amount": {"total": ask.amount_fen, "currency": "CNY"},
        }
        if ask.is_split:
            told["settle_info"] = {"profit_sharing": True}
        if ask.method is Method.H5:
            told["scene_info"] = {"payer_client_ip": ask.address or "127.0.0.1", "h5_info": {"type": "Wap"}}
        if ask.method is Method.JSAPI:
            told["payer"] = {"openid": ask.payer}
        answer = self.call("POST", f"{self.facts.transactions}/{ask.method.value}", told)
        try:
            if ask.method is Method.NATIVE:
                return Instruction(Shape.QR, str(answer["code_url"]))
            if ask.method is Method.H5:
                url = str(answer["h5_url"])
                return Instruction(Shape.REDIRECT, f"{url}&redirect_url={quote(ask.return_url, safe='')}")
            call = self.facts.call(self, str(answer["prepay_id"]), ask.method)
            return Instruction(Shape.CALL, json.dumps(call))
        except KeyError as error:
            raise GatewayError("an answer without what was asked for") from error

    def query(self, trade_no: str) -> Trade:
        told = self._call_or_missing("GET", self._trade_path(trade_no))
        if told is None:
            return Trade(TradeState.MISSING)
        try:
            if told.get("out_trade_no") != trade_no:
                raise GatewayError("an answer about another trade")
            state = STATES[told["trade_state"]]
            paid = state is TradeState.PAID
            return Trade(
                state,
                self._notice(f"query:{told['transaction_id']}", told, json.dumps(told).encode(), "query")
                if paid
                else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise GatewayError("an answer that is not in the gateway's words") from error

    def close(self, trade_no: str) -> Trade:
        path = f"{self.facts.transactions}/out-trade-no/{quote(trade_no)}/close"
        with contextlib.suppress(GatewayRefusalError):  # paid, closed already, or never opened: the query says which
            self.call("POST", path, {"mchid": self.channel.merchant})
        return self.query(trade_no)

    def refund(self, ask: RefundAsk) -> RefundTold:
        told = {
            "transaction_id": ask.gateway_no,
            "out_refund_no": ask.number,
            "reason": ask.reason[:80],
            "notify_url": ask.notify_url,
            "amount": {"refund": ask.amount_fen, "total": ask.paid_fen, "currency": "CNY"},
        }
        try:
            answer = self.call("POST", self.facts.refunds, told)
        except GatewayRefusalError as error:
            if error.code in AGAIN:
                return RefundTold(RefundState.MISSING, str(error))
            return RefundTold(RefundState.REFUSED, str(error))
        return self._refund_told(ask, answer)

    def query_refund(self, ask: RefundAsk) -> RefundTold:
        answer = self._call_or_missing("GET", f"{self.facts.refunds}/{quote(ask.number)}")
        return RefundTold(RefundState.MISSING) if answer is None else self._refund_told(ask, answer)

    def parse_notice(
        self, headers: Mapping[str, str], body: bytes, at: datetime
    ) -> Notice | RefundNotice | Nothing | NoticeRefusal:
        serial, signature = (
            headers.get(f"{self.facts.header}-serial", ""),
            headers.get(f"{self.facts.header}-signature", ""),
        )
        key = self._verifiers(at).get(serial)
        if key is None:
            return NoticeRefusal.UNKNOWN_SERIAL
        stamp, nonce = headers.get(f"{self.facts.header}-timestamp", ""), headers.get(f"{self.facts.header}-nonce", "")
        if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12 or not 1 <= len(nonce) <= 64:
            return NoticeRefusal.BAD_SIGNATURE
        if abs(at.timestamp() - int(stamp)) > self.facts.notice_seconds:
            return NoticeRefusal.STALE
        if not signing.notice_valid(key, stamp, nonce, body, signature):
            return NoticeRefusal.BAD_SIGNATURE
        try:
            event = json.loads(body)
            told = json.loads(self._open(event["resource"]))
            return self._told(protocol.text_of(event["id"]), told, body)
        except (ValueError, KeyError, TypeError, RecursionError, EnvelopeBrokenError):
            return NoticeRefusal.MALFORMED

    def bill(self, day: date) -> Iterator[bytes]:
        return self.facts.bill(self, day)

    def split(self, gateway_no: str, number: str, shares: list[Share]) -> SplitState:
        told = {
            "appid": self.channel.app_id,
            "transaction_id": gateway_no,
            "out_order_no": number,
            "receivers": [
                {
                    "type": "MERCHANT_ID",
                    "account": one.receiver,
                    "amount": one.amount_fen,
                    "description": one.reason[:80],
                }
                for one in shares
            ],
            "unfreeze_unsplit": True,
        }
        return self._split_told(self.call("POST", f"{self.facts.splits}/orders", told), "state")

    def return_split(self, number: str, return_number: str, share: Share) -> SplitState:
        told = {
            "out_order_no": number,
            "out_return_no": return_number,
            "return_mchid": share.receiver,
            "amount": share.amount_fen,
            "description": share.reason[:80],
        }
        return self._split_told(self.call("POST", f"{self.facts.splits}/return-orders", told), "result")

    def call(self, method: str, path: str, told: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One signed call; the answer's own signature is verified on its raw bytes before a word of it is believed."""
        body = "" if told is None else json.dumps(told, ensure_ascii=False)
        answer = self.send(method, path, body)
        # Refusals come unsigned from some gateways, and public clients take them so: TLS says who speaks. What moves
        # money or goods is never read from one.
        if answer.status_code < 400 or f"{self.facts.header}-signature" in answer.headers:
            self._verify(answer)
        try:
            found = json.loads(answer.content) if answer.content else {}
            if not isinstance(found, dict):
                raise TypeError("an object")  # noqa: TRY301  # one way out for every unreadable answer
        except (ValueError, TypeError, RecursionError) as error:
            raise GatewayError(f"{path}: an answer that cannot be read") from error
        if answer.status_code >= 500 or answer.status_code == 429:
            raise GatewayError(f"{path}: {answer.status_code} {str(found.get('code'))[:64]}")
        if answer.status_code >= 400:
            raise GatewayRefusalError(
                str(found.get("code", answer.status_code))[:64], str(found.get("message", ""))[:200]
            )
        return found

    def send(self, method: str, path: str, body: str = "") -> httpx.Response:
        """Sign and send; the answer is not verified yet."""
        url = self.channel.gateway + path
        headers = self._stamp(method, url, body)
        try:
            return self._http.request(
                method, url, content=body.encode(), headers=headers, timeout=protocol.TIMEOUT_SECONDS
            )
        except httpx.HTTPError as error:
            raise GatewayError(f"{path}: {type(error).__name__}") from error

    def download(self, url: str) -> Iterator[bytes]:
        """A file, piece by piece. It is not signed: what it has to be was told in a signed answer."""
        try:
            with self._http.stream("GET", url, headers=self._stamp("GET", url, ""), timeout=60) as answer:
                if answer.status_code != 200:
                    raise GatewayError(f"file: {answer.status_code}")
                yield from answer.iter_bytes(PIECE_BYTES)
        except httpx.HTTPError as error:
            raise GatewayError(f"file: {type(error).__name__}") from error

    def _stamp(self, method: str, url: str, body: str) -> dict[str, str]:
        """The headers of a signed call."""
        nonce = "".join(secrets.choice(NONCE_LETTERS) for _ in range(32))
        stamp = str(int(clock.now().timestamp()))
        where = urlsplit(url)
        path = where.path + (f"?{where.query}" if where.query else "")
        signature = signing.request_signature(self.keys.sign, method, path, body, stamp, nonce)
        items = {
            "mchid": self.channel.merchant,
            "serial_no": self.channel.sign_serial,
            "timestamp": stamp,
            "nonce_str": nonce,
            "signature": signature,
        }
        headers = {
            "authorization": self.facts.scheme + " " + ",".join(f'{name}="{text}"' for name, text in items.items()),
            "accept": "application/json",
            "content-type": "application/json; charset=utf-8",
        }
        if self.facts.has_serial_header:
            headers["wechatpay-serial"] = self.channel.verify_serial or ""
        return headers

    def refresh(self) -> list[tuple[str, str]]:
        """Fetch the platform's certificates, prove them by our own interface key, and remember them."""
        answer = self.send("GET", self.facts.certificates)
        try:
            told = json.loads(answer.content)
            found = [(serial, self._open_any(sealed)) for serial, sealed in self.facts.certificates_of(told)]
        except (ValueError, KeyError, TypeError, EnvelopeBrokenError) as error:
            raise GatewayError("certificates that do not open") from error
        serial = answer.headers.get(f"{self.facts.header}-serial", "")
        if answer.status_code != 200 or not self._is_signed(answer, dict(found).get(serial, "")):
            raise GatewayError("certificates that are not signed by one of themselves")
        self._learn(found)
        return found

    def _verify(self, answer: httpx.Response) -> None:
        serial = answer.headers.get(f"{self.facts.header}-serial", "")
        key = self._verifiers(clock.now()).get(serial)
        if key is None and serial:
            key = dict(self.refresh()).get(serial)
        if key is None or not self._is_signed(answer, key):
            raise GatewayError(f"{answer.status_code}: an answer that is not signed by the gateway")

    def _is_signed(self, answer: httpx.Response, key: str) -> bool:
        stamp = answer.headers.get(f"{self.facts.header}-timestamp", "")
        if (
            not stamp.isascii()
            or not stamp.isdigit()
            or len(stamp) > 12
            or abs(clock.now().timestamp() - int(stamp)) > protocol.WINDOW_SECONDS
        ):
            return False
        nonce = answer.headers.get(f"{self.facts.header}-nonce", "")
        signature = answer.headers.get(f"{self.facts.header}-signature", "")
        return signing.notice_valid(key, stamp, nonce, answer.content, signature)

    def _verifiers(self, at: datetime) -> dict[str, str]:
        return {key.serial: key.public for key in self.channel.keys_for("verify", at)}

    def _call_or_missing(self, method: str, path: str) -> dict[str, Any] | None:
        try:
            return self.call(method, path)
        except GatewayRefusalError as error:
            if "NOT_EXIST" in error.code:
                return None
            raise

    def _trade_path(self, trade_no: str) -> str:
        return f"{self.facts.transactions}/out-trade-no/{quote(trade_no)}?mchid={quote(self.channel.merchant)}"

    def _open(self, resource: Mapping[str, Any]) -> str:
        if "AES" not in resource["algorithm"] or "GCM" not in resource["algorithm"]:
            raise ValueError("another algorithm")
        return self._open_any(resource)

    def _open_any(self, sealed: Mapping[str, Any]) -> str:
        told = (str(sealed["nonce"]), str(sealed.get("associated_data") or ""), str(sealed["ciphertext"]))
        for key in self.keys.opens:
            try:
                return self.facts.decrypt(key, *told)
            except EnvelopeBrokenError:
                continue
        raise EnvelopeBrokenError("none of our keys opens it")

    def _told(self, event_id: str, told: Mapping[str, Any], body: bytes) -> Notice | RefundNotice | Nothing:
        """By what it says, not by what its envelope calls itself (douyin-protocols E.3)."""
        if not isinstance(told, dict):
            raise TypeError("a resource is an object")
        if "refund_id" in told:
            return RefundNotice(self.channel.id, protocol.text_of(told["out_refund_no"]))
        if told.get("trade_state") != "SUCCESS":
            return Nothing(protocol.text_of(told.get("trade_state") or "other"))
        return self._notice(event_id, told, body, "notice")

    def _notice(self, event_id: str, told: Mapping[str, Any], body: bytes, source: str) -> Notice:
        amount = told["amount"]
        return Notice(
            self.channel.id,
            event_id,
            protocol.text_of(told["out_trade_no"]),
            protocol.text_of(told["transaction_id"]),
            protocol.amount_of(amount["total"]),
            protocol.text_of(amount.get("currency") or "CNY"),
            protocol.text_of(told["mchid"]),
            protocol.instant_of(told["success_time"]),
            body,
            source,
            protocol.text_of(told["appid"]),
            is_returned=told.get("trade_state") == "REFUND",
        )

    def _refund_told(self, ask: RefundAsk, told: Mapping[str, Any]) -> RefundTold:
        state = REFUND_STATES.get(str(told.get("status") or told.get("refund_status")))
        amount = told.get("amount")
        if state is None or told.get("out_refund_no") != ask.number or not isinstance(amount, dict):
            raise GatewayError("an answer about a refund that is not in the gateway's words")
        if amount.get("refund") != ask.amount_fen:
            raise GatewayError("an answer about another amount")
        return RefundTold(state, str(told.get("status") or "")[:64])

    def _split_told(self, told: Mapping[str, Any], name: str) -> SplitState:
        return SPLIT_STATES.get(str(told.get(name) or told.get("status")), SplitState.REFUSED)


def app_call(channel: V3Channel, prepay_id: str, package: str) -> dict[str, str]:
    """What an app hands to the channel's own app; `package` is the channel's fixed word."""
    app_id, stamp, nonce = channel.channel.app_id, str(int(clock.now().timestamp())), secrets.token_hex(16)
    signature = signing.client_signature(channel.keys.sign, app_id, stamp, nonce, prepay_id)
    return {"appid": app_id, "partnerid": channel.channel.merchant, "prepayid": prepay_id, "package": package,
            "noncestr": nonce, "timestamp": stamp, "sign": signature}  # fmt: skip
