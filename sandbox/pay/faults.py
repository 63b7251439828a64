"""What can go wrong at a channel, switched on by name and channel. Chance comes from a seed, time from a clock that can be set.

name            value                    what happens
call            {"create": "502"}        by call: 502 (a page in HTML), 500, 429, lose (done, then the line is cut), half (half a body),
                                         slow (answers after seconds), unsigned, wrong_key, unknown_serial, stale
times           20                       every notice comes so many times
at_once         true                     those come at one instant
delay           60                       the first notice comes after so many seconds
drop            true                     no notice comes at all
shuffle         true                     notices of several trades come in another order
amount          -1                       notices name an amount that is so many fen off
merchant, app   "another"                notices name another merchant, another application
key             "wrong"                  notices are signed by a stranger
serial          "unknown"                notices name a key nobody knows
stale           86400                    notices are so many seconds old
body            "cut"                    notices lose their end on the way
refund          "processing", "abnormal", "refused"
bill            {"missing": 1, …}        what the bill gets wrong (see bills)
chance          0.3                      the share of notices and calls that faults meet (1 if not set)
"""

from __future__ import annotations

import json
import random
import time
from typing import Any

from sandbox.store import Store

NAMES = frozenset(
    [
        "call",
        "times",
        "at_once",
        "delay",
        "drop",
        "shuffle",
        "amount",
        "merchant",
        "app",
        "key",
        "serial",
        "stale",
        "body",
        "refund",
        "bill",
        "chance",
    ]
)


class Faults:
    """The switches of all channels; they survive a restart."""

    def __init__(self, store: Store, seed: int = 1) -> None:
        self._store, self._random = store, random.Random(seed)  # noqa: S311  # chance that can be told again, not a secret
        self._shift = 0.0
        self._set = {
            (row["channel"], row["name"]): json.loads(row["told"]) for row in store.rows("SELECT * FROM pay_fault")
        }

    def now(self) -> float:
        """Unix seconds of the simulated clock."""
        return time.time() + self._shift

    def shift(self, seconds: float) -> None:
        self._shift = seconds

    def seed(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  # chance that can be told again, not a secret

    def set(self, channel: str, told: dict[str, Any]) -> None:
        """Replace the switches of a channel. ValueError for a name that is none."""
        unknown = told.keys() - NAMES
        if unknown:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}")
        self._store.run("DELETE FROM pay_fault WHERE channel = ?", channel)
        self._set = {key: value for key, value in self._set.items() if key[0] != channel}
        for name, value in told.items():
            self._store.run(
                "INSERT INTO pay_fault (channel, name, told) VALUES (?, ?, ?)", channel, name, json.dumps(value)
            )
            self._set[channel, name] = value

    def of(self, channel: str) -> dict[str, Any]:
        return {name: value for (of, name), value in self._set.items() if of == channel}

    def get(self, channel: str, name: str) -> Any:
        """A fault's value where it meets this time; None where it does not."""
        value = self._set.get((channel, name))
        if value in (None, False) or self._random.random() >= self._set.get((channel, "chance"), 1):
            return None
        return value

    def call(self, channel: str, call: str) -> str:
        calls = self.get(channel, "call")
        return str(calls.get(call, calls.get("*", ""))) if isinstance(calls, dict) else ""

    def choose(self, most: int) -> int:
        return self._random.randrange(most)
