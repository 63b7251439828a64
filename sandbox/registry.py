"""A registry of made-up companies and people, and a bank that sends them a few fen.

Some are in its books (`COMPANIES`, `PEOPLE`); whoever is not exists under the name they give, unless that name holds one of
these words: 查无 is not found, 不符 has another name, 注销 is cancelled, 缓慢 answers after seconds, 乱答 gets an answer signed
by nobody. A transfer is on its way the first time it is asked about, and has arrived the second.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEY_ID = "sandbox-registry-1"
WINDOW_SECONDS = 300
SLOW_SECONDS = 3
COMPANIES = {
    "91110000600037341L": ("知微课堂科技有限公司", "matched"),
    "121200004013590816": ("津门图书服务中心", "matched"),
    "911522010783762860": ("草原影音有限公司", "cancelled"),
}
PEOPLE = {"11010519491231002X": "韦小宝", "440524188001010014": "陈近南"}
WORDS = {"查无": "not_found", "不符": "mismatched", "注销": "cancelled"}
Answer = tuple[int, bytes, dict[str, str]]


class Registry:
    def __init__(self, folder: Path) -> None:
        self._secret = (folder / "registry.secret").read_text().strip().encode()
        self._sent: set[str] = set()
        self.asked: list[str] = []

    def serve(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        stamp, nonce = headers.get("kashu-timestamp", ""), headers.get("kashu-nonce", "")
        key = headers.get("idempotency-key", "")
        signed = f"POST\n{path}\n{stamp}\n{nonce}\n{key}\n{hashlib.sha256(body).hexdigest()}"
        right = hmac.new(self._secret, signed.encode(), hashlib.sha256).hexdigest()
        is_ours = headers.get("kashu-key") == KEY_ID and hmac.compare_digest(right, headers.get("kashu-signature", ""))
        if not is_ours or not stamp.isdigit() or abs(time.time() - int(stamp)) > WINDOW_SECONDS:
            return 401, b"{}", {"content-type": "application/json"}
        told: dict[str, Any] = json.loads(body)
        name = str(told.get("name") or told.get("holder"))
        self.asked.append(path)
        if "缓慢" in name:
            time.sleep(SLOW_SECONDS)
        answer = {"number": told["number"], "state": self._state(path, name, told["number"], key), "detail": ""}
        return self._signed("乱答" in name, nonce, answer)

    def _state(self, path: str, name: str, number: str, key: str) -> str:
        for word, state in WORDS.items():
            if word in name:
                return state
        if path.endswith("/companies") and number in COMPANIES:
            known, state = COMPANIES[number]
            return state if name == known else "mismatched"
        if path.endswith("/people") and number in PEOPLE:
            return "matched" if name == PEOPLE[number] else "mismatched"
        if path.endswith("/transfers") and key not in self._sent:
            self._sent.add(key)
            return "processing"
        return "matched"

    def _signed(self, is_wrong: bool, nonce: str, told: dict[str, Any]) -> Answer:  # a switch of the simulator
        body = json.dumps(told, ensure_ascii=False).encode()
        secret = b"stranger" if is_wrong else self._secret
        signed = f"{nonce}\n{hashlib.sha256(body).hexdigest()}".encode()
        signature = hmac.new(secret, signed, hashlib.sha256).hexdigest()
        return 200, body, {"content-type": "application/json", "kashu-signature": signature}
