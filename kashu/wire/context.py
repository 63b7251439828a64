from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import httpx

from kashu import payments
from kashu.audit import SYSTEM
from kashu.kernel import clock
from kashu.kernel.db import Pool
from kashu.kernel.seal import Keyring
from kashu.payments import Channel, NewKey
from kashu.wire import pay
from kashu.wire.attestation import Attestor
from kashu.wire.messages import Box
from kashu.wire.pay import PaymentChannel
from kashu.wire.registry import Registry

FetchBill = Callable[[Channel, date, str], Iterator[bytes]]  # the bill of a day and a kind, checked, as it was sent


@dataclass(frozen=True, slots=True)
class Context:
    """What an edge works with: connections, keys, the world outside, and where files wait."""

    pool: Pool
    ring: Keyring
    http: httpx.Client
    sender: Box
    public_url: str
    callback_url: str
    spool: Path
    hold_seconds: int
    is_behind_proxy: bool
    secret_days: int = 180
    takedown_report_hours: int = 24
    registry: Registry | None = None  # without one, a person looks companies up
    attestor: Attestor | None = None  # without one, nothing is written down to be attested
    bills: Mapping[str, FetchBill] = field(default_factory=dict)  # by the channels' kind

    def gateway(self, channel: Channel) -> PaymentChannel:
        """The channel as we call it, with its keys opened for this process only."""
        return pay.adapter(channel, self.ring, self.http, lambda found: self._learn(channel, found))

    def _learn(self, channel: Channel, found: list[tuple[str, str]]) -> None:
        """Keep platform certificates that were proven; those we know stay as they are."""
        known = {key.serial for key in channel.keys if key.use == "verify"}
        with self.pool.transaction() as db:
            for serial, pem in found:
                if serial not in known:
                    payments.add_key(db, self.ring, SYSTEM, channel.id, NewKey("verify", serial, pem), clock.now())
