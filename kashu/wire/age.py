"""A guest's age, as a lane learns it: asked of the institution outside any transaction, kept in the guest's own browser.

What the browser keeps is sealed to that browser and good for an hour: who it was, as an id that means nothing elsewhere,
and a minor's birthday. On another device it is nothing, and so is whatever was not made by us.
"""

from __future__ import annotations

import base64
import json
import struct
import threading
from datetime import date, datetime, timedelta
from uuid import UUID

from kashu import party
from kashu.kernel import clock
from kashu.kernel.seal import Keyring, SealBrokenError
from kashu.kernel.text import canonical_json
from kashu.party import AgeCheck, AgeRefusal, Holder, Query
from kashu.wire.context import Context
from kashu.wire.registry import ask
from kashu.wire.signed import CallError

COOKIE = "kashu_age"
SECONDS = 3_600
TOKEN_CHARS_MAX = 400
ASKED_AT_ONCE = 2  # a slow institution holds no more of the web lane's few threads than that
_UNDER_WAY = threading.BoundedSemaphore(ASKED_AT_ONCE)


def token(ring: Keyring, device: bytes, holder: Holder, at: datetime) -> str:
    """What a browser shows for an hour instead of a name and a number."""
    told = {
        "holder": str(holder.id),
        "born_on": holder.born_on.isoformat() if holder.born_on else "",
        "until": int((at + timedelta(seconds=SECONDS)).timestamp()),
    }
    return base64.urlsafe_b64encode(ring.seal_personal(canonical_json(told), _place(device))).rstrip(b"=").decode()


def holder_of(ring: Keyring, device: bytes, told: str, at: datetime) -> Holder | None:
    """Whom a token was made for; None for one of another browser, of an hour ago, or of nobody's making."""
    if not told or len(told) > TOKEN_CHARS_MAX:
        return None
    try:
        sealed = base64.b64decode(told + "=" * (-len(told) % 4), altchars=b"-_", validate=True)
        found = json.loads(ring.open_personal(sealed, _place(device)))
    except (SealBrokenError, ValueError, struct.error):
        return None
    if at.timestamp() >= found["until"]:
        return None
    return Holder(UUID(found["holder"]), date.fromisoformat(found["born_on"]) if found["born_on"] else None)


def verify(ctx: Context, check: AgeCheck) -> Holder | AgeRefusal:
    """Ask who this is: the intent is committed first, the answer noted afterwards, and no transaction waits meanwhile."""
    with ctx.pool.transaction() as db:
        asked = party.ask_age(db, ctx.ring, check, clock.now())
    if isinstance(asked, AgeRefusal):
        return asked
    answer = _answer(ctx, asked)
    with ctx.pool.transaction() as db:
        return party.note_age(db, ctx.ring, check, asked, answer, clock.now())


def _answer(ctx: Context, asked: Query) -> tuple[str, str]:
    """What the institution said, with the hash of its answer; without one nothing is known."""
    if ctx.registry is None or not _UNDER_WAY.acquire(blocking=False):
        return party.UNANSWERED, ""
    try:
        answer = ask(ctx.registry, asked)
    except CallError:
        return party.UNANSWERED, ""
    finally:
        _UNDER_WAY.release()
    return answer.state.value, answer.evidence


def _place(device: bytes) -> str:
    return f"age of {device.hex()}"
