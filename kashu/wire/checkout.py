"""A checkout as it comes from a page, in every lane: read, weighed, placed together with others, answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from kashu import cards, sales
from kashu.kernel import clock
from kashu.kernel.db import Pool
from kashu.kernel.seal import Keyring
from kashu.kernel.text import canonical_json
from kashu.party import Holder
from kashu.sales import Answered, Buyer, Checkout, Overspent, Placed, Refusal, Source
from kashu.wire import age, buyers, entry, metrics
from kashu.wire.effort import Effort
from kashu.wire.open.messages import Response

PATH = "/checkout"
BODY_BYTES_MAX = 8_192
FIELDS_MAX = 40
FIELD = "f_"  # what the names of a SKU's own fields begin with on the page
PICK_CHARS_MAX = 64
STATUS = {
    Refusal.NOT_FOR_SALE: 404,
    Refusal.LICENCE_LAPSED: 403,
    Refusal.AGE_UNKNOWN: 403,
    Refusal.MINOR_FORBIDDEN: 403,
    Refusal.MINOR_UNDER_8: 403,
    Refusal.MINOR_ORDER_MAX: 403,
    Refusal.MINOR_MONTH_MAX: 403,
    Refusal.OUT_OF_STOCK: 409,
    Refusal.SELLER_LIMIT: 409,
    Refusal.PICK_TAKEN: 409,
    Refusal.PAGE_CHANGED: 409,
    Refusal.TOO_MANY_UNPAID: 429,
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A checkout at the door: what its form says, and whose browser sent it from where."""

    form: Mapping[str, str]
    device: str
    address: str
    agent: str = ""
    age: str = field(default="", repr=False)  # the token of whoever's age was verified in this browser


def form_of(body: bytes) -> dict[str, str]:
    """The fields of a form; ValueError where it cannot be read."""
    return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict"))


def asked(form: Mapping[str, str], buyer: Buyer, ring: Keyring, agent: str, holder: Holder | None) -> Checkout | None:
    """The checkout that a form asks for; None where it is not whole."""
    try:
        page_hash = bytes.fromhex(form.get("page", ""))
        quantity, surcharge_fen = int(form.get("quantity", "")), int(form.get("surcharge") or "0")
    except ValueError:
        return None
    key, pick = form.get("key", ""), form.get("pick", "")
    if not 8 <= len(key) <= 64 or len(form.get("sku", "")) > 32 or not 0 <= quantity <= 10**6:
        return None
    if len(pick) > PICK_CHARS_MAX or not 0 <= surcharge_fen <= 10**12:
        return None
    filled = {name.removeprefix(FIELD): text for name, text in form.items() if name.startswith(FIELD)}
    if any("\x00" in text for text in form.values()):
        return None
    return Checkout(
        code=form.get("sku", ""),
        quantity=quantity,
        buyer=buyer,
        key=key,
        pay=form.get("pay", "")[:32],
        method=entry.method_of(agent, form.get("pay", "")),
        page_hash=page_hash,
        consent_hash=form.get("consent", "")[:64],
        source=source_of(form),
        pick=cards.tidy_label(pick) or pick,
        surcharge_fen=surcharge_fen,
        form=filled,
        form_mark=ring.identity("checkout form", canonical_json(filled)).hex() if filled else "",
        holder=holder,
    )


def source_of(form: Mapping[str, str]) -> Source:
    """Where this visit came from, as its link says; bounded, and never trusted for a price."""
    named = {
        name: form.get(name, "")[:64].replace("\x00", "")
        for name in ("live_room", "author", "video", "community", "link")
    }
    came_by = "live" if named["live_room"] else "video" if named["video"] else "store"
    return Source(entry=came_by, **named)


def weigh(arrival: Arrival, effort: Effort, ring: Keyring) -> Checkout | Response:
    """The checkout at the door, or what to answer first: a field to mend, or work to do."""
    phone = buyers.tidy_phone(arrival.form.get("phone", ""))
    if not buyers.is_name(arrival.device) or (phone and not buyers.is_phone(phone)):
        return _told(422, refused="incomplete")
    buyer = buyers.buyer(ring, arrival.device, arrival.address, phone)
    holder = age.holder_of(ring, buyer.device, arrival.age, clock.now())
    found = asked(arrival.form, buyer, ring, arrival.agent, holder)
    if found is None:
        return _told(422, refused="incomplete")
    work = to_do(arrival.form, found, effort)
    return found if work is None else _told(429, challenge=work)


def to_do(form: Mapping[str, str], found: Checkout, effort: Effort) -> dict[str, Any] | None:
    """The work this checkout takes first; None in a calm shop, or where it is done."""
    hashes = effort.arrived(found.buyer.address)
    of = f"{found.buyer.device.hex()} {found.key}"
    if not hashes or effort.is_done(form.get("effort", ""), of):
        return None
    return effort.challenge(hashes, of)


def place_all(
    pool: Pool, ring: Keyring, checkouts: Sequence[Checkout], at: datetime, hold_seconds: int
) -> list[Answered]:
    """Place checkouts in one transaction, and count what came of them."""
    with pool.transaction() as db:
        answers = sales.place(db, ring, checkouts, at, hold_seconds)
    for one in answers:
        why = one.refusal if isinstance(one, Overspent) else one
        metrics.ORDERS.labels(
            why.value if isinstance(why, Refusal) else "placed" if isinstance(why, Placed) else "repeated"
        ).inc()
    return answers


def answer(told: Answered) -> Response:
    """Where to go on, or why not; the page has the words."""
    if isinstance(told, Overspent):
        return _told(STATUS[told.refusal], refused=told.refusal.value, fen_max=told.fen_max, left_fen=told.left_fen)
    if isinstance(told, Refusal):
        return _told(STATUS.get(told, 422), refused=told.value)
    return _told(200, go=f"/o/{told.token}/go")


def busy(retry_after: int) -> Response:
    return _told(429, retry_after=retry_after, refused="busy")


def unavailable() -> Response:
    """The database let us down; the same key may be tried again."""
    return _told(503, retry_after=2, refused="busy")


def _told(status: int, retry_after: int | None = None, **told: Any) -> Response:
    return Response(status, msgspec.json.encode(told), retry_after=retry_after)
