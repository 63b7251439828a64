"""Whoever attests transactions (交易核验), by Kashu's own contract: no platform publishes one.

An event is attested once; told again, it gets the receipt it had. The last two digits of an order's total, in fen, tell it
what to do: …13 is refused, …37 is not answered the first time, …59 gets an answer that nobody signed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.store import Store

KEY_ID = "sandbox-attestor-1"
WINDOW_SECONDS = 300
Answer = tuple[int, bytes, dict[str, str]]
JSON = {"content-type": "application/json"}


class Attestor:
    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._lost: set[str] = set()
        self._secret = (folder / "attestor.secret").read_text().strip().encode()

    def serve(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        stamp, nonce = headers.get("kashu-timestamp", ""), headers.get("kashu-nonce", "")
        name = headers.get("idempotency-key", "")
        signed = f"POST\n{path}\n{stamp}\n{nonce}\n{name}\n{hashlib.sha256(body).hexdigest()}"
        right = hmac.new(self._secret, signed.encode(), hashlib.sha256).hexdigest()
        is_ours = headers.get("kashu-key") == KEY_ID and hmac.compare_digest(right, headers.get("kashu-signature", ""))
        if not is_ours or not stamp.isdigit() or abs(time.time() - int(stamp)) > WINDOW_SECONDS:
            return 401, b"{}", JSON
        told: dict[str, Any] = json.loads(body)
        end = told["total_fen"] % 100
        if end == 37 and name not in self._lost:
            self._lost.add(name)
            return 500, b"{}", JSON
        raw = json.dumps(self._answer(name, told, body, is_refused=end == 13), ensure_ascii=False).encode()
        proof = f"{nonce}\n{hashlib.sha256(raw).hexdigest()}".encode()
        mark = hmac.new(b"stranger" if end == 59 else self._secret, proof, hashlib.sha256).hexdigest()
        return 200, raw, {**JSON, "kashu-signature": mark}

    def _answer(self, name: str, told: dict[str, Any], body: bytes, *, is_refused: bool) -> dict[str, str]:
        if is_refused:
            return {"id": name, "state": "refused", "reason": "金额与备案不符"}
        self._store.run(
            "INSERT OR IGNORE INTO attestation (id, event, order_no, body) VALUES (?, ?, ?, ?)",
            name, told["event"], told["order"], body.decode(),
        )  # fmt: skip
        kept = self._store.one("SELECT body FROM attestation WHERE id = ?", name)
        if kept is None or kept["body"] != body.decode():
            return {"id": name, "state": "refused", "reason": "与已核验的内容不同"}
        return {"id": name, "state": "accepted", "receipt": "HY" + hashlib.sha256(body).hexdigest()[:16].upper()}
