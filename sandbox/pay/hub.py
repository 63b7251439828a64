"""The payment channels' addresses: gateways, pay pages, the admin's desk; and the notices they send."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from sandbox.pay import pages
from sandbox.pay.alipay import AlipayGateway
from sandbox.pay.desk import Desk, Row
from sandbox.pay.faults import Faults
from sandbox.pay.v3 import V3Gateway
from sandbox.store import Store

log = logging.getLogger("sandbox")
Answer = tuple[int, bytes, dict[str, str]]
NOTIFY_GAPS_SECONDS = (0, 1, 2, 4, 8, 15, 30, 60, 180, 600)
SLOW_SECONDS = 7
SHUFFLE_SECONDS = 2
CALLS_MAX = 500
LOST: Answer = (0, b"", {})  # the line is cut
HALF = -1
JSON = {"content-type": "application/json"}


class Hub:
    """All channels of the sandbox. Trades survive a restart; notices go on where they were."""

    def __init__(self, store: Store, folder: Path, url: str, seed: int = 1) -> None:
        self._store, self.faults = store, Faults(store, seed)
        self.desks = {name: Desk(name, store, self.faults) for name in ("alipay", "wechat", "douyin")}
        self._alipay = AlipayGateway(self.desks["alipay"], folder, url)
        self._v3 = {name: V3Gateway(self.desks[name], folder, url) for name in ("wechat", "douyin")}
        self._app_secret = (folder / "wechat.app").read_text()
        self._http: httpx.AsyncClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def serves(self, path: str) -> bool:
        return path.startswith(("/alipay/", "/wechatpay/", "/douyinpay/", "/pay/"))

    async def serve(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if path.startswith("/pay/admin"):
            return self._admin(method, path.removeprefix("/pay/admin"), body)
        if path.startswith("/pay/"):
            return self._pay(method, path.removeprefix("/pay/"), parse_qs(query), body)
        channel = {"alipay": "alipay", "wechatpay": "wechat", "douyinpay": "douyin"}[path.split("/")[1]]
        rest = path[len(path.split("/")[1]) + 1 :]
        if rest.startswith("/files/"):
            try:
                whole = self._gateway(channel).file(rest.removeprefix("/files/"))
            except ValueError:
                return 404, b"", {}
            return 200, whole, {"content-type": "application/octet-stream"}
        if channel == "wechat" and rest in ("/connect/oauth2/authorize", "/sns/oauth2/access_token"):
            return self._oauth(rest, parse_qs(query))
        if channel == "alipay":
            call, answer = self._alipay.serve(method, query, body)
        else:
            call, answer = self._v3[channel].serve(method, rest, query, headers, body)
        self._note(channel, call, f"{method} {rest} {query}\n".encode() + body, answer[0])
        return await self._spoiled(channel, call, answer)

    async def start(self) -> None:
        self._http = httpx.AsyncClient(timeout=5, trust_env=False)
        for trade in self._store.rows("SELECT * FROM pay_trade WHERE state = 'PAID' AND notified = 0"):
            self.notify(trade)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._http is not None:
            await self._http.aclose()

    def notify(self, trade: Row) -> None:
        """Tell the merchant until it says success, as real gateways do."""
        channel = trade["channel"]
        if self.faults.get(channel, "drop"):
            return
        times = int(self.faults.get(channel, "times") or 1)
        for turn in range(times):
            at_once = bool(self.faults.get(channel, "at_once"))
            self._start(self._notify(trade, 0 if at_once else turn * 0.05))

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _notify(self, trade: Row, delay: float) -> None:
        channel = trade["channel"]
        delay += float(self.faults.get(channel, "delay") or 0)
        if self.faults.get(channel, "shuffle"):
            delay += self.faults.choose(1_000) * SHUFFLE_SECONDS / 1_000
        await asyncio.sleep(delay)
        for gap in NOTIFY_GAPS_SECONDS:
            await asyncio.sleep(gap)
            body, headers = self._gateway(channel).notice(trade)
            if await self._tell(trade["notify_url"], body, headers):
                self._store.run("UPDATE pay_trade SET notified = 1 WHERE id = ?", trade["id"])
                return

    async def _tell(self, url: str, body: bytes, headers: dict[str, str]) -> bool:
        assert self._http is not None
        try:
            answer = await self._http.post(url, content=body, headers={"content-type": "application/json", **headers})
        except httpx.HTTPError as error:
            log.warning("notice not delivered: %s", type(error).__name__)
            return False
        if answer.headers.get("content-type", "").startswith("application/json"):
            return answer.status_code in (200, 204)
        return answer.status_code == 200 and answer.text.strip() == "success"

    async def _spoiled(self, channel: str, call: str, answer: Answer) -> Answer:
        fault = self.faults.call(channel, call)
        if fault in ("502", "500"):
            return (
                int(fault),
                "<html><body>网关错误</body></html>".encode(),
                {"content-type": "text/html; charset=utf-8"},
            )
        if fault == "429":
            return 429, b"{}", dict(JSON)
        if fault == "lose":
            return LOST
        if fault == "half":
            return HALF, answer[1][: len(answer[1]) // 2], answer[2]
        if fault == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        if fault in ("unsigned", "wrong_key", "unknown_serial", "stale"):
            return self._gateway(channel).spoil(fault, answer)
        return answer

    def _gateway(self, channel: str) -> AlipayGateway | V3Gateway:
        return self._alipay if channel == "alipay" else self._v3[channel]

    def _pay(self, method: str, trade_id: str, query: dict[str, list[str]], body: bytes) -> Answer:
        found = self._store.one("SELECT * FROM pay_trade WHERE id = ?", trade_id)
        if found is None:
            return 404, "没有这笔交易".encode(), {"content-type": "text/plain; charset=utf-8"}
        found = self.desks[found["channel"]].find(found["trade_no"]) or found
        if method == "POST":
            told = parse_qs(body.decode())
            if told.get("outcome", [""])[0] == "success":
                self._paid(trade_id)
            back = query.get("redirect_url", [""])[0] or found["return_url"]
            return (
                (303, b"", {"location": back})
                if back
                else _page(pages.pay(self.desks[found["channel"]].find(found["trade_no"]) or found))
            )
        return _page(pages.pay(found))

    def _paid(self, trade_id: str, *, even_late: bool = False) -> Row | None:
        found = self._store.one("SELECT channel FROM pay_trade WHERE id = ?", trade_id)
        paid = self.desks[found["channel"]].pay(trade_id, even_late=even_late) if found else None
        if paid is not None:
            self.notify(paid)
        return paid

    def _oauth(self, path: str, query: dict[str, list[str]]) -> Answer:
        """WeChat's silent consent: a code, and who it stands for. A code is good once."""
        if path.endswith("authorize"):
            where = query["redirect_uri"][0]
            told = urlencode({"code": f"code{self.faults.choose(10**12)}", "state": query["state"][0]})
            return 302, b"", {"location": where + ("&" if urlsplit(where).query else "?") + told}
        if query.get("secret") != [self._app_secret]:
            return 200, json.dumps({"errcode": 40125, "errmsg": "invalid appsecret"}).encode(), dict(JSON)
        return 200, json.dumps({"openid": "o" + query["code"][0][-20:], "expires_in": 7200}).encode(), dict(JSON)

    def _admin(self, method: str, path: str, body: bytes) -> Answer:
        """The desk of whoever tests: faults, the clock, trades, calls; a page, and the same as an API."""
        words = [word for word in path.split("/") if word]
        try:
            told = json.loads(body) if body and words[:1] == ["api"] else {}
            if words[:2] == ["api", "faults"] and len(words) == 3 and words[2] in self.desks:
                if method == "PUT":
                    self.faults.set(words[2], told)
                    self._finish_refunds(words[2])
                return _json(self.faults.of(words[2]))
            if words == ["api", "clock"] and method == "POST":
                self.faults.shift(float(told["shift_seconds"]))
                return _json({"now": self.faults.now()})
            if words == ["api", "seed"] and method == "POST":
                self.faults.seed(int(told["seed"]))
                return _json({})
            if words == ["api", "trades"]:
                return _json(self._store.rows("SELECT * FROM pay_trade ORDER BY rowid DESC LIMIT 200"))
            if words == ["api", "refunds"]:
                return _json(self._store.rows("SELECT * FROM pay_refund ORDER BY rowid DESC LIMIT 200"))
            if words == ["api", "calls"]:
                return _json([{**row, "told": row["told"].decode(errors="replace")} for row in self._calls()])
            if words[:2] == ["api", "trades"] and method == "POST":
                return self._act(words[2], words[3])
        except (ValueError, KeyError, IndexError, TypeError) as error:
            return 400, json.dumps({"error": str(error)}).encode(), dict(JSON)
        if words:
            return 404, b"{}", dict(JSON)
        if method == "POST":
            return self._switch(parse_qs(body.decode()))
        trades = self._store.rows("SELECT * FROM pay_trade ORDER BY rowid DESC LIMIT 20")
        return _page(pages.admin({name: self.faults.of(name) for name in self.desks}, trades, self._calls()[:20]))

    def _finish_refunds(self, channel: str) -> None:
        """Refunds under way come to their end when nothing keeps them, and the merchant hears of it."""
        if self.faults.get(channel, "refund") == "processing":
            return
        for refund in self._store.rows("SELECT * FROM pay_refund WHERE channel = ? AND state = 'PROCESSING'", channel):
            self._store.run(
                "UPDATE pay_refund SET state = 'DONE' WHERE channel = ? AND number = ?", channel, refund["number"]
            )
            trade = self.desks[channel].by_gateway_no(refund["gateway_no"])
            if trade is not None:
                body, headers = self._gateway(channel).refund_notice({**refund, "state": "DONE"})
                self._start(self._told_once(trade["notify_url"], body, headers))

    async def _told_once(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        await self._tell(url, body, headers)

    def _act(self, trade_id: str, what: str) -> Answer:
        if what == "notify":
            found = self._store.one("SELECT * FROM pay_trade WHERE id = ? AND state = 'PAID'", trade_id)
            if found is not None:
                self.notify(found)
            return _json({"done": found is not None})
        return _json({"done": self._paid(trade_id, even_late=what == "pay_late") is not None})

    def _switch(self, told: dict[str, list[str]]) -> Answer:
        try:
            self.faults.set(told["channel"][0], json.loads(told.get("faults", ["{}"])[0] or "{}"))
        except (ValueError, KeyError, AttributeError) as error:
            return 400, f"没有改动：{error}".encode(), {"content-type": "text/plain; charset=utf-8"}
        return 303, b"", {"location": "/pay/admin"}

    def _calls(self) -> list[Row]:
        return self._store.rows("SELECT * FROM pay_call ORDER BY id DESC LIMIT 100")

    def _note(self, channel: str, call: str, told: bytes, status: int) -> None:
        self._store.run(
            "INSERT INTO pay_call (at, channel, call, told, status, verdict) VALUES (?, ?, ?, ?, ?, ?)",
            self.faults.now(), channel, call, told[:20_000], status, call,
        )  # fmt: skip
        self._store.run("DELETE FROM pay_call WHERE id <= (SELECT max(id) - ? FROM pay_call)", CALLS_MAX)


def _json(told: Any) -> Answer:
    return 200, json.dumps(told, ensure_ascii=False).encode(), dict(JSON)


def _page(body: str) -> Answer:
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
        "cache-control": "no-store",
    }
    return 200, body.encode(), headers
