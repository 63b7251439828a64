from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from kashu.kernel.db import Db, columns, one, rows, run, value
from kashu.messages.types import PURPOSES, Message, Receipt, Sender, Template, Try

SENDER = """
SELECT id, kind, channel, title, sign_name, endpoint, region, app, key_id, sealed_secret, place, is_open
FROM messages_sender
"""
TEMPLATE = """
SELECT template.id, template.sender_id, template.purpose, template.template_id, template.text, template.variables,
       template.carries_card, template.state, sender.kind
FROM messages_template AS template JOIN messages_sender AS sender ON sender.id = template.sender_id
"""
MESSAGE = """
SELECT id, purpose, about, channel, sealed, to_identity, to_mask, refs, state, tries, sender_id, vendor_no, since,
       made_at, expires_at, taken_at, sent_at, arrived_at, trouble
FROM messages_message
"""
TRY = "SELECT message_id, number, sender_id, state, vendor_no, asked_at, answered_at, trouble FROM messages_try"
# By the vendor's number, or by ours: then it is the last time that this sender had the message.
TRIES_TOLD = f"""
SELECT DISTINCT ON (told.place) told.place, tried.* FROM unnest(%s::int[], %s::text[], %s::uuid[])
    AS told (place, vendor_no, message_id)
JOIN LATERAL ({TRY} WHERE sender_id = %s AND (vendor_no = told.vendor_no OR message_id = told.message_id)) AS tried
  ON true
ORDER BY told.place, tried.vendor_no = told.vendor_no DESC, tried.number DESC
"""


def senders(db: Db) -> list[Sender]:
    return rows(db, Sender, f"{SENDER} ORDER BY channel DESC, place, id")


def sender(db: Db, sender_id: str) -> Sender | None:
    return one(db, Sender, f"{SENDER} WHERE id = %s", [sender_id])


def keep_sender(db: Db, told: Sender) -> None:
    sql = """
    INSERT INTO messages_sender (id, kind, channel, title, sign_name, endpoint, region, app, key_id, sealed_secret,
                                 place, is_open)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, sign_name = excluded.sign_name,
        endpoint = excluded.endpoint, region = excluded.region, app = excluded.app, key_id = excluded.key_id,
        sealed_secret = excluded.sealed_secret, place = excluded.place, is_open = excluded.is_open
    """
    names = ("id", "kind", "channel", "title", "sign_name", "endpoint", "region", "app", "key_id", "sealed_secret")
    run(db, sql, [*(getattr(told, name) for name in names), told.place, told.is_open])


def templates(db: Db, purpose: str | None = None) -> list[Template]:
    """Those in use: of open senders for a purpose, or all."""
    if purpose is None:
        return rows(db, Template, f"{TEMPLATE} WHERE state = 'approved' ORDER BY sender_id, purpose")
    sql = f"{TEMPLATE} WHERE state = 'approved' AND sender.is_open AND purpose = %s ORDER BY sender.place, sender.id"
    return rows(db, Template, sql, [purpose])


def template(db: Db, template_id: int) -> Template | None:
    return one(db, Template, f"{TEMPLATE} WHERE template.id = %s FOR UPDATE OF template", [template_id])


def latest_template(db: Db, sender_id: str, purpose: str) -> Template | None:
    """The last text a sender had for a purpose, in use or not."""
    sql = f"{TEMPLATE} WHERE sender_id = %s AND purpose = %s ORDER BY template.id DESC LIMIT 1"
    return one(db, Template, sql, [sender_id, purpose])


def add_template(db: Db, told: Template, at: datetime) -> int:
    sql = """
    INSERT INTO messages_template (sender_id, purpose, template_id, text, variables, carries_card, made_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
    """
    params = [told.sender_id, told.purpose, told.template_id, told.text, Jsonb(told.variables), told.carries_card, at]
    found: int = value(db, sql, params)
    return found


def withdraw_templates(db: Db, sender_id: str, purpose: str) -> int:
    sql = """
    UPDATE messages_template SET state = 'withdrawn' WHERE sender_id = %s AND purpose = %s AND state = 'approved'
    """
    return run(db, sql, [sender_id, purpose])


