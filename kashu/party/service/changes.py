"""Public data that changes, and suppliers that cannot be reached: declared, verified, published, reminded (C-13)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kashu import messages
from kashu.audit import Actor
from kashu.kernel.clock import biz_date, day_end, plus_working_days, working_deadline
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.messages import Draft
from kashu.party import store
from kashu.party.rules import changes as rules
from kashu.party.rules import numbers
from kashu.party.rules.suppliers import TRADING
from kashu.party.service.moves import Why, record
from kashu.party.types import Change, ChangeRefusal, NewChange, Unreached

PUBLIC = (*TRADING, "exiting")  # who sells, or has sold a moment ago, is shown to buyers


def declare_change(db: Db, actor: Actor, party_id: int, new: NewChange, at: datetime) -> Change | ChangeRefusal:
    """A supplier tells what of its public data changed, and when. Later than three working days is marked, and taken."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is None:
        return ChangeRefusal.NO_SUCH_SUPPLIER
    if found.state not in PUBLIC:
        return ChangeRefusal.WRONG_STATE
    own = store.party(db, party_id)
    assert own is not None
    refusal = rules.change_refusal(own, new, at)
    if refusal is not None:
        return refusal
    if new.name not in ("", own.name) and store.is_name_taken(db, new.name):
        return ChangeRefusal.NAME_TAKEN
    made = Change(
        new_id(), party_id, new.name, new.address, new.contact, new.happened_on, rules.is_late(new.happened_on, at),
        "declared", actor.name, at, working_deadline(at, rules.VERIFY_DAYS), "", "", None, None,
    )  # fmt: skip
    if not store.add_change(db, made):
        return ChangeRefusal.OPEN_ALREADY
    after = {"change": str(made.id), "happened_on": new.happened_on, "is_late": made.is_late}
    record(db, actor, "supplier.change", party_id, None, after, ("", ""), at)
    return made


def decide_change(
    db: Db, ring: Keyring, actor: Actor, change_id: UUID, after: str, why: Why, at: datetime
) -> Change | ChangeRefusal:
    """Publish what was verified, or refuse it with a reason; until then the old data stands.

    A phone that is published is a mark of the supplier from then on, as that of its application is (C-15).
    """
    assert_in_transaction(db)
    found = _change(db, change_id)
    if found is None or not rules.CHANGE.allows(found.state, after):
        return ChangeRefusal.GONE
    if not why[0] or (after == "published" and not why[1]):
        return ChangeRefusal.NO_REASON
    if store.is_member(db, found.party_id, actor.name):
        return ChangeRefusal.SAME_PERSON
    own = store.party(db, found.party_id)
    assert own is not None
    is_renamed = found.name not in ("", own.name)
    if after == "published" and is_renamed and store.is_name_taken(db, found.name):
        return ChangeRefusal.NAME_TAKEN
    phone = numbers.phone_in(found.contact) if after == "published" else ""
    if phone and store.is_barred(db, "phone", ring.identity("phone", phone), found.party_id):
        return ChangeRefusal.BLACKLISTED
    store.decide_change(db, change_id, after, (why[0], why[1], actor.name), at)
    if after == "published":
        store.publish(db, found)
        if phone:
            store.add_mark(db, found.party_id, "phone", ring.identity("phone", phone))
    told = {"name": found.name, "address": found.address, "contact": found.contact}
    now = {"state": after, "change": str(change_id), "changed": sorted(filter(told.get, told))}
    record(db, actor, f"supplier.change.{after}", found.party_id, {"state": "declared"}, now, why, at)
    decided = store.change(db, change_id)
    assert decided is not None
    return decided


