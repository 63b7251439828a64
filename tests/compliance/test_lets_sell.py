"""What an authorisation lets be sold: which goods, where, by whom, and whose cards hang on it (compliance.md §2.1, C-04)."""

from __future__ import annotations

import pytest

from kashu import cards, compliance, party, sales
from kashu.cards import PaperRefusal, Papers, Refusal
from kashu.kernel import clock
from kashu.sales import Placed
from tests import make
from tests.compliance.test_provenance import BRAND, decide, link, verified
from tests.sales.test_minors import born

COINS = {"goods": ["douyin_coin"]}


def of_two(db, ring, owner, **told):
    """A link for coins that two have verified; only where it begins at the issuer does it open them."""
    taken = verified(db, ring, owner, **COINS | told)
    return decide(db, taken, make.SECOND)


def coins(db, owner, brand, kind="single_use"):
    """A coin on the shelf of a seller to whom a chain opens it."""
    sku = make.sku(db, seller=owner, goods="douyin_coin", kind=kind, on_sale=False)
    db.execute("UPDATE catalog_product SET state = 'on_sale', brand = %s WHERE id = %s", [brand, sku.product_id])
    return sku


def received(db, ring, sku, owner):
    if sku.kind != "manual":
        return make.batch(db, ring, sku, 3, on_sale=False, by=owner, numbered=sku.kind != "own_code")
    form = cards.Format("utf-8", "", ("secret",), has_header=False)
    told = cards.NewBatch(sku.id, owner, "manual", "", 0, "", "", form, 900, "")
    return cards.open_slots(db, ring, make.STAFF, told, 5, clock.now())


def attach(db, batch, under):
    return cards.attach(db, make.STAFF, batch.pool_id, Papers("HT-1", 100, 3, under), clock.now())


def confirmed(db, batch, under):
    """Its papers, and whatever a receipt of it takes."""
    assert isinstance(attach(db, batch, under), cards.Batch)
    if batch.kind in cards.BOUGHT:
        assert isinstance(cards.confirm(db, make.REVIEWER, batch.pool_id, clock.now()), cards.Batch)
    return cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now())


def sold(db, ring, sku):
    told = {"form": {"phone": "13800138000"}} if sku.kind == "manual" else {}
    return sales.place(db, ring, [make.checkout(db, sku, holder=born(30), **told)], clock.now())[0]


@pytest.mark.parametrize("brand", ["", BRAND])
@pytest.mark.parametrize("kind", ["single_use", "own_code", "manual"])
def test_a_chain_opens_the_coins_that_came_by_it_and_no_others(db, ring, kind, brand):
    """Of a brand or of none, bought or said to be our own: each batch hangs on the link that opens them, or is not sold."""
    owner = make.supplier(db)
    good = of_two(db, ring, owner, is_issuer=True)
    poor = of_two(db, ring, owner, number="SQ-2")
    sku = coins(db, owner, brand, kind)
    batch = received(db, ring, sku, owner)
    assert attach(db, batch, poor.id) is PaperRefusal.OTHER_GOODS
    assert cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now()) is not None
    assert Refusal.NOT_AUTHORISED in cards.lacks(db, batch, clock.now())
    assert [one.id for one in cards.fitting(db, batch, clock.now())] == [good.id]
    db.execute("UPDATE cards_pool SET authorisation_id = %s WHERE id = %s", [poor.id, batch.pool_id])
    assert Refusal.NOT_AUTHORISED in cards.lacks(db, batch, clock.now())
    assert isinstance(confirmed(db, batch, good.id), cards.Batch)
    assert isinstance(sold(db, ring, sku), Placed)


@pytest.mark.parametrize("is_told", [False, True])
def test_coins_under_no_link_that_opens_them_are_not_sold_however_they_came_on_the_shelf(db, ring, is_told):
    """The seller's other link is good, the category was mapped or the link exchanged later: the sale asks the pool's own."""
    owner = make.supplier(db)
    good = of_two(db, ring, owner, is_issuer=True)
    poor = of_two(db, ring, owner, number="SQ-2")
    sku = coins(db, owner, "")
    batch = received(db, ring, sku, owner)
    assert isinstance(confirmed(db, batch, good.id), cards.Batch)
    under = "UPDATE cards_pool SET authorisation_id = %s WHERE id = %s"
    db.execute(under, [poor.id if is_told else None, batch.pool_id])
    assert sold(db, ring, sku) is sales.Refusal.OUT_OF_STOCK
    db.execute(under, [good.id, batch.pool_id])
    placed = sold(db, ring, sku)
    assert isinstance(placed, Placed)
    db.execute(under, [poor.id if is_told else None, batch.pool_id])
    [line] = sales.lines_of(db, [placed.id], clock.biz_date(clock.now()))[placed.id]
    assert line.stops == ["authorisation"], "and so does what waits for its money"


