"""Consent, and what persons may ask about their own data (C-50 to C-54)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from kashu import audit
from kashu.audit import SYSTEM, Actor, Deed
from kashu.kernel.clock import biz_date, day_start
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.kernel.text import sha256_hex
from kashu.party import store
from kashu.party.rules.suppliers import months_after
from kashu.party.types import Request, SupplierRefusal

PURPOSES = ("identity_document", "bank_account", "marketing", "age_check", "guardian_identity")
ANSWER_DAYS = 15
RETENTION_MONTHS = 36
ERASE_MAX = 100
WORDS_MAX = 1_000


def give_consent(db: Db, actor: Actor, subject: str, purpose: str, words: str, at: datetime) -> bool:
    """Keep that somebody agreed, for one purpose, to these very words; False where they had already (C-51)."""
    assert_in_transaction(db)
    assert purpose in PURPOSES
    digest = sha256_hex(words)
    is_new = store.give_consent(db, new_id(), subject, purpose, (digest, actor.name), at)
    if is_new:
        after = {"purpose": purpose, "words_sha256": digest}
        audit.record(db, [Deed(actor, "consent.give", "subject", subject, after=after)], at)
    return is_new


def withdraw_consent(db: Db, actor: Actor, subject: str, purpose: str, at: datetime) -> bool:
    """Take a consent back: nothing more is taken under it; what was taken before is kept for its term (C-53, PIPL §15)."""
    assert_in_transaction(db)
    is_done = store.withdraw_consent(db, subject, purpose, at) == 1
    if is_done:
        audit.record(db, [Deed(actor, "consent.withdraw", "subject", subject, after={"purpose": purpose})], at)
    return is_done


def ask_about_data(
    db: Db, ring: Keyring, actor: Actor, person_id: int, kind: str, words: str, at: datetime
) -> Request | SupplierRefusal:
    """A person asks to have their data corrected or deleted; it is answered within 15 days."""
    assert_in_transaction(db)
    assert kind in ("correct", "delete")
    if len(words) > WORDS_MAX or (kind == "correct" and not words):
        return SupplierRefusal.NO_REASON
    made_id = new_id()
    sealed = ring.seal_personal(words, f"request {made_id}")
    made = Request(
        made_id, person_id, kind, sealed, "open", at, at + timedelta(days=ANSWER_DAYS), "", None, None, None, None
    )
    if not store.add_request(db, made):
        return SupplierRefusal.TOO_MANY
    audit.record(db, [Deed(actor, f"person.data.{kind}", "person", str(person_id))], at)
    return made


def decide_deletion(
    db: Db, ring: Keyring, actor: Actor, request_id: UUID, last_trade_on: date | None, at: datetime
) -> Request | SupplierRefusal:
    """Grant a deletion: at once where nothing must be kept, else restricted until three years after the last trade.

    The account is closed either way; what is restricted is stored, and used for nothing (C-54). Nobody decides on a
    request of their own: what has to be kept is somebody else's to say.
    """
    assert_in_transaction(db)
    found = store.request(db, request_id, lock=True)
    if found is None or (found.state, found.kind) != ("open", "delete"):
        return SupplierRefusal.GONE
    if store.is_person(db, found.person_id, actor.name):
        return SupplierRefusal.OWN_REQUEST
    erase_on = None if last_trade_on is None else months_after(last_trade_on, RETENTION_MONTHS) + timedelta(days=1)
    state = "restricted" if erase_on is not None and erase_on > biz_date(at) else "done"
    store.decide_request(db, request_id, state, ("", actor.name), erase_on if state == "restricted" else None, at)
    store.close_person(db, found.person_id, at)
    if state == "done":
        _erase_person(db, ring, found.person_id, at)
    after = {"state": state, "erase_on": erase_on}
    audit.record(db, [Deed(actor, "person.data.decide", "person", str(found.person_id), after=after)], at)
    decided = store.request(db, request_id)
    assert decided is not None
    return decided


def answer_request(
    db: Db, actor: Actor, request_id: UUID, state: str, answer: str, at: datetime
) -> Request | SupplierRefusal:
    """A correction that was made, or any request refused with its reason; never by who made it."""
    assert_in_transaction(db)
    assert state in ("done", "refused")
    found = store.request(db, request_id, lock=True)
    if found is None or found.state != "open" or (found.kind, state) == ("delete", "done"):
        return SupplierRefusal.GONE
    if not answer:
        return SupplierRefusal.NO_REASON
    if store.is_person(db, found.person_id, actor.name):
        return SupplierRefusal.OWN_REQUEST
    store.decide_request(db, request_id, state, (answer, actor.name), None, at)
    told = {"state": state}  # the answer may name them, and the trail forgets nothing
    audit.record(db, [Deed(actor, "person.data.decide", "person", str(found.person_id), after=told)], at)
    return found


def erase_due(db: Db, ring: Keyring, at: datetime) -> list[int]:
    """Erase the persons whose retention is over, by the clock; who they were. What stays is in `purposes.KEPT`."""
    assert_in_transaction(db)
    gone = []
    for one in store.to_erase(db, biz_date(at)):
        store.erased(db, one.id, at)
        _erase_person(db, ring, one.person_id, at)
        audit.record(db, [Deed(SYSTEM, "person.data.erase", "person", str(one.person_id))], at)
        gone.append(one.person_id)
    return gone


def erase_papers_due(db: Db, at: datetime) -> list[int]:
    """Erase what is personal of suppliers that closed three years ago; which they were. Files go with the next sweep.

    The scans of their licences are the register's to erase; what stays of them is in `purposes.KEPT`.
    """
    assert_in_transaction(db)
    before = day_start(months_after(biz_date(at), -RETENTION_MONTHS))
    gone = store.closed_before(db, before, ERASE_MAX)
    for party_id in gone:
        store.erase_papers(db, party_id, SYSTEM.name, at)
        store.erase_words(db, party_id, at)
    audit.record(db, [Deed(SYSTEM, "supplier.papers.erase", "party", str(party_id)) for party_id in gone], at)
    return gone


def forget_invitations(db: Db, at: datetime) -> int:
    """Forget to whom invitations went that nobody can follow any more; says how many."""
    assert_in_transaction(db)
    return store.forget_invitations(db, at, ERASE_MAX)


def _erase_person(db: Db, ring: Keyring, person_id: int, at: datetime) -> None:
    store.forget_invited(db, person_id, ring.identity("mail", store.address_of(db, person_id)), at)
    store.erase_person(db, person_id)
