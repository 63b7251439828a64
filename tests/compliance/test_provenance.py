"""From a card to the root of its authorisation, and from a fallen authorisation to every order (compliance.md §2.5)."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kashu import cards, catalog, compliance, party, sales
from kashu.cards import PaperRefusal, Papers, rules
from kashu.compliance import Authorisation, AuthorisationRefusal
from kashu.kernel import clock
from kashu.kernel.clock import biz_date, day_start
from kashu.kernel.db import value
from kashu.party import Platform
from kashu.sales import Refusal
from kashu.wire import attested, evidence
from kashu.wire.affected import FAR
from tests import make
from tests.sales.test_minors import born

TODAY = biz_date(clock.now())
BRAND = "知微课堂"


def link(db, ring, grantee, parent=None, **told):
    """A link that is whole, before anybody has looked at it."""
    new = Authorisation(
        0, None if parent is None else parent.id, BRAND if parent is None else parent.grantee,
        None if parent is None else parent.grantee_id, grantee, "SQ", BRAND, ["membership"], ["全国"], True, True, False,
        TODAY - timedelta(30), TODAY + timedelta(300), file_sha256=make.file(db, ring),
    )  # fmt: skip
    return replace(new, **told)


def verified(db, ring, grantee, parent=None, **told):
    taken = compliance.authorisations.register(db, make.STAFF, link(db, ring, grantee, parent, **told), clock.now())
    assert isinstance(taken, Authorisation), taken
    return decide(db, taken)


def decide(db, taken, who=make.REVIEWER):
    return compliance.authorisations.decide(db, who, taken.id, is_good=True, reason="核对原件", at=clock.now())


@pytest.fixture
def chain(db, ring):
    """Brand → distributor → supplier, and a batch bought under the last link."""
    distributor, supplier = make.supplier(db), make.supplier(db)
    root = verified(db, ring, distributor, is_issuer=True)
    leaf = verified(db, ring, supplier, root, valid_to=TODAY + timedelta(200))
    sku = make.sku(db)
    batch = make.batch(db, ring, sku, 4, on_sale=False)
    db.execute("UPDATE cards_pool SET supplier_id = %s WHERE id = %s", [supplier, batch.pool_id])
    return root, leaf, sku, batch


def attach(db, batch, leaf, **told):
    papers = Papers("HT-2026-001", 12_000, 4, leaf and leaf.id, **told)
    return cards.attach(db, make.STAFF, batch.pool_id, papers, clock.now())


def on_sale(db, chain):
    root, leaf, sku, batch = chain
    assert isinstance(attach(db, batch, leaf), cards.Batch)
    assert isinstance(cards.confirm(db, make.REVIEWER, batch.pool_id, clock.now()), cards.Batch)
    assert isinstance(cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now()), cards.Batch)
    return root, leaf, sku, batch


def test_from_a_card_to_the_root(db, ring, chain):
    """(1): the chain root first, the batch's steps in order, and where the card went."""
    root, leaf, sku, batch = on_sale(db, chain)
    placed = make.order(db, ring, sku)
    sales.settle(db, [make.notice(placed)], clock.now())
    [card] = sales.reveal(db, ring, placed.token, placed.checkout.buyer, clock.now())

    found = cards.trace(db, ring, make.STAFF, card.number, card.secret, clock.now())

    assert [one.id for one in found.chain] == [root.id, leaf.id]
    assert [step.event for step in found.steps] == [
        "received",
        "loaded",
        "authorised",
        "purchased",
        "confirmed",
        "on_sale",
    ]
    assert found.broken is None
    assert (found.origin.order_id, found.origin.code) == (placed.id, batch.code)
    assert cards.trace(db, ring, make.STAFF, card.number, card.secret + "x", clock.now()) is None
    trail = [str(row) for row in db.execute("SELECT object_id, after FROM audit_entry WHERE verb = 'card.trace'")]
    assert sum(batch.code in row for row in trail) == 1
    assert not any(card.secret in row for row in trail)


