"""What every simulated channel does alike: trades, refunds, splits; paid by a page; closed by time or by call."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, date, datetime
from typing import Any

from sandbox.pay import bills
from sandbox.pay.faults import Faults
from sandbox.store import Store

Row = dict[str, Any]
MERCHANTS = {"alipay": "2088000000000001", "wechat": "1900000001", "douyin": "80001234567"}
APPS = {"alipay": "2021000000000001", "wechat": "wxd678efh567hg6787", "douyin": "awz9w2wncdof4ba6"}
SERIALS = {"alipay": "", "wechat": "PUB_KEY_ID_0119000000012026", "douyin": "623DFCD5354E06BC"}
MERCHANT_SERIALS = {"alipay": "", "wechat": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1", "douyin": "41A48FEF2A9F04C5"}


class Refused(Exception):  # noqa: N818  # a word of this house: what a gateway refuses is an answer
    """A call the channel says no to, by the channel's own code."""

    def __init__(self, status: int, code: str, told: str = "") -> None:
        super().__init__(told or code)
        self.status, self.code = status, code


class Desk:
    """The books of one channel."""

    def __init__(self, channel: str, store: Store, faults: Faults) -> None:
        self.channel, self.store, self.faults = channel, store, faults
        self.merchant, self.app = MERCHANTS[channel], APPS[channel]

    def open(self, told: Row) -> Row:
        """Open a trade under the merchant's number; the same number with the same content is the same trade."""
        found = self.find(told["trade_no"])
        if found is None:
            names = ("trade_no", "amount_fen", "subject", "method", "notify_url", "return_url", "expires_at", "payer")
            self.store.run(
                f"INSERT OR IGNORE INTO pay_trade (id, channel, state, {', '.join(names)}) VALUES (?, ?, 'OPEN', {', '.join('?' * len(names))})",
                secrets.token_urlsafe(12), self.channel, *(told.get(name, "") for name in names),
            )  # fmt: skip
            found = self.find(told["trade_no"])
            assert found is not None
        if (found["amount_fen"], found["method"]) != (told["amount_fen"], told["method"]):
            raise Refused(400, "OUT_TRADE_NO_USED", "the number belongs to another trade")
        if found["state"] != "OPEN":
            raise Refused(400, "ORDERPAID" if found["state"] == "PAID" else "ORDER_CLOSED")
        return found

    def bill(self, day: date) -> bills.BillFile:
        """The bill of a day, with what the faults get wrong: so many rows missing, twice, the next day, made up."""
        found = self.store.rows(
            "SELECT * FROM pay_trade WHERE channel = ? AND paid_at IS NOT NULL ORDER BY paid_at", self.channel
        )
        told: list[bills.Row] = [
            {"trade_no": one["trade_no"], "gateway_no": one["gateway_no"], "refund_id": "", "amount_fen": one["amount_fen"],
             "fee_fen": 0, "state": "SUCCESS", "at": datetime.fromtimestamp(one["paid_at"], UTC)}
            for one in found
        ]  # fmt: skip
        back = self.store.rows(
            "SELECT * FROM pay_refund WHERE channel = ? AND state = 'DONE' ORDER BY at", self.channel
        )
        told += [
            {"trade_no": one["trade_no"], "gateway_no": one["gateway_no"], "refund_id": one["number"], "amount_fen": one["amount_fen"],
             "fee_fen": 0, "state": "REFUND", "at": datetime.fromtimestamp(one["at"], UTC)}
            for one in back
        ]  # fmt: skip
        wrong = self.faults.get(self.channel, "bill") or {}
        names = [one["gateway_no"] for one in reversed(told) if one["state"] == "SUCCESS"]  # the newest first
        extra: bills.Row = {"trade_no": "1A-NOBODY", "gateway_no": "9" * 28, "refund_id": "", "amount_fen": 100, "fee_fen": 0,
                            "state": "SUCCESS", "at": datetime(day.year, day.month, day.day, 4, tzinfo=UTC)}  # fmt: skip
        faults = bills.Faults(
            extra=(extra,) * bool(wrong.get("extra")),
            missing=frozenset(names[: wrong.get("missing", 0)]),
            more_fen=dict.fromkeys(names[:1], wrong.get("amount", 0)),
            twice=frozenset(names[: wrong.get("twice", 0)]),
            next_day=frozenset(names[: wrong.get("next_day", 0)]),
            is_truncated=bool(wrong.get("truncated")),
            is_wrong_hash=bool(wrong.get("wrong_hash")),
        )
        return bills.file(self.channel, told, day, self.merchant, faults)

    def find(self, trade_no: str) -> Row | None:
        found = self.store.one("SELECT * FROM pay_trade WHERE channel = ? AND trade_no = ?", self.channel, trade_no)
        if found and found["state"] == "OPEN" and found["expires_at"] and found["expires_at"] < self.faults.now():
            self.store.run("UPDATE pay_trade SET state = 'CLOSED' WHERE id = ? AND state = 'OPEN'", found["id"])
            return self.find(trade_no)
        return found

    def by_gateway_no(self, gateway_no: str) -> Row | None:
        return self.store.one("SELECT * FROM pay_trade WHERE channel = ? AND gateway_no = ?", self.channel, gateway_no)

    def pay(self, trade_id: str, *, even_late: bool = False) -> Row | None:
        """A payer pays; the trade where that was the moment it became paid."""
        found = self.store.one("SELECT * FROM pay_trade WHERE id = ?", trade_id)
        if found is None or (not even_late and self.find(found["trade_no"])["state"] != "OPEN"):  # type: ignore[index]  # it was there a line ago
            return None
        states = ("OPEN", "CLOSED") if even_late else ("OPEN", "OPEN")
        number = f"{datetime.now(UTC):%Y%m%d}{secrets.randbelow(10**20):020d}"
        sql = "UPDATE pay_trade SET state = 'PAID', gateway_no = ?, event_id = ?, paid_at = ? WHERE id = ? AND state IN (?, ?)"
        done = self.store.run(sql, number, secrets.token_hex(16), self.faults.now(), trade_id, *states)
        return self.store.one("SELECT * FROM pay_trade WHERE id = ?", trade_id) if done else None

    def close(self, trade_no: str) -> None:
        found = self.find(trade_no)
        if found is None:
            raise Refused(404, "ORDER_NOT_EXIST")
        if found["state"] == "PAID":
            raise Refused(400, "ORDERPAID")
        self.store.run("UPDATE pay_trade SET state = 'CLOSED' WHERE id = ?", found["id"])

    def refund(self, number: str, gateway_no: str, amount_fen: int) -> Row:
        """Send money back, once under a number; it is DONE, PROCESSING or ABNORMAL as the faults have it."""
        known = self.refunded(number)
        if known is not None:
            if (known["gateway_no"], known["amount_fen"]) != (gateway_no, amount_fen):
                raise Refused(400, "INVALID_REQUEST", "the refund exists with another content")
            if known["state"] == "PROCESSING" and self.faults.get(self.channel, "refund") != "processing":
                self.store.run("UPDATE pay_refund SET state = 'DONE' WHERE number = ?", number)
            return {**(self.refunded(number) or known), "is_new": False}
        trade = self.by_gateway_no(gateway_no)
        if trade is None:
            raise Refused(404, "RESOURCE_NOT_EXISTS")
        sql = "SELECT coalesce(sum(amount_fen), 0) AS fen FROM pay_refund WHERE channel = ? AND gateway_no = ? AND state <> 'ABNORMAL'"
        sent = self.store.one(sql, self.channel, gateway_no)
        if sent is None or sent["fen"] + amount_fen > trade["amount_fen"]:
            raise Refused(400, "NOT_ENOUGH_TO_REFUND", "more than was paid")
        fault = self.faults.get(self.channel, "refund")
        if fault == "refused":
            raise Refused(403, "USER_ACCOUNT_ABNORMAL", "the payer's account is closed")
        state = {"processing": "PROCESSING", "abnormal": "ABNORMAL"}.get(str(fault), "DONE")
        self.store.run(
            "INSERT OR IGNORE INTO pay_refund (number, channel, gateway_no, trade_no, amount_fen, state, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            number, self.channel, gateway_no, trade["trade_no"], amount_fen, state, self.faults.now(),
        )  # fmt: skip
        made = self.refunded(number)
        assert made is not None
        return {**made, "is_new": True}

    def refunded(self, number: str) -> Row | None:
        return self.store.one("SELECT * FROM pay_refund WHERE channel = ? AND number = ?", self.channel, number)

    def split(self, number: str, gateway_no: str, shares: list[Row]) -> Row:
        """Split a paid trade among receivers, once under a number, never more than was paid."""
        trade = self.by_gateway_no(gateway_no)
        if trade is None:
            raise Refused(404, "RESOURCE_NOT_EXISTS")
        known = self.store.one("SELECT * FROM pay_split WHERE channel = ? AND number = ?", self.channel, number)
        if known is None:
            others = self.store.one(
                "SELECT coalesce(sum(amount_fen), 0) AS fen FROM pay_split WHERE channel = ? AND gateway_no = ?",
                self.channel, gateway_no,
            )  # fmt: skip
            total = sum(int(one["amount_fen"]) for one in shares)
            if others is None or others["fen"] + total > trade["amount_fen"]:
                raise Refused(400, "NOT_ENOUGH", "more than was paid")
            self.store.run(
                "INSERT INTO pay_split (number, channel, gateway_no, amount_fen, shares, back_fen) VALUES (?, ?, ?, ?, ?, 0)",
                number, self.channel, gateway_no, total, json.dumps(shares),
            )  # fmt: skip
            return self.split(number, gateway_no, shares)
        if json.loads(known["shares"]) != shares:
            raise Refused(400, "INVALID_REQUEST", "the split exists with another content")
        return known

    def return_split(self, number: str, return_number: str, amount_fen: int) -> None:
        """Bring part of a split back, once under a number."""
        known = self.store.one("SELECT * FROM pay_split WHERE channel = ? AND number = ?", self.channel, number)
        if known is None:
            raise Refused(404, "RESOURCE_NOT_EXISTS")
        if self.store.one("SELECT * FROM pay_return WHERE number = ?", return_number) is not None:
            return
        if known["back_fen"] + amount_fen > known["amount_fen"]:
            raise Refused(400, "NOT_ENOUGH", "more than was split")
        self.store.run("INSERT INTO pay_return (number, split) VALUES (?, ?)", return_number, number)
        self.store.run(
            "UPDATE pay_split SET back_fen = back_fen + ? WHERE channel = ? AND number = ?",
            amount_fen,
            self.channel,
            number,
        )