def test_a_batch_of_coins_from_anybody_goes_on_no_shelf(db, ring):
    """A receipt and no authorisation: the chain of the seller says nothing of it."""
    owner = make.supplier(db)
    of_two(db, ring, owner, is_issuer=True)
    batch = received(db, ring, coins(db, owner, ""), make.supplier(db))
    assert confirmed(db, batch, None) is Refusal.NOT_AUTHORISED


def test_what_opens_coins_is_renewed_by_what_opens_them(db, ring):
    owner = make.supplier(db)
    good = of_two(db, ring, owner, is_issuer=True)
    ends = {"valid_to": link(db, ring, owner).valid_to.replace(year=2099)}
    poor = of_two(db, ring, owner, number="SQ-2", **ends)
    assert cards.renew(db, make.STAFF, good.id, poor.id, clock.now()) is PaperRefusal.NOT_A_RENEWAL
    better = of_two(db, ring, owner, number="SQ-3", is_issuer=True, **ends)
    assert cards.renew(db, make.STAFF, good.id, better.id, clock.now()) == []


def branded(db, ring, owner):
    return make.batch(db, ring, make.sku(db), 2, on_sale=False, by=owner)


@pytest.mark.parametrize("told", [{"territory": ["广东"]}, {"may_resell": False}])
def test_what_is_sold_to_everybody_wants_all_of_china_and_the_right_to_resell(db, ring, told):
    owner = make.supplier(db)
    narrow = verified(db, ring, owner, is_issuer=True, **told)
    batch = branded(db, ring, owner)
    assert attach(db, batch, narrow.id) is PaperRefusal.NOT_FOR_ALL
    assert cards.fitting(db, batch, clock.now()) == []
    db.execute("UPDATE cards_pool SET authorisation_id = %s WHERE id = %s", [narrow.id, batch.pool_id])
    assert Refusal.NOT_AUTHORISED in cards.lacks(db, batch, clock.now())
    wide = verified(db, ring, owner, is_issuer=True)
    assert isinstance(confirmed(db, batch, wide.id), cards.Batch)


def test_cards_hang_on_their_suppliers_own_link_and_on_ours_only_where_it_gave_it(db, ring):
    """§2.1: our good authorisation says nothing of what an unknown supplier brings; the ribbon would tell a chain that is not so."""
    house, owner, other = make.platform(db), make.supplier(db), make.supplier(db)
    root = verified(db, ring, owner, is_issuer=True)
    by_brand = verified(db, ring, house, is_issuer=True)
    by_owner = verified(db, ring, house, root)
    told = {}
    for who in (owner, other, house):
        batch = branded(db, ring, who)
        told[who] = {one.id for one in cards.fitting(db, batch, clock.now())} & {root.id, by_brand.id, by_owner.id}
        for one in (root, by_brand, by_owner):
            answer = attach(db, batch, one.id)
            assert (
                isinstance(answer, cards.Batch) if one.id in told[who] else answer is PaperRefusal.NO_SUCH_AUTHORISATION
            )
    assert told == {owner: {root.id, by_owner.id}, other: set(), house: {by_brand.id, by_owner.id}}
    strange = branded(db, ring, other)
    db.execute("UPDATE cards_pool SET authorisation_id = %s WHERE id = %s", [by_brand.id, strange.pool_id])
    assert Refusal.NOT_AUTHORISED in cards.lacks(db, strange, clock.now())


def test_a_brand_that_brings_its_own_cards_needs_no_link_to_itself(db, ring):
    """A root names its grantor in words: where that is the supplier, the cards came by it."""
    maker = make.supplier(db)
    link_of = verified(db, ring, make.platform(db), grantor=party.party(db, maker).name, is_issuer=True)
    assert isinstance(confirmed(db, branded(db, ring, maker), link_of.id), cards.Batch)


def test_a_reviewer_is_shown_where_a_chain_begins_and_what_it_does_not_let(db, ring):
    dealer, owner = make.supplier(db), make.supplier(db)
    root = verified(db, ring, dealer, grantor="某某经销商", territory=["广东", "浙江"])
    leaf = verified(db, ring, owner, root, territory=["广东"], may_resell=False)
    good = verified(db, ring, owner, is_issuer=True)
    found = [compliance.link_findings(compliance.chain(db, one.id)) for one in (root, leaf, good)]
    assert found == [["root_not_issuer", "narrow_territory"], ["root_not_issuer", "narrow_territory", "no_resale"], []]