def test_from_a_fallen_authorisation_to_every_order(db, ring, chain):
    """(2): the root falls, and with it what hangs on it; unsold cards are not for sale, orders are listed, buyers keep theirs."""
    root, leaf, sku, _batch = on_sale(db, chain)
    placed = make.order(db, ring, sku)
    sales.settle(db, [make.notice(placed)], clock.now())
    asked = make.checkout(db, sku)

    fallen = compliance.authorisations.revoke(db, make.STAFF, root.id, "品牌方收回", clock.now())

    assert fallen == compliance.below(db, root.id) == sorted([root.id, leaf.id])
    assert compliance.below(db, leaf.id) == [leaf.id]
    assert sales.place(db, ring, [asked], clock.now()) == [Refusal.OUT_OF_STOCK]
    [told] = sales.orders_under(db, fallen, FAR, 10)
    assert (told.id, told.received_on, told.cards, told.state) == (placed.id, TODAY, 1, "delivered")
    assert sales.affected_under(db, fallen).orders == 1
    assert cards.unsold_under(db, fallen) == 3
    assert sales.reveal(db, ring, placed.token, placed.checkout.buyer, clock.now())
    again = compliance.authorisations.revoke(db, make.STAFF, root.id, "again", clock.now())
    assert again is AuthorisationRefusal.WRONG_STATE


def test_a_batch_is_received_on_the_day_it_is_in_shanghai(db, ring, chain):
    """At half past midnight there it is still yesterday in UTC; which day decides whether it was bought while that held."""
    _, leaf, sku, batch = on_sale(db, chain)
    night = day_start(TODAY) + timedelta(minutes=30)
    db.execute("UPDATE cards_batch SET received_at = %s WHERE pool_id = %s", [night, batch.pool_id])
    make.order(db, ring, sku)
    [told] = sales.orders_under(db, [leaf.id], FAR, 10)
    assert (told.received_on, told.state) == (TODAY, "placed")


@pytest.mark.parametrize("kind", ["on_demand", "manual"])
def test_what_is_issued_for_each_order_wants_its_brands_authorisation_too(db, ring, kind):
    """§2.1: 直充 and 代充 are the commonest branded goods; a revoked authorisation stops them like cards."""
    sku, at = make.sku(db, kind=kind), clock.now()
    through = make.source(db, ring) if kind == "on_demand" else None
    owner = through.supplier_id if through else make.supplier(db)
    form = cards.Format("utf-8", "", ("secret",), has_header=False)
    told = cards.NewBatch(
        sku.id, owner, kind, "", 0, "", "", form, 900, "", source=(through.id, "T") if through else None
    )
    pool = cards.open_slots(db, ring, make.STAFF, told, 5, at).pool_id
    assert cards.put_on_sale(db, make.STAFF, pool, at) is cards.Refusal.NOT_AUTHORISED
    other = verified(db, ring, owner, brand="别家", grantor="别家", is_issuer=True)
    link = verified(db, ring, owner, is_issuer=True)
    assert cards.attach(db, make.STAFF, pool, Papers("", 0, 0), at) is PaperRefusal.NO_DOCUMENT
    assert cards.attach(db, make.STAFF, pool, Papers("", 0, 0, other.id), at) is PaperRefusal.OTHER_GOODS
    fitting = {one.id for one in cards.fitting(db, cards.batch(db, pool), at)}
    assert {link.id, other.id} & fitting == {link.id}
    assert isinstance(cards.attach(db, make.STAFF, pool, Papers("", 0, 0, link.id), at), cards.Batch)
    assert isinstance(cards.put_on_sale(db, make.STAFF, pool, at), cards.Batch)
    assert cards.attach(db, make.STAFF, pool, Papers("", 0, 0, link.id), at) is PaperRefusal.TOO_LATE
    make.agreements(db)
    asked = make.checkout(db, sku, form={"phone": "13800138000"})
    assert not isinstance(sales.place(db, ring, [asked], at)[0], Refusal)

    compliance.authorisations.revoke(db, make.REVIEWER, link.id, "品牌方收回", at)

    asked = make.checkout(db, sku, form={"phone": "13800138000"})
    assert sales.place(db, ring, [asked], at) == [Refusal.OUT_OF_STOCK]
    cards.withdraw(db, make.STAFF, pool, "x", at)
    assert cards.put_on_sale(db, make.STAFF, pool, at) is cards.Refusal.NOT_AUTHORISED


