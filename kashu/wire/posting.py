"""Whom a message is given to, and what vendors say about it at our door."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs

import httpx

from kashu import messages
from kashu.kernel.db import Pool
from kashu.kernel.seal import Keyring
from kashu.messages import Answer, Arrival, Errand, Outcome, Sender
from kashu.wire import callbacks, metrics
from kashu.wire.mail import Mail
from kashu.wire.messages import Box
from kashu.wire.sms import Letter, Reader, Vendor, aliyun, tencent, volcengine

PREFIX = "/callbacks/messages/"
BODY_BYTES_MAX = 262_144
READERS: Mapping[str, Reader] = {
    "aliyun": aliyun.read_receipts,
    "tencent": tencent.read_receipts,
    "volcengine": volcengine.read_receipts,
}
ADAPTERS: Mapping[str, Callable[[Sender, str], Vendor]] = {
    "aliyun": aliyun.Aliyun,
    "tencent": tencent.Tencent,
    "volcengine": volcengine.Volcengine,
    "smtp": Mail,
}
# What a vendor takes for "heard"; anything else it sends again.
HEARD = {"aliyun": '{"code":0,"msg":"ok"}', "tencent": '{"result":0,"errmsg":"OK"}', "volcengine": "{}"}


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The sandbox's box: what is put there can be read at once."""

    box: Box

    def send(self, letter: Letter) -> Answer:
        try:
            self.box.send(letter.to, letter.text)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.HTTPStatusError) as error:
            return Answer(Outcome.REFUSED, trouble=type(error).__name__)
        except httpx.HTTPError as error:
            return Answer(Outcome.UNKNOWN, trouble=type(error).__name__)
        return Answer(Outcome.ARRIVED)

    def ask(self, letter: Letter) -> Answer:  # noqa: ARG002  # the protocol's signature
        return Answer(Outcome.UNKNOWN, trouble="nobody to ask")


def vendor(sender: Sender, ring: Keyring, box: Box) -> Vendor:
    """The vendor behind a sender, with its secret opened for this call."""
    if sender.kind == "sandbox":
        return Sandbox(box)
    secret = ring.open_personal(sender.sealed_secret, f"message sender {sender.id}") if sender.sealed_secret else ""
    return ADAPTERS[sender.kind](sender, secret)


def letter(told: Errand, *, is_asked: bool = False) -> Letter:
    """What goes to the vendor; to ask about a message takes none of its values."""
    values = {} if is_asked else messages.ordered(told.template, told.values)
    text = "" if is_asked else messages.render(told.template, told.values)
    return Letter(
        told.message.id, told.to, told.sender.sign_name, told.template.template_id, values, text, told.asked_at,
        told.message.vendor_no,
    )  # fmt: skip


def callback_key(ring: Keyring, sender_id: str) -> str:
    """What a sender's callback address ends in. Vendors do not sign receipts: who knows the address is believed."""
    return ring.identity("message callback", sender_id).hex()


def receipts(pool: Pool, ring: Keyring, path: str, query: str, body: bytes, at: datetime) -> callbacks.Answer:
    """Receipts at `/callbacks/messages/<sender>?key=…`, in every lane."""
    sender_id = path.removeprefix(PREFIX)
    key = parse_qs(query).get("key", [""])[0]
    if not hmac.compare_digest(callback_key(ring, sender_id).encode(), key.encode()):
        return callbacks.Answer(404, "no such sender")
    with pool.transaction() as db:
        sender = messages.sender(db, sender_id)
    reader = READERS.get(sender.kind) if sender is not None else None
    if sender is None or reader is None:
        return callbacks.Answer(404, "no such sender")
    if len(body) > BODY_BYTES_MAX:
        return callbacks.Answer(413, "too large")
    told = reader(body)
    if told is None:
        return callbacks.Answer(400, "not an array of receipts")
    with pool.transaction() as db:
        arrivals = messages.take_receipts(db, sender_id, told, at)
    for one in arrivals:
        observe(one)
    return callbacks.Answer(200, HEARD[sender.kind])


def observe(arrival: Arrival) -> None:
    metrics.PUSH_SECONDS.labels(arrival.kind).observe(arrival.seconds)
