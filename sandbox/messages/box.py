"""The three vendors behind one door: `/sms/<vendor>/`, and `/sms/control` by which faults are switched."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from sandbox.messages import aliyun, tencent, volcengine
from sandbox.messages.asked import Asked, Sms
from sandbox.messages.faults import Faults
from sandbox.store import Store

log = logging.getLogger("sandbox")
KEY_ID, SECRET = "sandbox-sms-key", "sandbox-sms-secret"
TIME_OUT_SECONDS, LATE_SECONDS = 12, 3
LIMITS = ((60, 1), (3_600, 5), (86_400, 10))  # codes to one number
HEARD_GAPS_SECONDS = (0, 1, 5)
JSON = {"content-type": "application/json"}
Answer = tuple[int, bytes, dict[str, str]]


class Vendor(Protocol):
    """One vendor's forms: how a call is read and verified, and how each answer looks."""

    REFUSED: str
    NO_NUMBER: str
    TOO_OFTEN: str

    def read(
        self, path: str, raw: str, headers: Mapping[str, str], body: bytes, key_id: str, secret: str
    ) -> Asked | str: ...

    def taken(self, one: Sms) -> tuple[int, dict[str, Any]]: ...

    def refused(self, code: str) -> tuple[int, dict[str, Any]]: ...

    def found(self, asked: Asked, sent: Sequence[Sms]) -> tuple[int, dict[str, Any]]: ...

    def receipt(self, one: Sms) -> list[dict[str, Any]]: ...


VENDORS: dict[str, Vendor] = {"aliyun": aliyun, "tencent": tencent, "volcengine": volcengine}


@dataclass(slots=True)
class Settings:
    faults: Faults = field(default_factory=Faults)
    callback: str = ""
    receipt_seconds: float = 0.2


class SmsVendors:
    """All three, each with its messages; what they deliver can be read in the sandbox's box as well."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._settings: dict[str, Settings] = defaultdict(Settings)
        self._tasks: set[asyncio.Task[None]] = set()
        self.sent: dict[str, list[Sms]] = defaultdict(list)
        self.calls: dict[str, int] = defaultdict(int)

    async def serve(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        name = path.removeprefix("/sms/").strip("/")
        if name == "control" and method == "POST":
            return self._control(json.loads(body))
        if name == "control":
            told = {vendor: [one.state for one in found] for vendor, found in self.sent.items()}
            return 200, json.dumps(told).encode(), JSON
        if name not in VENDORS or method != "POST":
            return 404, b"{}", JSON
        self.calls[name] += 1
        return await self._call(name, path, query, headers, body)

    async def _call(self, name: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
        vendor = VENDORS[name]
        asked = vendor.read(path, query, headers, body, KEY_ID, SECRET)
        if isinstance(asked, str):
            return self._told(vendor.refused(asked))
        if not asked.is_send:
            return self._told(vendor.found(asked, self.sent[name]))
        fault = self._settings[name].faults.call(name, asked.tag)
        if fault == "error":
            return 503, b"upstream connect error", {"content-type": "text/plain"}
        if fault == "time_out":
            await asyncio.sleep(TIME_OUT_SECONDS)
            return 504, b"", {}
        code = vendor.REFUSED if fault == "refuse" else self._refusal(name, asked.to, asked.values)
        if code:
            return self._told(vendor.refused(code))
        one = Sms(
            name, f"{name[:1]}{secrets.token_hex(10)}", asked.tag, asked.to, asked.template, asked.values, time.time()
        )
        self.sent[name].append(one)
        self._deliver(one)
        if fault == "lose_answer":
            await asyncio.sleep(TIME_OUT_SECONDS)
            return 504, b"", {}
        return self._told(vendor.taken(one))

    def _control(self, told: dict[str, Any]) -> Answer:
        """`{"vendor", "rates", "seed", "callback", "receipt_seconds"}`"""
        if told.get("vendor") not in VENDORS:
            return 404, b"{}", JSON
        self._settings[told["vendor"]] = Settings(
            Faults(int(told.get("seed", 0)), told.get("rates", {})),
            told.get("callback", self._settings[told["vendor"]].callback),
            float(told.get("receipt_seconds", 0.2)),
        )
        return 200, b"{}", JSON

    def _refusal(self, name: str, to: str, values: str) -> str:
        """The vendors' own limits, which Kashu is to keep without being told."""
        vendor = VENDORS[name]
        if not (to.isdigit() and len(to) == 11 and to.startswith("1")):
            return vendor.NO_NUMBER
        now = time.time()
        codes = [one for one in self.sent[name] if one.to == to and "code" in one.values]
        for seconds, most in LIMITS if "code" in values else ():
            if sum(one.sent_at > now - seconds for one in codes) >= most:
                return vendor.TOO_OFTEN
        return ""

    def _deliver(self, one: Sms) -> None:
        task = asyncio.get_running_loop().create_task(self._travel(one))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _travel(self, one: Sms) -> None:
        """To the phone and, by receipt, back to who sent it."""
        settings = self._settings[one.vendor]
        faults = settings.faults.receipt(one.vendor, one.tag)
        await asyncio.sleep(settings.receipt_seconds)
        one.state, one.arrived_at = ("failed" if "failed" in faults else "arrived"), time.time()
        if one.state == "arrived":
            told = (f"{one.vendor} {one.template}", one.values)
            sql = "INSERT INTO message (sent_at, phone, body) VALUES (?, ?, ?)"
            self._store.run(sql, time.strftime("%Y-%m-%dT%H:%M:%S"), one.to, " ".join(told))
        if "never" in faults or not settings.callback:
            return
        if "late" in faults:
            await asyncio.sleep(LATE_SECONDS)
        for _ in range(2 if "twice" in faults else 1):
            await self._tell(settings.callback, VENDORS[one.vendor].receipt(one))

    async def _tell(self, callback: str, told: list[dict[str, Any]]) -> None:
        for gap in HEARD_GAPS_SECONDS:
            await asyncio.sleep(gap)
            try:
                async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
                    answer = await http.post(callback, json=told)
            except httpx.HTTPError as error:
                log.warning("receipt not heard: %s", type(error).__name__)
                continue
            if answer.status_code == 200:
                return

    def _told(self, told: tuple[int, dict[str, Any]]) -> Answer:
        return told[0], json.dumps(told[1], ensure_ascii=False).encode(), JSON
