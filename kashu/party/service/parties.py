from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.kernel.db import Db, assert_in_transaction
from kashu.party import store
from kashu.party.types import Party, Platform


def open_party(db: Db, actor: Actor, party: Party, at: datetime) -> Party:
    """Take in an organisation under its registered name, which nobody else has; the given id is ignored."""
    opened = enter(db, actor, party, at)
    assert opened is not None, "names are looked at before"
    return opened


def enter(db: Db, actor: Actor, party: Party, at: datetime) -> Party | None:
    """The same for one whose name somebody else may take at this moment; None where they did."""
    assert_in_transaction(db)
    party_id = store.add_party(db, party, at)
    if party_id is None:
        return None
    opened = replace(party, id=party_id)
    is_person = party.kind == "supplier" and not party.uscc  # whose name the trail could never forget
    after = {"name": "" if is_person else party.name, "kind": party.kind, "uscc": party.uscc}
    audit.record(db, [Deed(actor, "party.open", "party", str(opened.id), after=after)], at)
    return opened


def choose_solo(db: Db, actor: Actor, chosen: Platform, at: datetime) -> None:
    """Switch solo mode on or off (design §5a). Where a second person exists, two-person rules stand."""
    assert_in_transaction(db)
    before = store.platform(db)
    store.set_platform(db, chosen)
    told = [{"is_solo": one.is_solo, "wait_seconds": one.solo_wait_seconds} for one in (before, chosen)]
    audit.record(db, [Deed(actor, "platform.solo", "platform", "1", before=told[0], after=told[1])], at)


def add_member(db: Db, actor: Actor, party_id: int, person_id: int, at: datetime) -> None:
    """Let a person act for an organisation."""
    assert_in_transaction(db)
    store.add_member(db, party_id, person_id, at)
    audit.record(db, [Deed(actor, "party.member", "party", str(party_id), after={"person": person_id})], at)
