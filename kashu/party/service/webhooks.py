"""Webhooks as Standard Webhooks has them: signed, tried again with growing gaps, sent again on demand, kept in a log."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.party import store
from kashu.party.types import TOPICS, Message, Webhook, WebhookRefusal

WEBHOOKS_MAX = 10
GAPS_SECONDS = (
    5,
    30,
    120,
    600,
    1_800,
    7_200,
    18_000,
    36_000,
    36_000,
)  # then it is given up; the portal can send it again


def add_webhook(
    db: Db, ring: Keyring, actor: Actor, told: tuple[int, str, Collection[str]], at: datetime, *, needs_https: bool
) -> tuple[Webhook, str] | WebhookRefusal:
    """A new address for (organisation, URL, topics), and the secret its messages are signed with, shown this once."""
    assert_in_transaction(db)
    party_id, url, topics = told
    if not topics or not set(topics) <= set(TOPICS):
        return WebhookRefusal.WRONG_TOPIC
    if not _is_fit(url, needs_https=needs_https):
        return WebhookRefusal.WRONG_URL
    if sum(one.is_open for one in store.webhooks(db, [party_id])) >= WEBHOOKS_MAX:
        return WebhookRefusal.TOO_MANY
    webhook_id, secret = new_id(), f"whsec_{base64.b64encode(os.urandom(32)).decode()}"
    sealed = ring.seal_personal(secret, f"webhook {webhook_id}")
    new = Webhook(webhook_id, party_id, url, sorted(topics), sealed, True, actor.name, at)
    store.add_webhook(db, new)
    after = {"party": party_id, "url": url, "topics": new.topics}
    audit.record(db, [Deed(actor, "webhook.add", "webhook", str(webhook_id), after=after)], at)
    return new, secret


def close_webhook(db: Db, actor: Actor, party_id: int, webhook_id: UUID, at: datetime) -> WebhookRefusal | None:
    """Send nothing more to this address."""
    assert_in_transaction(db)
    if store.close_webhook(db, webhook_id, party_id) == 0:
        return WebhookRefusal.NO_SUCH_WEBHOOK
    audit.record(db, [Deed(actor, "webhook.close", "webhook", str(webhook_id))], at)
    return None


def announce(db: Db, news: Sequence[tuple[int, str, str, Mapping[str, Any]]], at: datetime) -> int:
    """Write messages for whoever listens: (organisation, topic, what it is about, data). A repeat writes none."""
    assert_in_transaction(db)
    listeners = store.webhooks(db, {party_id for party_id, *_ in news})
    new = [
        (new_id(), hook.id, topic, about, {"type": topic, "timestamp": at.isoformat(), "data": dict(data)})
        for party_id, topic, about, data in news
        for hook in listeners
        if hook.party_id == party_id and hook.is_open and topic in hook.topics
    ]
    written = store.add_messages(db, new, at) if new else []
    tell(db, [Fact("webhook.send", {"message_id": one}) for one in written], at)
    return len(written)


def tried(db: Db, message_id: UUID, status: int | None, trouble: str, at: datetime, *, is_last: bool = False) -> None:
    """Record a try: delivered by any 2xx, else tried again later (unless it was the last), else given up."""
    assert_in_transaction(db)
    found = store.message(db, message_id, lock=True)
    if found is None or found.state != "waiting":
        return
    is_done = status is not None and 200 <= status < 300
    again = not is_done and not is_last and found.tries < len(GAPS_SECONDS)
    store.tried(db, message_id, "delivered" if is_done else "waiting" if again else "given_up", status, trouble, at)
    if again:
        due_at = at + timedelta(seconds=GAPS_SECONDS[found.tries])
        tell(db, [Fact("webhook.send", {"message_id": message_id}, due_at=due_at)], at)


def send_again(db: Db, actor: Actor, party_id: int, message_id: UUID, at: datetime) -> WebhookRefusal | None:
    """Send a message once more, with the same id, so that who has it can tell."""
    assert_in_transaction(db)
    found = store.message(db, message_id)
    hook = store.webhook(db, found.webhook_id) if found is not None else None
    if hook is None or hook.party_id != party_id or store.send_again(db, message_id) == 0:
        return WebhookRefusal.NO_SUCH_WEBHOOK
    audit.record(db, [Deed(actor, "webhook.again", "webhook", str(hook.id), after={"message": str(message_id)})], at)
    tell(db, [Fact("webhook.send", {"message_id": message_id})], at)
    return None


def signed(secret: str, message: Message, body: bytes, at: datetime) -> dict[str, str]:
    """The headers of a message (Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`)."""
    stamp = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    told = hmac.digest(key, f"{message.id}.{stamp}.".encode() + body, hashlib.sha256)
    signature = base64.b64encode(told).decode()
    return {"webhook-id": str(message.id), "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}


def _is_fit(url: str, *, needs_https: bool) -> bool:
    try:
        told = urlsplit(url)
        (told.hostname or "").encode("idna")
        is_fit = bool(told.hostname) and told.username is None and (told.port is None or told.port > 0)
    except ValueError:
        return False
    return is_fit and 10 <= len(url) <= 500 and url.isascii() and url.isprintable() and " " not in url \
        and told.scheme in (("https",) if needs_https else ("https", "http"))  # fmt: skip