def add(db: Db, new: Message) -> bool:
    """Write a message; one that was written before, for the same purpose about the same thing, is left as it is."""
    sql = """
    INSERT INTO messages_message (id, purpose, about, channel, sealed, to_identity, to_mask, refs, state, since, made_at,
                                  expires_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'queued', %s, %s, %s) ON CONFLICT (purpose, about) DO NOTHING
    """
    told = [new.id, new.purpose, new.about, new.channel, new.sealed, new.to_identity, new.to_mask, Jsonb(new.refs)]
    return run(db, sql, [*told, new.since, new.made_at, new.expires_at]) == 1


def is_written(db: Db, purpose: str, about: str) -> bool:
    sql = "SELECT true FROM messages_message WHERE purpose = %s AND about = %s"
    return value(db, sql, [purpose, about]) is True


def message(db: Db, message_id: UUID, *, lock: bool = False) -> Message | None:
    return one(db, Message, f"{MESSAGE} WHERE id = %s{' FOR UPDATE' if lock else ''}", [message_id])


def about(db: Db, thing: str) -> list[Message]:
    """Every message about one thing, oldest first."""
    sql = f"{MESSAGE} WHERE purpose = ANY (%s) AND about = %s ORDER BY made_at, id"
    return rows(db, Message, sql, [list(PURPOSES), thing])


def receipts_of(db: Db, told: Collection[tuple[str, str]]) -> list[tuple[str, str, bool, datetime, str, datetime]]:
    """What vendors said of these (sender, vendor's number): with whether it arrived, when, its code, and when we heard."""
    sql = """
    SELECT kept.sender_id, kept.vendor_no, kept.has_arrived, kept.at, kept.code, kept.received_at
    FROM messages_receipt AS kept JOIN unnest(%s::text[], %s::text[]) AS told (sender_id, vendor_no)
      ON kept.sender_id = told.sender_id AND kept.vendor_no = told.vendor_no
    ORDER BY kept.received_at, kept.sender_id, kept.vendor_no, kept.has_arrived
    """
    return db.execute(sql, columns(sorted(told), 2)).fetchall()  # type: ignore[return-value]  # six columns


def lock_messages(db: Db, ids: Collection[UUID]) -> dict[UUID, Message]:
    sql = f"{MESSAGE} WHERE id = ANY (%s) ORDER BY id FOR UPDATE"
    return {found.id: found for found in rows(db, Message, sql, [sorted(ids)])}


def lock_number(db: Db, identity: bytes, at: datetime) -> None:
    """One at a time may count what a number was sent, until its transaction ends."""
    sql = """
    INSERT INTO messages_number (identity, last_at) VALUES (%s, %s)
    ON CONFLICT (identity) DO UPDATE SET last_at = excluded.last_at
    """
    run(db, sql, [identity, at])


def taken_since(db: Db, identity: bytes, since: datetime) -> list[tuple[str, datetime]]:
    sql = "SELECT purpose, taken_at FROM messages_message WHERE to_identity = %s AND taken_at > %s"
    return db.execute(sql, [identity, since]).fetchall()  # type: ignore[return-value]  # two columns


def take(db: Db, message_id: UUID, sender_id: str, number: int, at: datetime) -> int:
    """With a sender from now on: what becomes of it is unknown until somebody says."""
    sql = """
    UPDATE messages_message SET state = 'unknown', sender_id = %s, tries = %s, taken_at = coalesce(taken_at, %s),
        vendor_no = '', trouble = ''
    WHERE id = %s AND state = 'queued'
    """
    return run(db, sql, [sender_id, number, at, message_id])


def add_try(db: Db, new: Try) -> None:
    sql = "INSERT INTO messages_try (message_id, number, sender_id, state, asked_at) VALUES (%s, %s, %s, 'unknown', %s)"
    run(db, sql, [new.message_id, new.number, new.sender_id, new.asked_at])


def tries(db: Db, message_id: UUID) -> list[Try]:
    return rows(db, Try, f"{TRY} WHERE message_id = %s ORDER BY number", [message_id])


