"""The short link in a message: who holds the phone opens the order on it, once, in one browser."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from kashu import audit
from kashu.audit import SYSTEM, Actor, Deed
from kashu.kernel import limits
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import TOKEN_BYTES
from kashu.kernel.seal import Keyring
from kashu.sales import store
from kashu.sales.types import Buyer, Link, LinkRefusal, Order

LINK_SECONDS = 86_400
LINK_KEPT_DAYS = 30  # after its end, so that a late visitor is told that it has ended
LINK_CHARS = 22
LINKS_PER_MINUTE, LINKS_ADDRESS_PER_MINUTE = 10, 100  # of a device; of an address, which a carrier gives to many
FORGET_MAX = 1_000


def make_link(db: Db, ring: Keyring, order: Order, at: datetime) -> str:
    """A token of 128 bits for the phone of an order. It is handed out here and kept nowhere but in the message."""
    assert_in_transaction(db)
    assert order.phone_identity is not None, "a link is for a phone"
    token = secrets.token_urlsafe(TOKEN_BYTES)
    new = Link(order.pool_id, order.id, order.phone_identity, at, at + timedelta(seconds=LINK_SECONDS), None, None)
    store.keep_link(db, _hash(ring, token), new)
    after = {"to": f"****{order.phone_tail}", "expires_at": new.expires_at}
    audit.record(db, [Deed(SYSTEM, "order.link", "order", str(order.id), after=after, pool_id=order.pool_id)], at)
    return token


def open_link(db: Db, ring: Keyring, token: str, who: Buyer, at: datetime) -> Order | LinkRefusal:
    """Give this browser the order of a link, if it is the first to ask. The same browser may come again.

    Only a deliberate act calls this (a POST): whatever looks at links before their reader does must not use them up.
    """
    assert_in_transaction(db)
    bounds = ((who.device, LINKS_PER_MINUTE), (who.address, LINKS_ADDRESS_PER_MINUTE))
    within = [limits.allow(db, f"link:{of.hex()}", at, most=most, seconds=60) for of, most in bounds]  # each one counts
    if not all(within):
        return LinkRefusal.TOO_OFTEN
    hashed = _hash(ring, token[:LINK_CHARS])
    found = store.link(db, hashed, lock=True) if len(token) == LINK_CHARS else None
    if found is None:
        return LinkRefusal.NO_SUCH_LINK
    order = store.orders(db, [(found.pool_id, found.order_id)], lock=True)[found.order_id]
    assert order.phone_identity == found.phone_identity, "an order keeps its phone"
    if found.device != who.device:
        refusal = LinkRefusal.USED if found.used_at is not None else None
        refusal = LinkRefusal.EXPIRED if refusal is None and at >= found.expires_at else refusal
        verb = "order.link_refused" if refusal is not None else "order.link_opened"
        reason = refusal.value if refusal is not None else ""
        actor = Actor("buyer", who.device.hex()[:12])
        audit.record(db, [Deed(actor, verb, "order", str(order.id), reason=reason, pool_id=order.pool_id)], at)
        if refusal is not None:
            return refusal
        assert store.use_link(db, hashed, who.device, at) == 1, "locked"
        store.grant(db, [(order.pool_id, order.id)], [who.device], "link", at)
        store.list_for(db, who.device, [(order.pool_id, order.id)])
    return order


def forget_links(db: Db, at: datetime) -> int:
    """Links that ended long ago, and codes, some at a time; says how many."""
    assert_in_transaction(db)
    before = at - timedelta(days=LINK_KEPT_DAYS)
    return store.forget_links(db, before, FORGET_MAX) + store.forget_codes(db, before, FORGET_MAX)


def _hash(ring: Keyring, token: str) -> bytes:
    return ring.identity("order link", token)
