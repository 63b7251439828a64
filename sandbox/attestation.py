"""Whoever attests transactions (交易核验), by Kashu's own contract: no platform publishes one.

An event is attested once; told again, it gets the receipt it had. A redemption (核销) is attested once, and so is
its undoing. The last two digits of an order's total, in fen, tell it what to do: …13 is refused, …37 is not
answered the first time, …59 gets an answer that nobody signed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox import signing
from sandbox.signing import Answer
from sandbox.store import Store

KEY_ID = "sandbox-attestor-1"
EVENTS = ("delivered", "refunded", "redeemed", "undone")
OF_REDEMPTION = ("redeemed", "undone")


class Attestor:
    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._lost: set[str] = set()
        self._secret = (folder / "attestor.secret").read_text().strip().encode()

    def serve(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if not signing.is_signed(self._secret, KEY_ID, path, headers, body):
            return signing.FORBIDDEN
        name, told = headers.get("idempotency-key", ""), json.loads(body)
        end = told["total_fen"] % 100
        if end == 37 and name not in self._lost:
            self._lost.add(name)
            return signing.BROKEN
        reason = "金额与备案不符" if end == 13 else self._trouble(name, told, body)
        state = {"state": "refused", "reason": reason} if reason else {"state": "accepted", "receipt": _receipt(body)}
        return signing.answer(signing.STRANGER if end == 59 else self._secret, headers, {"id": name, **state})

    def _trouble(self, name: str, told: dict[str, Any], body: bytes) -> str:
        """Why an event is refused; one that is not is kept."""
        event, redemption = told["event"], told.get("redemption", "")
        if event not in EVENTS or (event in OF_REDEMPTION) != bool(redemption):
            return "事件无法识别"
        if redemption and self._is_told(name, event, redemption):
            return "这次核销已核验过"
        self._store.run(
            "INSERT OR IGNORE INTO attestation (id, event, order_no, body) VALUES (?, ?, ?, ?)",
            name, event, told["order"], body.decode(),
        )  # fmt: skip
        kept = self._store.one("SELECT body FROM attestation WHERE id = ?", name)
        return "" if kept is not None and kept["body"] == body.decode() else "与已核验的内容不同"

    def _is_told(self, name: str, event: str, redemption: str) -> bool:
        """Whether this was told of a redemption under another id."""
        sql = "SELECT id FROM attestation WHERE event = ? AND json_extract(body, '$.redemption') = ? AND id <> ?"
        return self._store.one(sql, event, redemption, name) is not None


def _receipt(body: bytes) -> str:
    return "HY" + hashlib.sha256(body).hexdigest()[:16].upper()
