"""Redeeming codes of our own by machine: shop tills, booking systems."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from kashu import cards, catalog, sales
from kashu.cards import Redeeming, RedeemRefusal, Redemption
from kashu.kernel.db import Db
from kashu.kernel.paging import encode_cursor
from kashu.wire import attested
from kashu.wire.context import Context
from kashu.wire.open.auth import Caller
from kashu.wire.open.messages import (
    InvalidAsked,
    InvalidTold,
    RedemptionAsked,
    RedemptionsTold,
    RedemptionTold,
    Request,
    Response,
    UndoAsked,
    answer,
    fault_of,
)
from kashu.wire.open.problems import problem
from kashu.wire.open.reads import BadQueryError, page_of, query_of

RETRY_SECONDS = 3_600
Shape = TypeVar("Shape", bound=Struct)
_asked, _undo = msgspec.json.Decoder(RedemptionAsked), msgspec.json.Decoder(UndoAsked)
_invalid = msgspec.json.Decoder(InvalidAsked)


def redeem(db: Db, ctx: Context, caller: Caller, request: Request, at: datetime) -> Response:
    """Redeem a code: 201, and the same again under the same key."""
    asked = _read(_asked, request)
    if isinstance(asked, Response):
        return asked
    if asked.redeemed_at is not None and asked.redeemed_at.tzinfo is None:
        return problem("invalid", "redeemed_at says its zone (RFC 3339)")
    told = attested.redeem(ctx, db, _redeeming(caller, asked.code, asked.place, asked.redeemed_at), at)
    return _answer(db, told, 201)


def undo(db: Db, ctx: Context, caller: Caller, request: Request, at: datetime) -> Response:
    """Undo a redemption."""
    asked = _read(_undo, request)
    if isinstance(asked, Response):
        return asked
    return _answer(db, attested.undo_redemption(ctx, db, _redeeming(caller, asked.code), at), 200)


def call_invalid(db: Db, ctx: Context, caller: Caller, request: Request, at: datetime) -> Response:
    """Say of a code that it is no good: 201, and the same again."""
    asked = _read(_invalid, request)
    if isinstance(asked, Response):
        return asked
    if not asked.reason.strip():
        return problem("invalid", "reason is empty")
    told = sales.call_invalid(db, ctx.ring, _redeeming(caller, asked.code, asked.place), asked.reason.strip(), at)
    if isinstance(told, RedeemRefusal):
        return _refused(told)
    code = catalog.codes(db, {told.sku_id})[told.sku_id]
    return answer(InvalidTold(str(told.id), code, told.place, told.reason, told.told_at.astimezone(UTC)), 201)


def listed(db: Db, ctx: Context, caller: Caller, request: Request, at: datetime) -> Response:  # noqa: ARG001  # every address takes the same
    """The organisation's redemptions, the newest first."""
    limit, after = page_of(query_of(request, "limit", "after"), 2)
    try:
        before = (datetime.fromisoformat(str(after[0])), UUID(str(after[1]))) if after else None
    except ValueError:
        raise BadQueryError("after is not a cursor of ours") from None
    if before is not None and before[0].tzinfo is None:
        raise BadQueryError("after is not a cursor of ours")
    found = cards.redemptions(db, caller.party_id, before, limit + 1)
    codes = catalog.codes(db, {one.sku_id for one in found})
    last = found[limit - 1] if len(found) > limit else None
    following = None if last is None else encode_cursor(last.told_at.isoformat(), str(last.id))
    return answer(RedemptionsTold([_told(one, codes) for one in found[:limit]], following))


def _read(decoder: msgspec.json.Decoder[Shape], request: Request) -> Shape | Response:
    try:
        return decoder.decode(request.body)
    except msgspec.ValidationError as error:
        return problem("invalid", fault_of(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return problem("malformed")


def _redeeming(caller: Caller, code: str, place: str = "", redeemed_at: datetime | None = None) -> Redeeming:
    by = f"key {caller.key_id}"
    return Redeeming(caller.party_id, code.strip().upper(), caller.idempotency_key, by, place, redeemed_at)


def _answer(db: Db, told: Redemption | RedeemRefusal, status: int) -> Response:
    if isinstance(told, RedeemRefusal):
        return _refused(told)
    return answer(_told(told, catalog.codes(db, {told.sku_id})), status)


def _refused(why: RedeemRefusal) -> Response:
    return problem(why.value, retry_after=RETRY_SECONDS if why is RedeemRefusal.TOO_OFTEN else None)


def _told(one: Redemption, codes: dict[int, str]) -> RedemptionTold:
    undone_at = None if one.undone_at is None else one.undone_at.astimezone(UTC)
    instants = (one.redeemed_at.astimezone(UTC), one.told_at.astimezone(UTC))
    return RedemptionTold(str(one.id), codes[one.sku_id], one.place, *instants, undone_at)
