"""Alipay's open platform (payments.md §3.2): RSA2 over forms and JSON, decimal yuan, times of Shanghai."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx

from kashu.kernel import clock, rsa
from kashu.payments import Channel, Method, Notice, Shape, alipay
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

TIME = "%Y-%m-%d %H:%M:%S"
FIELDS_MAX = 80
PIECE_BYTES = 65_536
PRODUCTS = {
    Method.H5: ("alipay.trade.wap.pay", "QUICK_WAP_WAY"),
    Method.PAGE: ("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
    Method.APP: ("alipay.trade.app.pay", "QUICK_MSECURITY_PAY"),
    Method.NATIVE: ("alipay.trade.precreate", "FACE_TO_FACE_PAYMENT"),
    Method.JSAPI: ("alipay.trade.create", "JSAPI_PAY"),
}
STATES = {
    "WAIT_BUYER_PAY": TradeState.PENDING,
    "TRADE_SUCCESS": TradeState.PAID,
    "TRADE_FINISHED": TradeState.PAID,
    "TRADE_CLOSED": TradeState.CLOSED,
}
MISSING = "ACQ.TRADE_NOT_EXIST"
# Not a no: the same number may be tried again.
AGAIN = {"ACQ.SYSTEM_ERROR", "aop.ACQ.SYSTEM_ERROR", "ACQ.SELLER_BALANCE_NOT_ENOUGH", "isp.unknow-error"}


class AlipayChannel:
    """One application of Alipay's."""

    def __init__(self, channel: Channel, sign_key: str, http: httpx.Client) -> None:
        self.channel, self._key, self._http = channel, sign_key, http

    def create(self, ask: Ask) -> Instruction:
        method, product = PRODUCTS[ask.method]
        biz: dict[str, Any] = {
            "out_trade_no": _number(ask.trade_no),
            "total_amount": alipay.yuan_of(ask.amount_fen),
            "subject": ask.subject[:256],
            "product_code": product,
            "seller_id": self.channel.merchant,
            "time_expire": ask.expires_at.astimezone(clock.SHANGHAI).strftime(TIME),
        }
        if ask.is_split:
            biz["extend_params"] = {"royalty_freeze": "true"}
        if ask.method is Method.H5:
            biz["quit_url"] = ask.return_url
        if ask.method is Method.JSAPI:
            biz |= {"buyer_id": ask.payer, "op_app_id": self.channel.app_id}
        params = self._params(method, biz, ask.notify_url, ask.return_url)
        if ask.method in (
            Method.H5,
            Method.PAGE,
        ):  # nobody is called: the payer's browser brings the signed order along
            return Instruction(Shape.REDIRECT, f"{self.channel.gateway}?{urlencode(params)}")
        if ask.method is Method.APP:
            return Instruction(Shape.CALL, json.dumps({"order": urlencode(params)}))
        told = self._call(method, biz, ask.notify_url)
        try:
            if ask.method is Method.NATIVE:
                return Instruction(Shape.QR, str(told["qr_code"]))
            return Instruction(Shape.CALL, json.dumps({"tradeNO": str(told["trade_no"])}))
        except KeyError as error:
            raise GatewayError("an answer without what was asked for") from error

    def query(self, trade_no: str) -> Trade:
        try:
            told = self._call("alipay.trade.query", {"out_trade_no": _number(trade_no)})
        except GatewayRefusalError as error:
            if error.code == MISSING:
                return Trade(TradeState.MISSING)
            raise
        try:
            if told["out_trade_no"] != _number(trade_no):
                raise GatewayError("an answer about another trade")
            state = STATES[told["trade_status"]]
            # A trade that was paid and wholly refunded is closed too; only the payment's time tells it from the rest.
            is_paid = state is TradeState.PAID or bool(told.get("send_pay_date"))
            return Trade(TradeState.PAID, self._paid(told)) if is_paid else Trade(state)
        except (KeyError, TypeError, ValueError) as error:
            raise GatewayError("an answer that is not in the gateway's words") from error

    def close(self, trade_no: str) -> Trade:
        with contextlib.suppress(GatewayRefusalError):  # paid, closed already, or never opened: the query says which
            self._call("alipay.trade.close", {"out_trade_no": _number(trade_no)})
        return self.query(trade_no)

    def refund(self, ask: RefundAsk) -> RefundTold:
        biz = {
            "trade_no": ask.gateway_no,
            "out_request_no": _number(ask.number),
            "refund_amount": alipay.yuan_of(ask.amount_fen),
            "refund_reason": ask.reason[:256],
        }
        try:
            told = self._call("alipay.trade.refund", biz)
        except GatewayRefusalError as error:
            state = RefundState.MISSING if error.code in AGAIN else RefundState.REFUSED
            return RefundTold(state, str(error))
        if told.get("fund_change") == "Y":
            return RefundTold(RefundState.DONE)
        return self.query_refund(ask)  # `N`: done at an earlier try, or not yet; only a query tells

    def query_refund(self, ask: RefundAsk) -> RefundTold:
        biz = {"trade_no": ask.gateway_no, "out_request_no": _number(ask.number)}
        try:
            told = self._call("alipay.trade.fastpay.refund.query", biz)
        except GatewayRefusalError as error:
            if error.code == MISSING:
                return RefundTold(RefundState.MISSING)
            raise
        if told.get("refund_status") != "REFUND_SUCCESS":
            return RefundTold(RefundState.MISSING)
        try:
            if told["out_request_no"] != _number(ask.number) or alipay.fen_of(told["refund_amount"]) != ask.amount_fen:
                raise GatewayError("an answer about another refund")
        except (KeyError, TypeError, ValueError) as error:
            raise GatewayError("an answer that is not in the gateway's words") from error
        return RefundTold(RefundState.DONE)

    def parse_notice(
        self,
        headers: Mapping[str, str],  # noqa: ARG002  # Alipay signs its fields
        body: bytes,
        at: datetime,
    ) -> Notice | RefundNotice | Nothing | NoticeRefusal:
        try:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=FIELDS_MAX)
        except ValueError:
            return NoticeRefusal.MALFORMED
        told = dict(pairs)
        if len(told) != len(pairs):
            return NoticeRefusal.MALFORMED  # a field that comes twice has two meanings
        if not any(alipay.notice_valid(key.public, told) for key in self.channel.keys_for("verify", at)):
            return NoticeRefusal.BAD_SIGNATURE
        try:
            status = protocol.text_of(told["trade_status"])
            if told.get("gmt_refund") and told.get("out_biz_no"):
                return RefundNotice(self.channel.id, _ours(protocol.text_of(told["out_biz_no"])))
            if STATES.get(status) is not TradeState.PAID:
                return Nothing(status)
            return self._notice(protocol.text_of(told["notify_id"]), told, told["gmt_payment"], body)
        except (KeyError, TypeError, ValueError):
            return NoticeRefusal.MALFORMED

    def bill(self, day: date) -> Iterator[bytes]:
        told = self._call(
            "alipay.data.dataservice.bill.downloadurl.query", {"bill_type": "trade", "bill_date": day.isoformat()}
        )
        try:
            with self._http.stream("GET", str(told["bill_download_url"]), timeout=60) as answer:
                if answer.status_code != 200:
                    raise GatewayError(f"bill: {answer.status_code}")
                yield from answer.iter_bytes(PIECE_BYTES)
        except (httpx.HTTPError, KeyError) as error:
            raise GatewayError(f"bill: {type(error).__name__}") from error

    def split(self, gateway_no: str, number: str, shares: list[Share]) -> SplitState:
        receivers = [
            {"royalty_type": "transfer", "trans_in_type": "userId", "trans_in": one.receiver,
             "amount": alipay.yuan_of(one.amount_fen), "desc": one.reason[:80]}
            for one in shares
        ]  # fmt: skip
        biz = {
            "out_request_no": _number(number),
            "trade_no": gateway_no,
            "royalty_parameters": receivers,
            "extend_params": {"royalty_finish": "true"},
            "royalty_mode": "async",
        }
        self._call("alipay.trade.order.settle", biz)
        return SplitState.PENDING

    def return_split(self, number: str, return_number: str, share: Share) -> SplitState:  # noqa: ARG002  # the protocol's
        """Alipay returns a split as part of a refund only; there is no call of its own."""
        raise GatewayRefusalError("NOT_OFFERED", "alipay returns a split within a refund")

    def _call(self, method: str, biz: Mapping[str, Any], notify_url: str = "") -> dict[str, Any]:
        """One signed call; the answer is believed by the signature over its raw piece, of which it is then read."""
        params = self._params(method, biz, notify_url, "")
        try:
            answer = self._http.post(
                f"{self.channel.gateway}?charset=utf-8", data=params, timeout=protocol.TIMEOUT_SECONDS
            )
        except httpx.HTTPError as error:
            raise GatewayError(f"{method}: {type(error).__name__}") from error
        try:
            found = alipay.answer_of(method, answer.content.decode()) if answer.status_code == 200 else None
        except UnicodeDecodeError:
            found = None
        keys = self.channel.keys_for("verify", clock.now())
        if found is None or not any(rsa.is_signed(key.public, found[0].encode(), found[1]) for key in keys):
            raise GatewayError(f"{method}: {answer.status_code}, an answer that is not signed by the gateway")
        told = json.loads(found[0])
        if not isinstance(told, dict) or told.get("code") not in ("10000", "40004"):
            raise GatewayError(f"{method}: {str(told)[:200]}")
        if told["code"] == "40004":
            raise GatewayRefusalError(str(told.get("sub_code", ""))[:64], str(told.get("sub_msg", ""))[:200])
        return told

    def _params(self, method: str, biz: Mapping[str, Any], notify_url: str, return_url: str) -> dict[str, str]:
        params = {
            "app_id": self.channel.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": clock.now().astimezone(clock.SHANGHAI).strftime(TIME),
            "version": "1.0",
            "biz_content": json.dumps(biz, ensure_ascii=False, separators=(",", ":")),
        } | {name: url for name, url in (("notify_url", notify_url), ("return_url", return_url)) if url}
        return {**params, "sign": alipay.request_signature(self._key, params)}

    def _paid(self, told: Mapping[str, Any]) -> Notice:
        own = {"app_id": self.channel.app_id, "seller_id": self.channel.merchant, **told}
        return self._notice(f"query:{told['trade_no']}", own, told["send_pay_date"], json.dumps(told).encode(), "query")

    def _notice(
        self, event_id: str, told: Mapping[str, Any], paid_at: object, body: bytes, source: str = "notice"
    ) -> Notice:
        return Notice(
            self.channel.id,
            event_id,
            _ours(protocol.text_of(told["out_trade_no"])),
            protocol.text_of(told["trade_no"]),
            protocol.amount_of(alipay.fen_of(protocol.text_of(told["total_amount"]))),
            "CNY",
            protocol.text_of(told["seller_id"]),
            datetime.strptime(protocol.text_of(paid_at), TIME).replace(tzinfo=clock.SHANGHAI),
            body,
            source,
            protocol.text_of(told["app_id"]),
            is_returned=told.get("trade_status") == "TRADE_CLOSED",
        )


def _number(ours: str) -> str:
    """Alipay's numbers take letters, digits and underscores; ours have a dash and never an underscore."""
    return ours.replace("-", "_")


def _ours(number: str) -> str:
    return number.replace("_", "-")
