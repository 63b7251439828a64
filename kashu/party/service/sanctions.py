"""Sanctions by grade (C-15): with reason and term, appealable, ending by the clock; and what they do to a supplier."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kashu.audit import SYSTEM, Actor
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import new_id
from kashu.party import store
from kashu.party.rules import suppliers as rules
from kashu.party.service.moves import Why, no, record, settle, step
from kashu.party.types import NewSanction, Sanction, SupplierRefusal

WORDS_MAX = 2_000


def sanction(db: Db, actor: Actor, party_id: int, new: NewSanction, at: datetime) -> Sanction | SupplierRefusal:
    """Impose a sanction: 警示, 限流, 暂停, 关闭, 黑名单. The supplier's state follows in the same transaction."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is None or found.state == "blacklisted":
        return no(found)
    if found.state not in rules.TRADING and new.grade not in ("warning", "blacklist"):
        return SupplierRefusal.WRONG_STATE
    if not new.ground or not new.reason or not new.evidence:
        return SupplierRefusal.NO_REASON
    refusal = rules.term_refusal(new.grade, new.ends_at, at)
    if refusal is not None:
        return refusal
    made = Sanction(
        new_id(), party_id, new.grade, new.ground, new.reason, new.evidence, at, new.ends_at, new.is_public, "in_force",
        actor.name, None, None, None,
    )  # fmt: skip
    store.add_sanction(db, made)
    why = (new.reason, new.evidence)
    after = {"grade": new.grade, "ground": new.ground, "ends_at": new.ends_at, "is_public": new.is_public}
    record(db, actor, "supplier.sanction", party_id, None, after, why, at)
    settle(db, actor, party_id, why, at)
    return made


def lift(db: Db, actor: Actor, sanction_id: UUID, why: Why, at: datetime) -> SupplierRefusal | None:
    """End a sanction before its term; closing and blacklisting end by an appeal only."""
    assert_in_transaction(db)
    found = _locked(db, sanction_id)
    if found is None or found.state != "in_force" or found.grade in rules.FOR_GOOD:
        return SupplierRefusal.GONE
    if not why[0]:
        return SupplierRefusal.NO_REASON
    if store.is_member(db, found.party_id, actor.name):
        return SupplierRefusal.SAME_PERSON
    _end(db, actor, found, "lifted", why, at)
    return None


def lift_due(db: Db, at: datetime) -> int:
    """End sanctions whose term is over, by the clock; says how many."""
    assert_in_transaction(db)
    ended = 0
    for due in store.over_sanctions(db, at):
        found = _locked(db, due.id)
        if found is not None and found.state == "in_force":
            _end(db, SYSTEM, found, "ended", ("its term is over", found.evidence), at)
            ended += 1
    return ended


def appeal(db: Db, actor: Actor, party_id: int, sanction_id: UUID, words: str, at: datetime) -> SupplierRefusal | None:
    """A supplier says why a sanction is wrong, once at a time; the sanction stands meanwhile."""
    assert_in_transaction(db)
    found = _locked(db, sanction_id)
    if found is None or found.party_id != party_id or found.state != "in_force":
        return SupplierRefusal.GONE
    if not 0 < len(words) <= WORDS_MAX:
        return SupplierRefusal.NO_REASON
    if not store.add_appeal(db, new_id(), sanction_id, words, actor.name, at):
        return SupplierRefusal.TOO_MANY
    record(db, actor, "supplier.appeal", party_id, None, {"sanction": str(sanction_id)}, ("", ""), at)
    return None


def decide_appeal(
    db: Db, actor: Actor, appeal_id: UUID, after: str, why: Why, at: datetime, *, is_alone: bool = False
) -> SupplierRefusal | None:
    """Uphold an appeal, which overturns the sanction, or reject it; not by whoever imposed it, unless they are alone.

    Nor by anybody of the supplier, whoever of them appealed.
    """
    assert_in_transaction(db)
    assert after in ("upheld", "rejected")
    asked = store.appeal(db, appeal_id)
    found = None if asked is None else _locked(db, asked.sanction_id)
    asked = store.appeal(db, appeal_id, lock=True)
    if asked is None or asked.state != "open" or found is None:
        return SupplierRefusal.GONE
    if not why[0]:
        return SupplierRefusal.NO_REASON
    is_own = actor.name == asked.made_by or store.is_member(db, found.party_id, actor.name)
    if is_own or (actor.name == found.imposed_by and not is_alone):
        return SupplierRefusal.SAME_PERSON
    store.decide_appeal(db, appeal_id, after, why[0], actor.name, at)
    told = {"sanction": str(found.id), "state": after}
    record(db, actor, "supplier.appeal.decide", found.party_id, None, told, why, at)
    if after == "upheld" and found.state == "in_force":
        _end(db, actor, found, "overturned", why, at)
    return None


def report_blacklisting(db: Db, actor: Actor, sanction_id: UUID, evidence: str, at: datetime) -> SupplierRefusal | None:
    """Note that the province was told of a blacklisting (C-15)."""
    assert_in_transaction(db)
    found = store.sanction(db, sanction_id)
    if found is None or not evidence or store.report_sanction(db, sanction_id, at) == 0:
        return SupplierRefusal.GONE
    record(
        db, actor, "supplier.blacklist.report", found.party_id, None, {"sanction": str(sanction_id)}, ("", evidence), at
    )
    return None


def _locked(db: Db, sanction_id: UUID) -> Sanction | None:
    """A sanction under its supplier's lock, as it is then."""
    found = store.sanction(db, sanction_id)
    if found is not None:
        store.supplier(db, found.party_id, lock=True)
    return store.sanction(db, sanction_id)


def _end(db: Db, actor: Actor, found: Sanction, state: str, why: Why, at: datetime) -> None:
    store.end_sanction(db, found.id, state, actor.name, at)
    before, after = {"state": "in_force"}, {"sanction": str(found.id), "grade": found.grade, "state": state}
    record(db, actor, "supplier.sanction.end", found.party_id, before, after, why, at)
    if (found.grade, state) == ("close", "overturned"):
        step(db, actor, found.party_id, ("exiting", "suspended"), why, at)
    settle(db, actor, found.party_id, why, at)
