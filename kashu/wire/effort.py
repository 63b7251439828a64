"""What a checkout costs a machine: nothing in a calm shop, some seconds of computing under pressure (ALTCHA, SHA-256).

A person sees nothing of it but a moment's wait; there is no puzzle. The work is bound to one browser and one checkout
key, so it buys one order; the key leads to the same order however often it comes. Pressure is what this process sees:
arrivals by the second, and by address.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from altcha import v1

from kashu.kernel.seal import Keyring
from kashu.kernel.text import sha256_hex

WINDOW_SECONDS = 2
SECONDS = 120  # to find a solution and send it
CALM_PER_SECOND = 30
ADDRESS_CALM = 20  # arrivals from one address in a window: a school's gateway may have as many
# Arrivals by the second above which a checkout takes so many hashes at most; a phone does some 30,000 a second.
STEPS = ((CALM_PER_SECOND, 20_000), (150, 60_000), (600, 120_000))


class Effort:
    """Counts arrivals in this process, and makes and checks the challenges."""

    def __init__(self, ring: Keyring) -> None:
        self._key = ring.derive("checkout effort").hex()
        self._began = time.monotonic()
        self._here: Counter[bytes] = Counter()
        self._before: Counter[bytes] = Counter()

    def arrived(self, address: bytes) -> int:
        """Count an arrival; how many hashes a checkout takes now, 0 in a calm shop."""
        now = time.monotonic()
        if now - self._began >= WINDOW_SECONDS:
            is_next = now - self._began < 2 * WINDOW_SECONDS
            self._before = self._here if is_next else Counter()
            self._here, self._began = Counter(), now
        self._here[b""] += 1
        self._here[address] += 1
        return cost(max(self._here[b""], self._before[b""]), max(self._here[address], self._before[address]))

    def challenge(self, hashes: int, of: str) -> dict[str, Any]:
        """Work for one checkout of one browser (`of` names both)."""
        made = v1.create_challenge(
            algorithm="SHA-256", max_number=hashes, salt_length=12, hmac_key=self._key, salt="", number=None,
            expires=datetime.now(UTC) + timedelta(seconds=SECONDS), params={"of": _short(of)},
        )  # fmt: skip
        return made.to_dict()

    def is_done(self, solution: str, of: str) -> bool:
        """Whether this is a right solution of a challenge that we made for this checkout, in time."""
        try:
            payload = v1.Payload.from_base64(solution[:2_048]).to_dict()
            is_right, _ = v1.verify_solution(payload, self._key, check_expires=True)
            told: Mapping[str, list[str]] = v1.extract_params(payload)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return False
        return is_right and told.get("of") == [_short(of)] and "expires" in told


def cost(arrivals: int, from_address: int) -> int:
    """Hashes for a checkout, by arrivals in a window: of everybody, and from its address."""
    asked = [hashes for rate, hashes in STEPS if arrivals > rate * WINDOW_SECONDS]
    if from_address > ADDRESS_CALM:
        asked.append(STEPS[1][1])
    return max(asked, default=0)


def _short(of: str) -> str:
    return sha256_hex(of)[:32]