def tries_told(db: Db, sender_id: str, told: Sequence[Receipt]) -> dict[int, Try]:
    """The try that each receipt speaks of, by the receipt's place."""
    params = [*columns([(n, one.vendor_no, one.message_id) for n, one in enumerate(told)], 3), sender_id]
    return {row[0]: Try(*row[1:]) for row in db.execute(TRIES_TOLD, params)}


def settle_try(db: Db, told: Try) -> int:
    sql = """
    UPDATE messages_try SET state = %s, vendor_no = CASE WHEN vendor_no = '' THEN %s ELSE vendor_no END,
        answered_at = %s, trouble = %s
    WHERE message_id = %s AND number = %s
    """
    return run(
        db, sql, [told.state, told.vendor_no, told.answered_at, told.trouble[:200], told.message_id, told.number]
    )


def move(db: Db, before: Message, after: str, changes: dict[str, Any]) -> int:
    """Move from the state it was read in, with what changes beside it."""
    names = [name for name in ("vendor_no", "sent_at", "arrived_at", "trouble", "sender_id") if name in changes]
    told = "".join(f", {name} = %s" for name in names)
    sql = f"UPDATE messages_message SET state = %s{told} WHERE id = %s AND state = %s"
    return run(db, sql, [after, *(changes[name] for name in names), before.id, before.state])


def note(db: Db, message_id: UUID, trouble: str) -> None:
    run(db, "UPDATE messages_message SET trouble = %s WHERE id = %s", [trouble[:200], message_id])


def keep_receipts(db: Db, sender_id: str, told: Sequence[Receipt], at: datetime) -> None:
    sql = """
    INSERT INTO messages_receipt (sender_id, vendor_no, has_arrived, message_id, at, code, received_at)
    SELECT %s, vendor_no, has_arrived, message_id, at, code, %s
    FROM unnest(%s::text[], %s::boolean[], %s::uuid[], %s::timestamptz[], %s::text[])
        AS told (vendor_no, has_arrived, message_id, at, code)
    ORDER BY vendor_no, has_arrived ON CONFLICT DO NOTHING
    """
    new = [(one.vendor_no, one.has_arrived, one.message_id, one.at, one.code) for one in told]
    run(db, sql, [sender_id, at, *columns(new, 5)])


def receipt_of(db: Db, sender_id: str, vendor_no: str) -> Receipt | None:
    """What was said of a number before we knew whose it was; an arrival counts before a failure."""
    sql = """
    SELECT vendor_no, message_id, has_arrived, at, code FROM messages_receipt
    WHERE sender_id = %s AND vendor_no = %s ORDER BY has_arrived DESC LIMIT 1
    """
    return one(db, Receipt, sql, [sender_id, vendor_no])


def forget(db: Db, before: datetime, most: int) -> int:
    """Numbers and values of messages that are long over."""
    sql = """
    UPDATE messages_message SET sealed = '' WHERE id IN (
        SELECT id FROM messages_message WHERE made_at < %s AND sealed <> '' ORDER BY made_at LIMIT %s FOR UPDATE SKIP LOCKED)
    """
    return run(db, sql, [before, most])


def forget_numbers(db: Db, before: datetime) -> int:
    return run(db, "DELETE FROM messages_number WHERE last_at < %s", [before])


def hold_about(db: Db, things: Sequence[str]) -> None:
    """Lock the messages about these things, in the order in which whoever brings them does."""
    sql = "SELECT FROM messages_message WHERE purpose = ANY (%s) AND about = ANY (%s) ORDER BY id FOR UPDATE"
    run(db, sql, [list(PURPOSES), list(things)])


def purge(db: Db, things: Sequence[str]) -> int:
    """Forget whom messages about these things went to; what still waits is brought to nobody."""
    sql = """
    UPDATE messages_message
    SET sealed = '', to_identity = '', to_mask = '', state = CASE WHEN state = 'queued' THEN 'refused' ELSE state END
    WHERE purpose = ANY (%s) AND about = ANY (%s)
    """
    return run(db, sql, [list(PURPOSES), list(things)])