def test_an_old_pool_of_slots_is_authorised_for_today(db, ring):
    """Each order is bought by itself: what counts is that the authorisation holds now, not on the day the pool was opened."""
    sku = make.sku(db, kind="manual")
    owner, at = make.supplier(db), clock.now()
    form = cards.Format("utf-8", "", ("secret",), has_header=False)
    told = cards.NewBatch(sku.id, owner, "manual", "", 0, "", "", form, 900, "")
    pool = cards.open_slots(db, ring, make.STAFF, told, 5, at - timedelta(days=400)).pool_id
    link = verified(db, ring, owner, is_issuer=True)
    assert isinstance(cards.attach(db, make.STAFF, pool, Papers("", 0, 0, link.id), at), cards.Batch)


def test_codes_of_our_own_want_nobodys_authorisation(db, ring):
    sku = make.sku(db, kind="own_code")
    batch = make.batch(db, ring, sku, 2, on_sale=False, numbered=False)
    assert cards.lacks(db, batch, clock.now()) == []


def test_an_authorisation_ends_by_the_clock(db, ring, chain):
    *_, sku, _ = on_sale(db, chain)
    asked = make.checkout(db, sku)
    db.execute(
        "UPDATE compliance_authorisation SET valid_to = %s, valid_from = %s",
        [TODAY - timedelta(1), TODAY - timedelta(9)],
    )
    assert sales.place(db, ring, [asked], clock.now()) == [Refusal.OUT_OF_STOCK]
    db.execute("UPDATE compliance_authorisation SET valid_to = %s", [TODAY])
    assert not isinstance(sales.place(db, ring, [asked], clock.now())[0], Refusal)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"valid_to": TODAY + timedelta(301)}, AuthorisationRefusal.BEYOND_PARENT),
        ({"valid_from": TODAY - timedelta(31)}, AuthorisationRefusal.BEYOND_PARENT),
        ({"goods": ["membership", "course"]}, AuthorisationRefusal.BEYOND_PARENT),
        ({"brand": "别家"}, AuthorisationRefusal.BEYOND_PARENT),
        ({"grantor_id": None}, AuthorisationRefusal.BEYOND_PARENT),
        ({"goods": []}, AuthorisationRefusal.UNKNOWN_GOODS),
        ({"goods": ["anything"]}, AuthorisationRefusal.UNKNOWN_GOODS),
        ({"valid_to": TODAY - timedelta(31)}, AuthorisationRefusal.WRONG_DATES),
        ({"parent_id": 2**40}, AuthorisationRefusal.NO_SUCH_PARENT),
    ],
)
def test_a_link_is_at_most_its_parent(db, ring, change, why):
    root = verified(db, ring, make.supplier(db), is_issuer=True)
    new = link(db, ring, make.supplier(db), root, **change)
    assert compliance.authorisations.register(db, make.STAFF, new, clock.now()) is why


def test_what_may_not_be_passed_on_ends_there(db, ring):
    root = verified(db, ring, make.supplier(db), may_pass_on=False)
    new = link(db, ring, make.supplier(db), root)
    told = compliance.authorisations.register(db, make.STAFF, new, clock.now())
    assert told is AuthorisationRefusal.NOT_PASSED_ON


def test_nobody_verifies_what_they_took_down_or_without_a_scan(db, ring):
    owner = make.supplier(db)
    taken = compliance.authorisations.register(db, make.STAFF, link(db, ring, owner), clock.now())
    assert decide(db, taken, make.STAFF) is AuthorisationRefusal.SAME_PERSON
    bare = compliance.authorisations.register(db, make.STAFF, link(db, ring, owner, file_sha256=None), clock.now())
    assert decide(db, bare) is AuthorisationRefusal.NO_FILE


def test_nothing_is_verified_under_what_was_revoked_meanwhile(db, ring):
    root = verified(db, ring, make.supplier(db), is_issuer=True)
    middle = verified(db, ring, make.supplier(db), root)
    new = link(db, ring, make.supplier(db), middle)
    taken = compliance.authorisations.register(db, make.STAFF, new, clock.now())
    compliance.authorisations.revoke(db, make.STAFF, root.id, "授权被撤回", clock.now())
    assert decide(db, taken) is AuthorisationRefusal.NO_SUCH_PARENT
    assert compliance.authorisation(db, taken.id).state == "in_review"
    assert compliance.for_brand(db, new.grantee_id, BRAND, "membership", TODAY) == []


