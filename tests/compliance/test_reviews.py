"""Reviews that are kept: what the machine said of a listing's texts, and what people decided (1.11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from kashu import catalog, compliance
from kashu.audit import Actor
from kashu.catalog import Refusal
from kashu.compliance import Context, ReviewRefusal, Texts
from kashu.kernel import clock
from tests import make

MAKER, FIRST, SECOND = (Actor("person", name) for name in ("maker", "first", "second"))
OPEN = Context(is_rooted_in_issuer=True, allows_resale=True, verified_by=frozenset({"a", "b"}))
QUEUED = Texts(("话费充值 100元",))


def submit(db, texts, context=None, thing="product:1"):
    more = {} if context is None else {"context": context}
    return compliance.reviews.submit(db, MAKER, thing, texts, clock.now(), **more)


def decide(db, review, who, is_good=True, evidence="运营商代理证明，已核对", at=None, **told):
    at = at or clock.now()
    return compliance.reviews.decide(db, who, review.id, is_good=is_good, evidence=evidence, at=at, **told)


def trail(db):
    return db.execute("SELECT count(*) FROM audit_entry WHERE verb LIKE 'review.%'").fetchone()[0]


def test_what_the_machine_allows_or_denies_waits_for_nobody(db):
    assert submit(db, Texts(("腾讯视频会员月卡",), ("登录后在兑换页填写卡密",))).state == "allowed"
    denied = submit(db, Texts(("抖币充值",)))
    assert (denied.state, denied.people, denied.reasons[0][:18]) == ("refused", 0, "coin.douyin [C-04]")
    assert decide(db, denied, FIRST) is ReviewRefusal.NOT_WAITING


def test_the_same_texts_have_one_review_and_one_entry_in_the_trail(db):
    begun = trail(db)
    first = submit(db, QUEUED)
    assert submit(db, QUEUED) == first
    assert trail(db) == begun + 1
    assert submit(db, replace(QUEUED, bodies=("x",))).id != first.id
    assert submit(db, QUEUED, thing="product:2").id != first.id
    assert first.version == compliance.deny_list().version


def test_another_person_decides_with_evidence(db):
    waiting = submit(db, QUEUED)
    begun = trail(db)
    assert waiting.state == "waiting"
    assert decide(db, waiting, MAKER) is ReviewRefusal.SAME_PERSON
    assert decide(db, waiting, FIRST, evidence=" ") is ReviewRefusal.NO_EVIDENCE
    assert (compliance.review(db, waiting.id), trail(db)) == (waiting, begun)

    done = decide(db, waiting, FIRST)
    assert (done.state, done.agreed_by, done.evidence) == ("allowed", ["first"], ["运营商代理证明，已核对"])
    assert decide(db, waiting, SECOND) is ReviewRefusal.NOT_WAITING
    assert submit(db, QUEUED).state == "allowed"


def test_one_person_is_enough_to_refuse(db):
    done = decide(db, submit(db, QUEUED), FIRST, is_good=False, evidence="没有代理证明")
    assert (done.state, done.decided_by, done.evidence) == ("refused", "first", ["没有代理证明"])


def test_what_papers_opened_needs_two_people(db):
    waiting = submit(db, Texts(("抖币充值",)), OPEN)
    assert (waiting.state, waiting.people) == ("waiting", 2)
    assert decide(db, waiting, FIRST).state == "waiting"
    assert decide(db, waiting, FIRST) is ReviewRefusal.SAME_PERSON
    assert decide(db, waiting, SECOND).state == "allowed"


def test_papers_are_part_of_what_was_read(db):
    assert submit(db, Texts(("抖币充值",))).state == "refused"
    assert submit(db, Texts(("抖币充值",)), OPEN).state == "waiting"
    assert submit(db, Texts(("抖币充值",))).state == "refused"


def test_a_sole_operator_waits_and_never_opens_a_coin_alone(db):
    db.execute("UPDATE party_platform SET is_solo = true, solo_wait_seconds = 600")
    waiting, coin = submit(db, QUEUED), submit(db, Texts(("抖币充值",)), OPEN)
    soon, later = (waiting.made_at + timedelta(seconds=wait) for wait in (599, 600))
    assert decide(db, waiting, MAKER, at=soon, is_alone=True) is ReviewRefusal.SAME_PERSON
    assert decide(db, waiting, MAKER, at=later, is_alone=False) is ReviewRefusal.SAME_PERSON  # not a sole operator
    assert decide(db, waiting, MAKER, at=later, is_alone=True).state == "allowed"
    assert decide(db, coin, MAKER, at=later, is_alone=True) is ReviewRefusal.SAME_PERSON


def test_the_database_keeps_a_denied_listing_refused(db):
    denied = submit(db, Texts(("抖币充值",)))
    with pytest.raises(psycopg.errors.CheckViolation):
        db.execute("UPDATE compliance_review SET state = 'allowed' WHERE id = %s", [denied.id])


def test_a_body_may_explain_and_may_not_sell(db):
    said = Texts(("腾讯视频会员月卡",), ("请用自己的账号登录，售后请联系客服", "退款请到订单页申请"))
    assert submit(db, said).state == "allowed"
    assert submit(db, replace(said, bodies=("另售抖音千粉号，可换绑",))).state == "refused"


def test_publishing_is_reviewed(db):
    shelf = make.sku(db, on_sale=False)
    product = catalog.product(db, product_id=shelf.product_id)
    now = clock.now()

    def publish(title):
        changed = catalog.edit_product(db, MAKER, replace(product, title=title), "", now)
        assert not isinstance(changed, Refusal)
        return catalog.move_product(db, MAKER, product.id, "on_sale", "", now)

    assert publish("抖币充值") is Refusal.REVIEW_DENIED
    assert publish("话费充值 100元") is Refusal.IN_REVIEW
    assert catalog.product(db, product_id=product.id).state == "draft"
    (waiting,) = compliance.waiting_reviews(db, 10)
    assert waiting.thing == f"product:{product.id}"
    decide(db, waiting, FIRST)
    assert publish("话费充值 100元") is None
    assert catalog.product(db, product_id=product.id).state == "on_sale"


def test_what_is_on_sale_cannot_be_edited_past_the_review(db):
    shelf = make.sku(db)
    product = catalog.product(db, product_id=shelf.product_id)
    assert catalog.edit_product(db, MAKER, replace(product, title="抖币充值"), "", clock.now()) is Refusal.REVIEW_DENIED
    assert catalog.product(db, product_id=product.id).title == product.title
