"""People of organisations: invited by a link that ends, let in once, let go at once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from kashu.audit import Actor
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.party import store
from kashu.party.service.keys import revoke_key
from kashu.party.service.moves import no, record
from kashu.party.service.parties import add_member
from kashu.party.types import Invitation, Member, Party, SupplierRefusal

INVITATION_DAYS = 7
INVITATIONS_MAX = 20
JOINED = ("buyer", "supplier")  # whose people come by invitation


def invite(
    db: Db, ring: Keyring, actor: Actor, party_id: int, email: str, at: datetime
) -> tuple[Invitation, str] | SupplierRefusal:
    """Invite somebody to act for an organisation; the token goes into the link, and only its hash is kept."""
    assert_in_transaction(db)
    store.lock_people(db, party_id)
    own = store.party(db, party_id)
    if own is None or own.kind not in JOINED:
        return SupplierRefusal.GONE
    if _is_shut(db, own):
        return no(store.supplier(db, party_id))
    waiting = [one for one in store.invitations(db, party_id) if one.expires_at > at]
    if len(waiting) >= INVITATIONS_MAX:
        return SupplierRefusal.TOO_MANY
    made_id, token = new_id(), secrets.token_urlsafe(32)
    sealed = ring.seal_personal(email, f"invitation {made_id}")
    made = Invitation(made_id, party_id, sealed, actor.name, at, at + timedelta(days=INVITATION_DAYS), None, None)
    store.add_invitation(db, made, ring.identity("mail", email), _hash(token))
    record(db, actor, "party.invite", party_id, None, {"invitation": str(made_id)}, ("", ""), at)
    return made, token


def invitation(db: Db, ring: Keyring, token: str, at: datetime) -> tuple[Invitation, str] | SupplierRefusal:
    """The invitation behind a link, and the address it was sent to; a link that ended opens nothing.

    Nor does one of a supplier that was refused, closed or blacklisted since it was sent.
    """
    found = store.invitation(db, _hash(token))
    own = None if found is None else store.party(db, found.party_id)
    if found is None or found.ended_at is not None or own is None or _is_shut(db, own):
        return SupplierRefusal.GONE
    if at >= found.expires_at:
        return SupplierRefusal.EXPIRED
    return found, ring.open_personal(found.email, f"invitation {found.id}")


def accept_invitation(
    db: Db, ring: Keyring, token: str, person: tuple[int, str], at: datetime, *, session: str = ""
) -> int | SupplierRefusal:
    """Let the invited person, (id, address), act for the organisation: they only, and once; of staff, nobody.

    Wherever else they are signed in ends, but for the session that they come in by: nothing that was open before is open
    for one organisation more.
    """
    assert_in_transaction(db)
    sent = store.invitation(db, _hash(token))
    if sent is not None:
        store.lock_people(db, sent.party_id)  # nobody comes in while it is being barred
    store.invitation(db, _hash(token), lock=True)
    found = invitation(db, ring, token, at)
    if isinstance(found, SupplierRefusal):
        return found
    told, email = found
    if email != person[1]:
        return SupplierRefusal.GONE
    if not store.may_join(db, person[0]):
        return SupplierRefusal.IS_STAFF
    assert store.end_invitation(db, told.id, person[0], at) == 1, "under its lock"
    add_member(db, Actor("person", person[1]), told.party_id, person[0], at)
    store.end_sessions(db, person[0], session)
    return told.party_id


def revoke_invitation(db: Db, actor: Actor, party_id: int, invitation_id: UUID, at: datetime) -> SupplierRefusal | None:
    """A link that was sent opens nothing any more."""
    assert_in_transaction(db)
    if not any(one.id == invitation_id for one in store.invitations(db, party_id)):
        return SupplierRefusal.GONE
    if store.end_invitation(db, invitation_id, None, at) == 0:
        return SupplierRefusal.GONE
    record(db, actor, "party.invite.revoke", party_id, None, {"invitation": str(invitation_id)}, ("", ""), at)
    return None


def remove_member(db: Db, actor: Actor, party_id: int, person_id: int, at: datetime) -> SupplierRefusal | None:
    """An owner lets somebody go: sessions, keys and invitations of theirs end with it, at once."""
    assert_in_transaction(db)
    store.lock_people(db, party_id)  # of two owners who let each other go, one stays
    own = store.member(db, party_id, actor.name)
    if own is None or not own.is_owner:
        return SupplierRefusal.NOT_OWNER
    found = store.member_with(db, party_id, person_id)
    if found is None:
        return SupplierRefusal.GONE
    refusal = _end(db, actor, party_id, found, at)
    if refusal is None:
        store.end_sessions(db, person_id)
    return refusal


def leave_organisation(db: Db, actor: Actor, party_id: int, at: datetime) -> SupplierRefusal | None:
    """Somebody goes of their own will; the last owner stays."""
    assert_in_transaction(db)
    store.lock_people(db, party_id)
    own = store.member(db, party_id, actor.name)
    if own is None:
        return SupplierRefusal.GONE
    refusal = _end(db, actor, party_id, own, at)
    if refusal is None and not store.parties_of(db, own.person_id):
        store.end_sessions(db, own.person_id)
    return refusal


def make_owner(db: Db, actor: Actor, party_id: int, person_id: int, at: datetime) -> SupplierRefusal | None:
    """An owner makes another member one as well, and may then go; the other signs in anew, as with any new role."""
    assert_in_transaction(db)
    store.lock_people(db, party_id)
    own, found = store.member(db, party_id, actor.name), store.member_with(db, party_id, person_id)
    if own is None or not own.is_owner:
        return SupplierRefusal.NOT_OWNER
    if found is None or found.is_owner:
        return SupplierRefusal.GONE
    store.set_owner(db, party_id, {own.person_id, person_id})
    store.end_sessions(db, person_id)
    record(db, actor, "party.member.owner", party_id, None, {"person": person_id}, ("", ""), at)
    return None


def _end(db: Db, actor: Actor, party_id: int, member: Member, at: datetime) -> SupplierRefusal | None:
    """End a membership, with every key that they made for the organisation and every invitation that they sent."""
    if member.is_owner and store.owners_of(db, party_id) == 1:
        return SupplierRefusal.LAST_OWNER
    store.end_member(db, party_id, member.person_id, at)
    keys = [one.id for one in store.api_keys(db, party_id) if one.made_by == member.email and one.is_live(at)]
    for key_id in keys:
        revoke_key(db, actor, key_id, at)
    for one in store.invitations(db, party_id):
        if one.invited_by == member.email:
            revoke_invitation(db, actor, party_id, one.id, at)
    told = {"person": member.person_id, "keys": keys}
    record(db, actor, "party.member.end", party_id, {"is_owner": member.is_owner}, told, ("", ""), at)
    return None


def _is_shut(db: Db, own: Party) -> bool:
    """Whether a supplier lets nobody in any more; of who buys, the purchase account tells, which is not known here."""
    found = store.supplier(db, own.id) if own.kind == "supplier" else None
    return own.kind == "supplier" and (found is None or found.state in ("closed", "blacklisted"))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