def test_a_sole_operator_verifies_after_the_wait_and_only_while_alone(db, ring):
    """Design §5a."""
    from kashu import party

    taken = compliance.authorisations.register(db, make.STAFF, link(db, ring, make.supplier(db)), clock.now())
    party.choose_solo(db, make.STAFF, Platform(is_solo=True, solo_wait_seconds=600), clock.now())

    def alone(seconds, *, is_alone):
        at = taken.made_at + timedelta(seconds=seconds)
        told = {"is_good": True, "reason": "核对原件", "at": at, "is_alone": is_alone}
        return compliance.authorisations.decide(db, make.STAFF, taken.id, **told)

    assert alone(599, is_alone=True) is AuthorisationRefusal.SAME_PERSON
    assert alone(600, is_alone=False) is AuthorisationRefusal.SAME_PERSON
    assert alone(600, is_alone=True).state == "verified"


def test_tipping_coins_need_the_issuer_a_resale_right_and_two_reviewers(db, ring):
    """Shut (§0.1, C-04); open only for a chain that begins at the issuer itself, verified by two, never in solo mode."""
    owner = make.supplier(db)
    make.platform(db)
    coins = {"goods": ["douyin_coin"], "is_issuer": True}
    taken = compliance.authorisations.register(db, make.STAFF, link(db, ring, owner, **coins), clock.now())
    assert decide(db, taken).state == "in_review"
    assert decide(db, taken) is AuthorisationRefusal.SAME_PERSON
    assert decide(db, taken, make.SECOND).state == "verified"
    assert compliance.standing(db, owner, "douyin_coin", clock.now()).causes == frozenset()
    for missing in ({"may_resell": False}, {"is_issuer": False}):
        other = make.supplier(db)
        new = compliance.authorisations.register(
            db, make.STAFF, link(db, ring, other, **(coins | missing)), clock.now()
        )
        decide(db, new)
        decide(db, new, make.SECOND)
        assert "category_licence" in compliance.standing(db, other, "douyin_coin", clock.now()).causes
    party.choose_solo(db, make.STAFF, Platform(is_solo=True, solo_wait_seconds=0), clock.now())
    alone = compliance.authorisations.register(db, make.STAFF, link(db, ring, make.supplier(db), **coins), clock.now())
    assert decide(db, alone) is AuthorisationRefusal.NEVER_ALONE


def test_a_coin_is_listed_by_its_chain_and_two_more_persons_and_by_no_other_way(db, ring):
    """C-04: from the issuer's own authorisation to the shelf, and off it with the day the chain falls."""
    owner = make.supplier(db)
    sku = make.sku(db, seller=owner, goods="douyin_coin", on_sale=False)
    db.execute("UPDATE catalog_product SET title = '抖币充值 100 个', brand = '' WHERE id = %s", [sku.product_id])

    def publish():
        return catalog.move_product(db, make.STAFF, sku.product_id, "on_sale", "", clock.now())

    assert publish() is catalog.Refusal.BLOCKED
    coins = {"goods": ["douyin_coin"], "is_issuer": True}
    taken = compliance.authorisations.register(db, make.STAFF, link(db, ring, owner, **coins), clock.now())
    decide(db, taken)
    decide(db, taken, make.SECOND)
    assert publish() is catalog.Refusal.IN_REVIEW
    waiting = compliance.last_review(db, f"product:{sku.product_id}")
    assert waiting.people == 2
    for who in (make.REVIEWER, make.SECOND):
        assert publish() is catalog.Refusal.IN_REVIEW
        told = compliance.reviews.decide(db, who, waiting.id, is_good=True, evidence="核对发行方授权", at=clock.now())
        assert not isinstance(told, compliance.ReviewRefusal)
    assert publish() is None
    compliance.authorisations.revoke(db, make.REVIEWER, taken.id, "发行方撤回", clock.now())
    assert catalog.offers(db, [sku.code], clock.now())[sku.code].blocks


