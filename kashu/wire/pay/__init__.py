"""Payment channels over HTTP: one protocol, an adapter for each."""

from __future__ import annotations

import httpx

from kashu.kernel import clock
from kashu.kernel.seal import Keyring
from kashu.payments import Channel
from kashu.wire.pay import douyinpay, wechatpay
from kashu.wire.pay.alipay import AlipayChannel
from kashu.wire.pay.protocol import PaymentChannel
from kashu.wire.pay.v3 import Learn, Secrets, V3Channel

__all__ = ["PaymentChannel", "adapter"]
FACTS = {"wechat": wechatpay.FACTS, "douyin": douyinpay.FACTS}


def adapter(channel: Channel, ring: Keyring, http: httpx.Client, learn: Learn) -> PaymentChannel:
    """The channel as we call it, its keys opened for this process only. AssertionError for one without keys."""
    signing = [key for key in channel.keys_for("sign", clock.now()) if key.serial == channel.sign_serial]
    assert signing, "a channel without keys is never open"
    sign = _opened(ring, channel.id, signing[0].sealed)
    if channel.kind == "alipay":
        return AlipayChannel(channel, sign, http)
    opens = tuple(_opened(ring, channel.id, key.sealed) for key in channel.keys_for("open", clock.now()))
    return V3Channel(channel, Secrets(sign, opens), http, FACTS[channel.kind], learn)


def _opened(ring: Keyring, channel_id: str, sealed: bytes) -> str:
    return ring.open_personal(sealed, f"channel {channel_id}")
