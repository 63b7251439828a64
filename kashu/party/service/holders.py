"""How old a guest is (C-70): asked of who can say, for one purchase, under a consent of its own (C-51).

Neither name nor number is kept, nor a birthday. What stays is a random id under a keyed mark of the number, so that a
minor is the same person wherever they buy. The edge asks between the two transactions, and keeps the answer for an hour.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import date, datetime
from uuid import UUID

from kashu import audit
from kashu.audit import SYSTEM, Actor, Deed
from kashu.kernel import limits
from kashu.kernel.clock import biz_date, day_start
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.kernel.text import is_line, sha256_hex
from kashu.party import store
from kashu.party.rules import numbers
from kashu.party.rules.suppliers import months_after
from kashu.party.service.personal import ERASE_MAX, RETENTION_MONTHS, give_consent
from kashu.party.service.verifying import STATES
from kashu.party.types import AgeCheck, AgeRefusal, Holder, Query

UNANSWERED = "unanswered"  # nobody answered, or nothing that can be believed
NAME_CHARS_MAX = 60
CHILD_YEARS = 14  # until then a guardian consents (PIPL §31)
WINDOW_SECONDS = 3_600
ASKED_MAX = {
    "device": 10,
    "number": 10,
    "address": 60,
}  # in a window: nobody tries out whose number goes with whose name


def ask_age(db: Db, ring: Keyring, check: AgeCheck, at: datetime) -> Query | AgeRefusal:
    """Take a guest's consent, and say what is to be asked. A number nobody can have is not asked about."""
    assert_in_transaction(db)
    if sha256_hex(check.words) not in check.consents:
        return AgeRefusal.NO_CONSENT
    name, number = check.name.strip(), numbers.check_id_card(check.number, biz_date(at))
    born = numbers.born_on(number.text)
    if not number.is_right or born is None or not 0 < len(name) <= NAME_CHARS_MAX or not is_line(name):
        return AgeRefusal.INCOMPLETE
    is_child = numbers.age_on(born, biz_date(at)) < CHILD_YEARS
    if is_child and sha256_hex(check.guardian_words) not in check.consents:
        return AgeRefusal.NO_GUARDIAN
    asking = {"device": check.device, "number": _mark(ring, number.text), "address": check.address}
    for what, who in asking.items():
        if not limits.allow(db, f"age:{what}:{who.hex()}", at, most=ASKED_MAX[what], seconds=WINDOW_SECONDS):
            return AgeRefusal.TOO_OFTEN
    asked = Query(new_id(), "person", name, number.text)
    words = f"{check.words}\n{check.guardian_words}" if is_child else check.words
    give_consent(db, _actor(check), f"age check {asked.verification_id}", "age_check", words, at)
    return asked


def note_age(
    db: Db, ring: Keyring, check: AgeCheck, asked: Query, answer: tuple[str, str], at: datetime
) -> Holder | AgeRefusal:
    """Note what was answered: a state, and the hash of the answer as it came. Only `matched` makes anybody known.

    That hash goes into the trail under our key: the answer holds a number, and a bare hash of it could be searched for.
    """
    assert_in_transaction(db)
    state, evidence = answer
    assert state in (*STATES, UNANSWERED)
    holder = None
    if state == "matched":
        holder = Holder(
            store.keep_holder(db, new_id(), _mark(ring, asked.number), at), _birthday_of_minor(asked.number, at)
        )
    proof = ring.identity("age answer", evidence).hex() if evidence else ""
    after = {"state": state, "evidence": proof} | ({} if holder is None else {"holder": str(holder.id)})
    audit.record(db, [Deed(_actor(check), "age.verify", "age_check", str(asked.verification_id), after=after)], at)
    return holder or (AgeRefusal.UNAVAILABLE if state == UNANSWERED else AgeRefusal.NOT_VERIFIED)


def erase_holders_due(db: Db, at: datetime) -> list[UUID]:
    """Forget the holders whose last check was three years ago; which they were."""
    assert_in_transaction(db)
    gone = store.erase_holders(db, day_start(months_after(biz_date(at), -RETENTION_MONTHS)), ERASE_MAX)
    audit.record(db, [Deed(SYSTEM, "holder.erase", "id_holder", str(one)) for one in gone], at)
    return gone


def _birthday_of_minor(number: str, at: datetime) -> date | None:
    return None if numbers.is_adult(number, biz_date(at)) else numbers.born_on(number)


def _mark(ring: Keyring, number: str) -> bytes:
    """A key of its own: nobody can tell from two tables that a buyer is also somebody behind a supplier."""
    key = ring.derive("id holder", min(ring.masters))
    return hmac.digest(key, number.encode(), hashlib.sha256)[:16]


def _actor(check: AgeCheck) -> Actor:
    return Actor("buyer", check.device.hex()[:12])