def coin_shop(db, ring):
    """A chain from the issuer, two reviewers, and a coin on the shelf with cards under it."""
    owner = make.supplier(db)
    sku = make.sku(db, seller=owner, goods="douyin_coin", on_sale=False)
    coins = {"goods": ["douyin_coin"], "is_issuer": True}
    taken = compliance.authorisations.register(db, make.STAFF, link(db, ring, owner, **coins), clock.now())
    decide(db, taken)
    assert decide(db, taken, make.SECOND).state == "verified"
    db.execute("UPDATE catalog_product SET state = 'on_sale' WHERE id = %s", [sku.product_id])
    made = make.batch(db, ring, sku, 3, on_sale=False, by=owner)
    db.execute(
        "UPDATE cards_pool SET authorisation_id = %s, sellable = true, reason = '' WHERE id = %s",
        [taken.id, made.pool_id],
    )
    return owner, sku


def test_coins_that_two_opened_are_shut_while_one_person_runs_the_house(db, ring):
    """Never in solo mode, whenever that was chosen; and open again once there are two."""
    owner, sku = coin_shop(db, ring)
    assert catalog.offers(db, [sku.code], clock.now())[sku.code].blocks == []
    party.choose_solo(db, make.STAFF, Platform(is_solo=True, solo_wait_seconds=600), clock.now())
    assert catalog.offers(db, [sku.code], clock.now())[sku.code].blocks == ["category_licence"]
    assert "category_licence" in compliance.standing(db, owner, "douyin_coin", clock.now()).causes
    party.choose_solo(db, make.STAFF, Platform(is_solo=False, solo_wait_seconds=600), clock.now())
    assert catalog.offers(db, [sku.code], clock.now())[sku.code].blocks == []


@pytest.mark.parametrize(
    ("years", "told"),
    [
        (None, sales.Refusal.AGE_UNKNOWN),
        (7, sales.Refusal.MINOR_FORBIDDEN),
        (17, sales.Refusal.MINOR_FORBIDDEN),
        (18, None),
    ],
)
def test_a_coin_is_sold_to_nobody_who_is_not_known_to_be_of_age(db, ring, years, told):
    """C-70: with every paper there, a minor and whoever's age nobody verified are refused, and nothing moves."""
    _, sku = coin_shop(db, ring)
    holder = None if years is None else born(years)
    [answer] = sales.place(db, ring, [make.checkout(db, sku, holder=holder)], clock.now())
    assert answer is told if told else isinstance(answer, sales.Placed)
    held = value(db, "SELECT count(*) FROM cards_card AS card JOIN cards_pool AS pool ON pool.id = card.pool_id"
                 " WHERE pool.sku_id = %s AND card.state = 'held'", [sku.id])  # fmt: skip
    assert held == (0 if told else 1)


def test_other_shut_goods_open_for_nobody(db, ring):
    owner = make.supplier(db)
    new = link(db, ring, owner, goods=["universal_card"], is_issuer=True)
    taken = compliance.authorisations.register(db, make.STAFF, new, clock.now())
    decide(db, taken)
    assert decide(db, taken, make.SECOND).state == "verified"
    assert "category_licence" in compliance.standing(db, owner, "universal_card", clock.now()).causes


def test_papers_fit_their_batch(db, ring, chain):
    """(5): outside of its dates, for other goods or another's supplier it is not taken; without a document neither."""
    root, leaf, _, batch = chain
    assert attach(db, batch, replace(leaf, id=2**40)) is PaperRefusal.NO_SUCH_AUTHORISATION
    assert attach(db, batch, root) is PaperRefusal.NO_SUCH_AUTHORISATION  # it is the distributor's
    late = verified(db, ring, leaf.grantee_id, root, valid_from=TODAY + timedelta(1))
    assert attach(db, batch, late) is PaperRefusal.OUTSIDE_ITS_DATES
    other = verified(db, ring, leaf.grantee_id, brand="别家")
    assert attach(db, batch, other) is PaperRefusal.OTHER_GOODS
    nothing = Papers("  ", 1, 4, leaf.id)
    assert cards.attach(db, make.STAFF, batch.pool_id, nothing, clock.now()) is PaperRefusal.NO_DOCUMENT
    assert isinstance(attach(db, batch, leaf), cards.Batch)


