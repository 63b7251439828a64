from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from kashu.kernel.db import Db, columns, one, rows, run
from kashu.party.types import Message, Webhook

WEBHOOK = "SELECT id, party_id, url, topics, sealed_secret, is_open, made_by, made_at FROM party_webhook"
MESSAGE = """
SELECT id, webhook_id, topic, about, body, state, tries, status, trouble, made_at, tried_at FROM party_webhook_message
"""


def add_webhook(db: Db, new: Webhook) -> None:
    sql = """
    INSERT INTO party_webhook (id, party_id, url, topics, sealed_secret, made_by, made_at) VALUES (%s, %s, %s, %s, %s, %s, %s)
    """
    run(db, sql, [new.id, new.party_id, new.url, new.topics, new.sealed_secret, new.made_by, new.made_at])


def webhook(db: Db, webhook_id: UUID) -> Webhook | None:
    return one(db, Webhook, f"{WEBHOOK} WHERE id = %s", [webhook_id])


def webhooks(db: Db, party_ids: Collection[int]) -> list[Webhook]:
    return rows(db, Webhook, f"{WEBHOOK} WHERE party_id = ANY (%s) ORDER BY made_at, id", [sorted(party_ids)])


def close_webhook(db: Db, webhook_id: UUID, party_id: int) -> int:
    sql = "UPDATE party_webhook SET is_open = false WHERE id = %s AND party_id = %s AND is_open"
    return run(db, sql, [webhook_id, party_id])


def add_messages(db: Db, new: Sequence[tuple[UUID, UUID, str, str, Any]], at: datetime) -> list[UUID]:
    """Write messages (id, webhook, topic, what it is about, body); one that was written before is left out."""
    sql = """
    INSERT INTO party_webhook_message (id, webhook_id, topic, about, body, state, made_at)
    SELECT id, webhook_id, topic, about, body, 'waiting', %s
    FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::jsonb[]) AS new (id, webhook_id, topic, about, body)
    ORDER BY webhook_id, topic, about ON CONFLICT DO NOTHING RETURNING id
    """
    told = [(*one[:4], Jsonb(one[4])) for one in new]
    return [row[0] for row in db.execute(sql, [at, *columns(told)])]


def message(db: Db, message_id: UUID, *, lock: bool = False) -> Message | None:
    return one(db, Message, f"{MESSAGE} WHERE id = %s {'FOR UPDATE' if lock else ''}", [message_id])


def messages(db: Db, webhook_id: UUID, most: int) -> list[Message]:
    return rows(
        db, Message, f"{MESSAGE} WHERE webhook_id = %s ORDER BY made_at DESC, id DESC LIMIT %s", [webhook_id, most]
    )


def tried(db: Db, message_id: UUID, state: str, status: int | None, trouble: str, at: datetime) -> None:
    sql = """
    UPDATE party_webhook_message SET state = %s, tries = tries + 1, status = %s, trouble = %s, tried_at = %s
    WHERE id = %s AND state = 'waiting'
    """
    run(db, sql, [state, status, trouble, at, message_id])


def send_again(db: Db, message_id: UUID) -> int:
    sql = "UPDATE party_webhook_message SET state = 'waiting', tries = 0 WHERE id = %s AND state <> 'waiting'"
    return run(db, sql, [message_id])