def note_unreached(
    db: Db, actor: Actor, party_id: int, authority: str, evidence: str, at: datetime
) -> Unreached | ChangeRefusal:
    """An authority says that a supplier cannot be reached: it is to be reminded within five working days."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is None:
        return ChangeRefusal.NO_SUCH_SUPPLIER
    if not authority or not evidence:
        return ChangeRefusal.NO_REASON
    if len(authority) > rules.TEXT_CHARS_MAX:
        return ChangeRefusal.TOO_LONG
    due_at = working_deadline(at, rules.REMIND_DAYS)
    made = Unreached(
        new_id(), party_id, authority, evidence, "noted", actor.name, at, due_at, None, None, None, "", None, None, None,
        None,
    )  # fmt: skip
    if not store.add_unreached(db, made):
        return ChangeRefusal.OPEN_ALREADY
    after = {"notice": str(made.id), "authority": authority, "remind_by": due_at}
    record(db, actor, "supplier.unreached", party_id, None, after, ("", evidence), at)
    return made


def remind(db: Db, ring: Keyring, actor: Actor, notice_id: UUID, at: datetime) -> Unreached | ChangeRefusal:
    """Remind a supplier, in its portal and by a message to each of its people, to put its public data right."""
    assert_in_transaction(db)
    found = _unreached(db, notice_id)
    if found is None or not rules.UNREACHED.allows(found.state, "reminded"):
        return ChangeRefusal.GONE
    own, last_day = store.party(db, found.party_id), plus_working_days(biz_date(at), rules.ANSWER_DAYS)
    assert own is not None
    answer_by = day_end(last_day)
    store.note_reminded(db, notice_id, actor.name, at, answer_by)
    values = {"name": own.name, "by": last_day.isoformat()}
    people = store.members(db, found.party_id)
    told = [Draft("reminder", f"{notice_id}:{place}", to, values) for place, to in enumerate(people)]
    messages.write(db, ring, told, at)
    after = {"notice": str(notice_id), "answer_by": answer_by, "people": len(people)}
    record(db, actor, "supplier.unreached.remind", found.party_id, None, after, ("", ""), at)
    return _again(db, notice_id)


def answer_unreached(
    db: Db, actor: Actor, party_id: int, notice_id: UUID, words: str, at: datetime
) -> Unreached | ChangeRefusal:
    """A supplier says how it is reached; what of its data changed it declares besides."""
    assert_in_transaction(db)
    found = _unreached(db, notice_id)
    if found is None or found.party_id != party_id or not rules.UNREACHED.allows(found.state, "answered"):
        return ChangeRefusal.GONE
    if not words:
        return ChangeRefusal.NO_REASON
    if len(words) > rules.WORDS_CHARS_MAX:
        return ChangeRefusal.TOO_LONG
    store.note_answered(db, notice_id, words, actor.name, at)
    record(db, actor, "supplier.unreached.answer", party_id, None, {"notice": str(notice_id)}, ("", ""), at)
    return _again(db, notice_id)


def settle_unreached(db: Db, actor: Actor, notice_id: UUID, why: Why, at: datetime) -> Unreached | ChangeRefusal:
    """Close a notice: reached again, or sanctioned; a reason says which, with evidence."""
    assert_in_transaction(db)
    found = _unreached(db, notice_id)
    if found is None or not rules.UNREACHED.allows(found.state, "settled"):
        return ChangeRefusal.GONE
    if not why[0] or not why[1]:
        return ChangeRefusal.NO_REASON
    if store.is_member(db, found.party_id, actor.name):
        return ChangeRefusal.SAME_PERSON
    store.note_settled(db, notice_id, actor.name, at)
    told = ({"state": found.state}, {"notice": str(notice_id), "state": "settled"})
    record(db, actor, "supplier.unreached.settle", found.party_id, *told, why, at)
    return _again(db, notice_id)


def _change(db: Db, change_id: UUID) -> Change | None:
    """A change under its supplier's lock, as it is then: a name is taken by one of two."""
    found = store.change(db, change_id)
    if found is not None:
        store.supplier(db, found.party_id, lock=True)
    return store.change(db, change_id, lock=True)


def _unreached(db: Db, notice_id: UUID) -> Unreached | None:
    return store.unreached(db, notice_id, lock=True)


def _again(db: Db, notice_id: UUID) -> Unreached:
    found = store.unreached(db, notice_id)
    assert found is not None
    return found