def test_a_renewal_goes_on_where_an_authorisation_ends(db, ring, chain):
    """§2.5: it lifts the block, what was sold stays under the old one, and both still lead to every order."""
    root, leaf, sku, batch = on_sale(db, chain)
    placed = make.order(db, ring, sku)
    sales.settle(db, [make.notice(placed)], clock.now())
    [card] = sales.reveal(db, ring, placed.token, placed.checkout.buyer, clock.now())
    db.execute("UPDATE compliance_authorisation SET valid_to = %s WHERE id = %s", [TODAY - timedelta(1), leaf.id])
    assert sales.place(db, ring, [make.checkout(db, sku)], clock.now()) == [Refusal.OUT_OF_STOCK]
    new = verified(db, ring, leaf.grantee_id, root, number="SQ-2", valid_to=TODAY + timedelta(250))

    assert cards.renew(db, make.REVIEWER, leaf.id, new.id, clock.now()) == [batch.pool_id]

    later = make.order(db, ring, sku)
    sales.settle(db, [make.notice(later)], clock.now())
    [sold_later] = sales.reveal(db, ring, later.token, later.checkout.buyer, clock.now())
    traces = [cards.trace(db, ring, make.STAFF, one.number, one.secret, clock.now()) for one in (card, sold_later)]
    assert [trace.chain[-1].id for trace in traces] == [leaf.id, new.id]
    assert traces[1].steps[-1].body["renews"] == leaf.id
    assert traces[1].broken is None
    for under in (leaf.id, new.id):
        assert {order.id for order in sales.orders_under(db, [under], FAR, 10)} == {placed.id, later.id}
    assert (cards.unsold_under(db, [leaf.id]), cards.unsold_under(db, [new.id])) == (0, 2)
    assert cards.renew(db, make.REVIEWER, leaf.id, new.id, clock.now()) == []
    compliance.authorisations.revoke(db, make.STAFF, new.id, "品牌方收回", clock.now())
    assert sales.place(db, ring, [make.checkout(db, sku)], clock.now()) == [Refusal.OUT_OF_STOCK]


def test_what_is_no_renewal_renews_nothing(db, ring, chain):
    root, leaf, _, batch = on_sale(db, chain)
    ends = leaf.valid_to + timedelta(1)
    waiting = compliance.authorisations.register(
        db, make.STAFF, link(db, ring, leaf.grantee_id, root, valid_to=ends), clock.now()
    )
    others = [
        verified(db, ring, leaf.grantee_id, root, valid_to=leaf.valid_to),
        verified(db, ring, leaf.grantee_id, root, valid_to=ends, may_resell=False),
        verified(db, ring, leaf.grantee_id, root, valid_to=ends, territory=["杭州"]),
        verified(db, ring, leaf.grantee_id, valid_to=ends, is_issuer=True),
        verified(db, ring, make.supplier(db), root, valid_to=ends),
    ]
    for one in others:
        assert cards.renew(db, make.STAFF, leaf.id, one.id, clock.now()) is PaperRefusal.NOT_A_RENEWAL
    for old, new in ((leaf.id, waiting.id), (leaf.id, 2**40), (2**40, leaf.id)):
        assert cards.renew(db, make.STAFF, old, new, clock.now()) is PaperRefusal.NO_SUCH_AUTHORISATION
    good = verified(db, ring, leaf.grantee_id, root, valid_to=ends)
    compliance.authorisations.revoke(db, make.STAFF, leaf.id, "品牌方收回", clock.now())
    assert cards.renew(db, make.STAFF, leaf.id, good.id, clock.now()) is PaperRefusal.REVOKED
    assert cards.authorisation_of(db, batch.pool_id) == leaf.id


def test_a_receipt_takes_two_persons(db, ring, chain):
    """S-07; in solo mode one, after the wait."""
    from kashu import party

    _, leaf, _, batch = chain
    assert isinstance(attach(db, batch, leaf), cards.Batch)
    assert cards.confirm(db, make.STAFF, batch.pool_id, clock.now()) is PaperRefusal.SAME_PERSON
    party.choose_solo(db, make.STAFF, Platform(is_solo=True, solo_wait_seconds=600), clock.now())
    soon = cards.confirm(db, make.STAFF, batch.pool_id, clock.now(), is_alone=True)
    assert soon is PaperRefusal.SAME_PERSON
    later = clock.now() + timedelta(seconds=601)
    second = cards.confirm(db, make.STAFF, batch.pool_id, later, is_alone=False)
    assert second is PaperRefusal.SAME_PERSON  # solo mode ends where a second person exists
    assert isinstance(cards.confirm(db, make.STAFF, batch.pool_id, later, is_alone=True), cards.Batch)
    assert cards.confirm(db, make.REVIEWER, batch.pool_id, later) is PaperRefusal.TOO_LATE


