"""A supplier of direct top-ups (直充): takes orders under their numbers, once each, and says what became of them.

The end of the first field tells it what to do, so that tests and demos can have their way:
A card it is asked about is used where it ends in USED, invalid in FAKE, unknown in LOST, else unused.
…0000 is refused, …1111 takes five seconds, …2222 is taken but not answered, …3333 is neither taken nor answered the first time.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox import signing
from sandbox.signing import Answer
from sandbox.store import Store

KEY_ID = "sandbox-supply-1"
SLOW_SECONDS = 5


class Supply:
    """One supplier. What it was sent survives a restart."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._lost: set[str] = set()
        self._secret = (folder / "supply.secret").read_text().strip().encode()

    def serve(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if not signing.is_signed(self._secret, KEY_ID, path, headers, body):
            return signing.FORBIDDEN
        found = self._answer(path, json.loads(body))
        return signing.BROKEN if found is None else signing.answer(self._secret, headers, found)

    def _answer(self, path: str, told: dict[str, Any]) -> dict[str, Any] | None:
        if path == "/supply/v1/cards/check":
            return {"check": told["check"], "cards": [_state(one["secret"]) for one in told["cards"]]}
        if path == "/supply/v1/orders":
            return self._send(told)
        return self._found(told["order"]) if path == "/supply/v1/orders/query" else None

    def _send(self, told: dict[str, Any]) -> dict[str, Any] | None:
        end = next(iter(told["form"].values()))[-4:]
        known = self._store.one("SELECT * FROM supply WHERE id = ?", told["order"])
        if end == "3333" and known is None and told["order"] not in self._lost:
            self._lost.add(told["order"])
            return None
        if known is None:
            done_at = time.time() + (SLOW_SECONDS if end == "1111" else 0)
            self._store.run(
                "INSERT OR IGNORE INTO supply (id, code, form, done_at, is_refused) VALUES (?, ?, ?, ?, ?)",
                told["order"], told["code"], json.dumps(told["form"]), done_at, int(end == "0000"),
            )  # fmt: skip
            if end == "2222":
                return None
        return self._found(told["order"])

    def _found(self, number: str) -> dict[str, Any]:
        known = self._store.one("SELECT * FROM supply WHERE id = ?", number)
        if known is None:
            return {"order": number, "state": "unknown"}
        if known["is_refused"]:
            return {"order": number, "state": "failed", "reason": "账号不支持充值"}
        if time.time() < known["done_at"]:
            return {"order": number, "state": "processing"}
        serial = hashlib.sha256(number.encode()).hexdigest()[:12].upper()
        return {"order": number, "state": "done", "number": f"SBS{serial}", "text": f"充值成功 {serial}"}


def _state(secret: str) -> str:
    return {"USED": "used", "FAKE": "invalid", "LOST": "unknown"}.get(secret[-4:], "unused")
