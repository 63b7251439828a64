from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import httpx

from kashu.kernel.db import Pool
from kashu.kernel.seal import Keyring
from kashu.payments import Channel
from kashu.wire.messages import Sender
from kashu.wire.sandboxpay import Gateway

FetchBill = Callable[[Channel, date, str], Iterator[bytes]]  # the bill of a day and a kind, checked, as it was sent


@dataclass(frozen=True, slots=True)
class Context:
    """What an edge works with: connections, keys, the world outside, and where files wait."""

    pool: Pool
    ring: Keyring
    http: httpx.Client
    sender: Sender
    public_url: str
    callback_url: str
    spool: Path
    hold_seconds: int
    is_behind_proxy: bool
    bills: Mapping[str, FetchBill] = field(default_factory=dict)  # by the channels' kind

    def gateway(self, channel: Channel) -> Gateway:
        """The channel as we call it, with its private key opened for this process only."""
        return Gateway(channel, self.ring.open_personal(channel.sealed_key, f"channel {channel.id}"), self.http)
