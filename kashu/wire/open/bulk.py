"""Bulk purchases by machine: asked for, followed, fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from kashu import audit, sales
from kashu.audit import Actor, Deed
from kashu.kernel.db import Db, Pool
from kashu.kernel.seal import Keyring
from kashu.kernel.text import sha256_hex
from kashu.sales import Bulk, Purchase, SellRefusal
from kashu.wire.context import Context
from kashu.wire.open.auth import Caller
from kashu.wire.open.messages import BulkAsked, BulkTold, Request, Response, Stretch, answer, fault_of
from kashu.wire.open.problems import problem

RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})\Z", re.ASCII)
_decoder = msgspec.json.Decoder(BulkAsked)


def ask(db: Db, ctx: Context, caller: Caller, request: Request, at: datetime) -> Response:
    """Take a bulk purchase on: 202, and the same again under the same key."""
    try:
        asked = _decoder.decode(request.body)
    except msgspec.ValidationError as error:
        return problem("invalid", fault_of(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return problem("malformed")
    wanted = Purchase(
        caller.account_id, caller.idempotency_key, _same(ctx.ring, request.body), asked.sku, asked.quantity, asked.reference,
        caller.key_id,
    )  # fmt: skip
    actor = Actor("buyer", f"account {caller.account_id}")
    found = sales.ask_bulk(db, ctx.ring, actor, wanted, asked.password, at, file_kind=asked.format)
    return problem(found.value) if isinstance(found, SellRefusal) else answer(told(found), 202)


def _same(ring: Keyring, body: bytes) -> str:
    """What must be the same when a key comes again. Keyed: the body holds a password, which a bare hash would give away."""
    return ring.identity("bulk asked", sha256_hex(body)).hex()


def follow(db: Db, ctx: Context, caller: Caller, request: Request, at: datetime) -> Response:  # noqa: ARG001  # every address takes the same
    """How far a bulk purchase is."""
    found = _mine(db, caller, request.path.rpartition("/")[2])
    return problem("not_found") if found is None else answer(told(found))


def fetch(db: Db, ctx: Context, caller: Caller, request: Request, at: datetime) -> Response:  # noqa: ARG001  # every address takes the same
    """The sealed file, whole or from where a broken download stopped (RFC 9110, one range)."""
    found = _mine(db, caller, request.path.split("/")[-2])
    if found is None:
        return problem("not_found")
    if found.state != "done":
        return problem("not_ready")
    if sales.piece(db, found.id, 0) is None:
        return problem("gone")
    first, last = 0, found.file_bytes - 1
    part = RANGE.match(request.headers.get("range", ""))
    if part is not None:
        first, last = int(part[1]), min(last, int(part[2] or last))
        if first > last:
            return problem("range")
    deed = Deed(
        Actor("buyer", f"account {caller.account_id}"),
        "bulk.fetch",
        "bulk",
        str(found.id),
        after={"key": caller.key_id},
    )
    audit.record(db, [deed], at)
    headers = [("accept-ranges", "bytes"), ("content-disposition", f'attachment; filename="kashu-{found.id}.zip"')]
    if part is not None:
        headers.append(("content-range", f"bytes {first}-{last}/{found.file_bytes}"))
    stretch = Stretch(found.id, first, last - first + 1)
    return Response(206 if part else 200, b"", "application/zip", headers=tuple(headers), stretch=stretch)


def pieces(pool: Pool, stretch: Stretch) -> Iterator[bytes]:
    """The bytes of a stretch, a piece at a time; no transaction outlives a piece."""
    no, skip = divmod(stretch.first, sales.PIECE_BYTES)
    left = stretch.length
    while left > 0:
        with pool.transaction() as db:
            content = sales.piece(db, stretch.bulk_id, no)
        if content is None:  # the file was forgotten meanwhile: the reader sees that bytes are missing
            return
        some = content[skip : skip + left]
        yield some
        no, skip, left = no + 1, 0, left - len(some)


def told(found: Bulk) -> BulkTold:
    """A bulk purchase in the words of the API."""
    done_at = None if found.done_at is None else found.done_at.astimezone(UTC)
    return BulkTold(
        str(found.id), found.code, found.quantity, found.bought, found.spent_fen, found.reference, found.state,
        found.stopped_by, found.file_bytes, found.file_sha256, found.made_at.astimezone(UTC), done_at, found.file_kind,
    )  # fmt: skip


def _mine(db: Db, caller: Caller, text: str) -> Bulk | None:
    try:
        found = sales.bulk(db, UUID(text))
    except ValueError:
        return None
    return found if found is not None and found.account_id == caller.account_id else None
