"""Reviews of listings: the machine reads, and where it is not sure, people decide (1.11)."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from kashu import audit, party
from kashu.audit import Actor, Deed
from kashu.compliance import rules, store
from kashu.compliance.types import Context, Review, ReviewRefusal, Texts, Verdict
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.text import canonical_json

STATES = {Verdict.ALLOW: "allowed", Verdict.QUEUE: "waiting", Verdict.DENY: "refused"}
REASONS_MAX = 20


def submit(db: Db, actor: Actor, thing: str, texts: Texts, at: datetime, context: Context = rules.NO_PAPERS) -> Review:
    """Have a listing read. Texts that were read under this list keep what was said and decided of them."""
    assert_in_transaction(db)
    version = rules.deny_list().version
    said = {"titles": list(texts.titles), "bodies": list(texts.bodies), "papers": [str(context.opens)]}
    said |= {"lines": list(texts.lines), "brand": [texts.brand or ""], "goods": [context.goods_class.value]}
    sha256 = hashlib.sha256(canonical_json(said).encode()).digest()
    before = store.review_of_texts(db, thing, sha256, version)
    if before is not None:
        return before
    judged = rules.judge_listing(texts, context)
    people = 0 if judged.verdict is not Verdict.QUEUE else 2 if context.opens else 1
    state = STATES[judged.verdict]
    reasons = [str(one) for one in judged.reasons[:REASONS_MAX]]
    new = Review(0, thing, sha256, said, version, judged.verdict, judged.goods_class, reasons, state, people, actor.name,
                 at, decided_at=None if state == "waiting" else at)  # fmt: skip
    if store.add_review(db, new) is not None:
        told = {"verdict": new.verdict, "version": version, "sha256": sha256.hex(), "reasons": reasons}
        audit.record(db, [Deed(actor, "review.submit", "review", thing, after=told)], at)
    found = store.review_of_texts(db, thing, sha256, version)
    assert found is not None
    return found


def is_denied(texts: Texts, context: Context = rules.NO_PAPERS) -> bool:
    """Whether nobody's yes would bring these texts on sale; nothing is written down."""
    return rules.judge_listing(texts, context).verdict is Verdict.DENY


def decide(
    db: Db, actor: Actor, review_id: int, *, is_good: bool, evidence: str, at: datetime, is_alone: bool = False
) -> Review | ReviewRefusal:
    """Allow or refuse what waits, with what it rests on. Whoever handed it in does not decide, and nobody agrees twice.

    A sole operator (solo mode, and `is_alone`) decides alone after the wait that was chosen at set-up, but never where two have to agree.
    """
    assert_in_transaction(db)
    found = store.review(db, review_id, lock=True)
    if found is None:
        return ReviewRefusal.NO_SUCH_REVIEW
    if found.state != "waiting":
        return ReviewRefusal.NOT_WAITING
    if not evidence.strip():
        return ReviewRefusal.NO_EVIDENCE
    alone = is_alone and _alone(db, found, at)
    if is_good and (actor.name in found.agreed_by or (actor.name == found.made_by and not alone)):
        return ReviewRefusal.SAME_PERSON
    if is_good:
        store.agree_to_review(db, review_id, actor.name, evidence)
    if not is_good or len(found.agreed_by) + 1 >= found.people:
        store.end_review(db, review_id, "allowed" if is_good else "refused", actor.name, evidence, at)
    told = {"is_good": is_good, "review": review_id, "sha256": found.sha256.hex()}
    audit.record(db, [Deed(actor, "review.decide", "review", found.thing, after=told, reason=evidence)], at)
    return store.review(db, review_id) or ReviewRefusal.NO_SUCH_REVIEW


def _alone(db: Db, found: Review, at: datetime) -> bool:
    house = party.platform(db)
    waited = at >= found.made_at + timedelta(seconds=house.solo_wait_seconds)
    return house.is_solo and waited and found.people == 1
