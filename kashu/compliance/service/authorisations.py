"""Chains of authorisation: taken down, verified link by link, revoked with all that hangs on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from kashu import audit, party
from kashu.audit import Actor, Deed
from kashu.compliance import rules, store
from kashu.compliance.types import Authorisation, AuthorisationRefusal, Context, GoodsClass
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction

REVIEWERS_OF_SHUT = 2
LEAVING = ("exiting", "closed", "blacklisted")
WAITING_MAX = 20  # papers that a supplier itself has handed in and that nobody has decided yet


def register(db: Db, actor: Actor, new: Authorisation, at: datetime) -> Authorisation | AuthorisationRefusal:
    """Take a link down for review. It is at most what it hangs on: goods, territory, dates, the right to resell."""
    assert_in_transaction(db)
    if is_leaving(db, actor, new.grantee_id):
        return AuthorisationRefusal.LEAVING
    if party.is_member(db, new.grantee_id, actor.name) and store.waiting(db, new.grantee_id) >= WAITING_MAX:
        return AuthorisationRefusal.TOO_MANY
    parent = None if new.parent_id is None else store.authorisation(db, new.parent_id, lock=True)
    if new.parent_id is not None and (parent is None or parent.state != "verified"):
        return AuthorisationRefusal.NO_SUCH_PARENT
    if not new.goods or not set(new.goods) <= {one.code for one in store.goods(db)}:
        return AuthorisationRefusal.UNKNOWN_GOODS
    refusal = rules.beyond(new, parent)
    if refusal is not None:
        return refusal
    taken = store.add_authorisation(db, replace(new, made_by=actor.name), at)
    after = {"brand": new.brand, "grantor": new.grantor, "parent": new.parent_id, "valid_to": new.valid_to}
    audit.record(db, [Deed(actor, "authorisation.register", "authorisation", str(taken), after=after)], at)
    return _seen(db, taken)


def is_leaving(db: Db, actor: Actor, party_id: int) -> bool:
    """Whether a paper is not taken because its holder leaves or has left; for what is still to be fulfilled, staff may bring one."""
    standing = party.supplier(db, party_id)
    if standing is None or standing.state not in LEAVING:
        return False
    return standing.state != "exiting" or party.is_member(db, party_id, actor.name)


def decide(
    db: Db, actor: Actor, authorisation_id: int, *, is_good: bool, reason: str, at: datetime, is_alone: bool = False
) -> Authorisation | AuthorisationRefusal:
    """Verify a link, or reject it. Not by whoever took it down; where it opens goods that are shut, by two, never alone.

    A sole operator (solo mode, and `is_alone`) decides alone, after the wait that was chosen at set-up. What it hangs on
    is held meanwhile: a link is not verified under one that has been revoked since.
    """
    assert_in_transaction(db)
    store.lock_chain(db, authorisation_id)
    found = store.authorisation(db, authorisation_id)
    if found is None:
        return AuthorisationRefusal.NO_SUCH_AUTHORISATION
    if found.state != "in_review":
        return AuthorisationRefusal.WRONG_STATE
    if not reason.strip():
        return AuthorisationRefusal.NO_REASON
    if not is_good:
        store.decide(db, found.id, "rejected", reason)
        return _told(db, actor, found, "rejected", reason, at)
    house = party.platform(db)
    assert found.made_at is not None
    alone = house.is_solo and is_alone and at >= found.made_at + timedelta(seconds=house.solo_wait_seconds)
    shut = {one.code for one in store.goods(db) if one.is_shut} & set(found.goods)
    if shut and house.is_solo:
        return AuthorisationRefusal.NEVER_ALONE
    is_own = party.is_member(db, found.grantee_id, actor.name)
    if is_own or actor.name in found.reviewed_by or (actor.name == found.made_by and not alone):
        return AuthorisationRefusal.SAME_PERSON
    if found.file_sha256 is None:
        return AuthorisationRefusal.NO_FILE
    chain = store.chain(db, found.id)
    if any(above.state != "verified" for above in chain[:-1]):
        return AuthorisationRefusal.NO_SUCH_PARENT
    store.note_reviewer(db, found.id, actor.name)
    if shut and len(found.reviewed_by) + 1 < REVIEWERS_OF_SHUT:
        return _told(db, actor, found, "in_review", reason, at)
    opens = bool(shut) and all(rules.opens_coins(store.chain(db, found.id), goods) for goods in shut)
    store.decide(db, found.id, "verified", reason, opens_shut=opens)
    return _told(db, actor, found, "verified", reason, at)


def papers(db: Db, seller_id: int, goods: str | None, at: datetime) -> Context:
    """The class of goods of a kind, and what a seller's papers say for those that are shut: nothing, unless a chain from
    the issuer opens them."""
    classes = {one.code: GoodsClass(one.class_) for one in store.goods(db)}
    bare = Context(goods_class=classes.get(goods or "", GoodsClass.ENTITLEMENT))
    link_id = store.opening(db, seller_id, goods, biz_date(at)) if goods in store.OPENABLE else None
    if link_id is None:
        return bare
    chain = store.chain(db, link_id)
    return replace(
        bare,
        is_rooted_in_issuer=chain[0].is_issuer,
        allows_resale=all(link.may_resell for link in chain),
        verified_by=frozenset(chain[-1].reviewed_by),
        is_solo=party.platform(db).is_solo,
    )


def revoke(
    db: Db, actor: Actor, authorisation_id: int, reason: str, at: datetime, last_day: date | None = None
) -> list[int] | AuthorisationRefusal:
    """Revoke a link and everything below it, in one statement: no card under any of them is for sale any more.

    `last_day` is the last on which it held: today, unless the grantor ended it earlier; the day before it began, where it
    never held. What was bought after that day is recalled (§2.3). What was revoked already may turn out to have ended earlier.
    """
    assert_in_transaction(db)
    if not reason.strip():
        return AuthorisationRefusal.NO_REASON
    day = biz_date(at)
    held = store.authorisation(
        db, authorisation_id, lock=True
    )  # a statement of its own: the next one sees what was verified meanwhile
    if held is None:
        return AuthorisationRefusal.NO_SUCH_AUTHORISATION
    is_earlier = held.revoked_on is not None and last_day is not None and last_day < held.revoked_on
    if held.state != "verified" and not is_earlier:
        return AuthorisationRefusal.WRONG_STATE
    if last_day is not None and not held.valid_from - timedelta(days=1) <= last_day <= day:
        return AuthorisationRefusal.WRONG_DAY
    fallen = store.revoke(db, authorisation_id, last_day or day, reason)
    after = {"with": authorisation_id, "last_day": last_day or day}
    deeds = [
        Deed(actor, "authorisation.revoked", "authorisation", str(one), after=after, reason=reason)
        for one in sorted(fallen)
    ]
    audit.record(db, deeds, at)
    return sorted(fallen)


def _told(db: Db, actor: Actor, found: Authorisation, after: str, reason: str, at: datetime) -> Authorisation:
    if after != found.state:
        rules.AUTHORISATION.check(found.state, after)
    told = ({"state": found.state}, {"state": after})
    audit.record(db, [Deed(actor, f"authorisation.{after}", "authorisation", str(found.id), *told, reason)], at)
    return _seen(db, found.id)


def _seen(db: Db, authorisation_id: int) -> Authorisation:
    found = store.authorisation(db, authorisation_id)
    assert found is not None
    return found
