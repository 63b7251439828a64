"""A registry of made-up companies and people, and a bank that sends them a few fen.

Some are in its books (`COMPANIES`, `PEOPLE`); whoever is not exists under the name they give, unless that name holds one of
these words: 查无 is not found, 不符 has another name, 注销 is cancelled, 缓慢 answers after seconds, 乱答 gets an answer signed
by nobody. A transfer is on its way the first time it is asked about, and has arrived the second.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox import signing
from sandbox.signing import Answer

KEY_ID = "sandbox-registry-1"
SLOW_SECONDS = 3
COMPANIES = {
    "91110000600037341L": ("知微课堂科技有限公司", "matched"),
    "121200004013590816": ("津门图书服务中心", "matched"),
    "911522010783762860": ("草原影音有限公司", "cancelled"),
}
PEOPLE = {"11010519491231002X": "韦小宝", "440524188001010014": "陈近南"}
WORDS = {"查无": "not_found", "不符": "mismatched", "注销": "cancelled"}


class Registry:
    def __init__(self, folder: Path) -> None:
        self._secret = (folder / "registry.secret").read_text().strip().encode()
        self._sent: set[str] = set()
        self.asked: list[str] = []

    def serve(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if not signing.is_signed(self._secret, KEY_ID, path, headers, body):
            return signing.FORBIDDEN
        told: dict[str, Any] = json.loads(body)
        name = str(told.get("name") or told.get("holder"))
        self.asked.append(path)
        if "缓慢" in name:
            time.sleep(SLOW_SECONDS)
        state = self._state(path, name, told["number"], headers.get("idempotency-key", ""))
        secret = signing.STRANGER if "乱答" in name else self._secret
        return signing.answer(secret, headers, {"number": told["number"], "state": state, "detail": ""})

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
