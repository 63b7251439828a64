"""Before a channel opens: does its gateway know us and do we know it, and do its bytes reach us through the public address?"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import httpx

from kashu.kernel import ids
from kashu.payments import Channel
from kashu.wire import callbacks
from kashu.wire.context import Context
from kashu.wire.pay.protocol import GatewayError, TradeState

TIMEOUT_SECONDS = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One proof and how it came out; `detail` is for the operator, never a secret."""

    what: str
    is_good: bool
    detail: str = ""


def run(ctx: Context, channel: Channel) -> list[Finding]:
    """Ask the gateway about a trade that never was, and send a probe to our own public address."""
    return [_asks(ctx, channel), _comes_back(ctx, channel)]


def _asks(ctx: Context, channel: Channel) -> Finding:
    """A signed `never heard of it` proves our key, our merchant number and their key at once."""
    try:
        state = ctx.gateway(channel).query(ids.new_number(0)).state
    except GatewayError as error:
        return Finding("gateway", is_good=False, detail=str(error)[:200])
    except (ValueError, AssertionError) as error:
        return Finding("gateway", is_good=False, detail=f"{type(error).__name__}"[:200])
    return Finding("gateway", is_good=state is TradeState.MISSING, detail=state.value)


def _comes_back(ctx: Context, channel: Channel) -> Finding:
    """The same door that notices knock at, by the same address, with bytes that anything in between might change."""
    nonce = secrets.token_hex(16)
    url = f"{ctx.callback_url}/callbacks/{channel.id}"
    body = callbacks.probe(ctx.ring, channel.id, nonce)
    try:
        answer = ctx.http.post(url, content=body, headers={"content-type": callbacks.PROBE}, timeout=TIMEOUT_SECONDS)
    except httpx.HTTPError as error:
        return Finding("callback", is_good=False, detail=f"{url}: {type(error).__name__}")
    is_back = answer.status_code == 200 and callbacks.is_back(ctx.ring, channel.id, nonce, answer.text)
    return Finding("callback", is_good=is_back, detail=f"{url}: {answer.status_code}")