def test_the_chain_cannot_be_rewritten(db, ring, chain):
    *_, batch = chain
    db.execute("SAVEPOINT s")
    for sql in ("UPDATE cards_provenance SET actor = 'x'", "DELETE FROM cards_provenance"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute(sql)
        db.execute("ROLLBACK TO s")
    assert value(db, "SELECT count(*) FROM cards_provenance WHERE pool_id = %s", [batch.pool_id]) == 2


@given(st.integers(0, 4), st.sampled_from(["body", "actor", "event", "seq", "prev_hash"]))
def test_any_change_of_a_step_breaks_the_chain(place, field):
    steps, before = [], rules.GENESIS
    for seq in range(1, 6):
        step = cards.Step(7, seq, clock.now(), "loaded", "a", {"n": seq}, before, b"")
        step = replace(step, hash=rules.link(step))
        steps.append(step)
        before = step.hash
    assert rules.broken(steps) is None
    other = {"body": {"n": 99}, "actor": "b", "event": "recalled", "seq": 77, "prev_hash": b"\1" * 32}[field]
    changed = [*steps]
    changed[place] = replace(steps[place], **{field: other})
    assert rules.broken(changed) is not None
    assert rules.broken(steps[:place] + steps[place + 1 :]) is not None or place == 4


def provenance_of(db, ring, placed):
    """What the pack of an order tells of its cards' origin."""
    given = evidence.give(db, ring, make.STAFF, (placed.pool_id, placed.id), "投诉", clock.now(), is_personal=False)
    with zipfile.ZipFile(io.BytesIO(given.content)) as archive:
        [told] = json.loads(archive.read("provenance.json"))
    return told


def test_the_evidence_of_an_order_has_the_whole_chain(db, ring, chain):
    """C-21: authorisations from the root on, the batch's steps, and that nothing of them was changed."""
    root, leaf, sku, _batch = on_sale(db, chain)
    placed = make.order(db, ring, sku)
    sales.settle(db, [make.notice(placed)], clock.now())
    told = provenance_of(db, ring, placed)
    assert [one["id"] for one in told["authorisations"]] == [root.id, leaf.id]
    assert [one["event"] for one in told["steps"]][-2:] == ["confirmed", "on_sale"]
    assert told["broken_at"] is None


def test_what_renewed_an_authorisation_since_is_no_proof_of_an_earlier_order(db, ring, chain):
    """C-21: the pack and what is attested tell the link that the cards were sold under; a closed order's is that of its day."""
    root, leaf, sku, batch = on_sale(db, chain)
    placed, dropped = make.order(db, ring, sku), make.order(db, ring, sku)
    sales.settle(db, [make.notice(placed)], clock.now())
    sales.expire(db, clock.now() + timedelta(days=1))
    new = verified(db, ring, leaf.grantee_id, root, number="SQ-2", valid_to=leaf.valid_to + timedelta(1))
    assert cards.renew(db, make.REVIEWER, leaf.id, new.id, clock.now()) == [batch.pool_id]
    later = make.order(db, ring, sku)
    sales.settle(db, [make.notice(later)], clock.now())
    for one, link in ((placed, leaf), (dropped, leaf), (later, new)):
        told = provenance_of(db, ring, one)
        assert (told["sold_under"], [each["id"] for each in told["authorisations"]]) == ([link.id], [root.id, link.id])

    ctx = SimpleNamespace(ring=ring, attestor=object())
    for one, link in ((placed, leaf), (later, new)):
        [order] = sales.orders(db, [(one.pool_id, one.id)]).values()
        attested.note_orders(ctx, db, "refunded", [order], clock.now())
        [kept] = compliance.attestations_of(db, order.number, 10)
        [line] = json.loads(kept.asked)["lines"]
        assert line["authorisation"]["number"] == link.number
