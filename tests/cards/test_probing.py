"""Papers before sale (§2.1, S-07), a sample before sale (卡密盗版), and what stops a batch."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from kashu import cards, compliance
from kashu.cards import Batch, PaperRefusal, Papers, Refusal, rules, store
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import value
from tests import make
from tests.compliance.test_provenance import verified

DOCUMENT = Papers("HT-1", 9_000, 3)


@pytest.fixture
def checking(db, ring):
    """A supplier that answers for its cards."""
    source = make.source(db, ring)
    return cards.set_source(db, ring, make.STAFF, replace(source, checks_cards=True), "", clock.now())


def facts(db, topic, pool_id):
    return value(db, "SELECT count(*) FROM outbox WHERE topic = %s AND body->>'pool_id' = %s", [topic, str(pool_id)])


def batch_of(db, ring, many=3, **told):
    return make.batch(db, ring, told.pop("sku", None) or make.sku(db), many, on_sale=False, **told)


def test_nothing_goes_on_sale_without_its_papers(db, ring):
    """S-07, §2.1: the document, the brand's authorisation, the second person; each named until it is there."""
    batch = batch_of(db, ring)
    at = clock.now()
    assert cards.put_on_sale(db, make.STAFF, batch.pool_id, at) is Refusal.NO_DOCUMENT
    assert cards.lacks(db, batch, at) == [Refusal.NO_DOCUMENT, Refusal.NOT_AUTHORISED, Refusal.NOT_CONFIRMED]
    cards.attach(db, make.STAFF, batch.pool_id, DOCUMENT, at)
    assert cards.put_on_sale(db, make.STAFF, batch.pool_id, at) is Refusal.NOT_AUTHORISED
    under = make.authorised(db, ring, batch.supplier_id, "知微课堂", "membership")
    cards.attach(db, make.STAFF, batch.pool_id, replace(DOCUMENT, authorisation_id=under), at)
    assert cards.put_on_sale(db, make.STAFF, batch.pool_id, at) is Refusal.NOT_CONFIRMED
    assert cards.confirm(db, make.STAFF, batch.pool_id, at) is PaperRefusal.SAME_PERSON
    assert cards.confirm(db, replace(make.STAFF, name=batch.received_by), batch.pool_id, at) is PaperRefusal.SAME_PERSON
    assert isinstance(cards.confirm(db, make.REVIEWER, batch.pool_id, at), Batch)
    assert isinstance(cards.put_on_sale(db, make.STAFF, batch.pool_id, at), Batch)


def test_papers_that_change_want_a_new_confirmation(db, ring):
    """S-07: what the second person saw is what is sold; they confirm no papers that are not there, nor their own."""
    batch = batch_of(db, ring)
    third, at = replace(make.REVIEWER, name="third@kashu.example"), clock.now()
    assert cards.confirm(db, make.REVIEWER, batch.pool_id, at) is PaperRefusal.NOT_REGISTERED
    make.papered(db, ring, batch.pool_id)
    assert cards.lacks(db, batch, at) == []
    confirmed = cards.receipt_of(cards.steps(db, batch.pool_id))
    assert confirmed.body["papers"] == cards.papers_of(cards.steps(db, batch.pool_id)).hash.hex()
    assert isinstance(cards.attach(db, make.REVIEWER, batch.pool_id, replace(DOCUMENT, document="HT-2"), at), Batch)
    assert cards.put_on_sale(db, make.STAFF, batch.pool_id, at) is Refusal.NOT_CONFIRMED
    assert cards.confirm(db, make.REVIEWER, batch.pool_id, at) is PaperRefusal.SAME_PERSON
    assert isinstance(cards.confirm(db, third, batch.pool_id, at), Batch)
    assert isinstance(cards.put_on_sale(db, make.STAFF, batch.pool_id, at), Batch)
    assert cards.attach(db, make.STAFF, batch.pool_id, DOCUMENT, at) is PaperRefusal.TOO_LATE


def test_a_lapsed_authorisation_keeps_a_withdrawn_batch_off_the_shelf(db, ring):
    batch = batch_of(db, ring)
    make.put_on_sale(db, ring, batch.pool_id)
    cards.withdraw(db, make.STAFF, batch.pool_id, "盘点", clock.now())
    held = cards.authorisation_of(db, batch.pool_id)
    compliance.authorisations.revoke(db, make.REVIEWER, held, "品牌方撤回", clock.now())
    assert cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now()) is Refusal.NOT_AUTHORISED


def test_goods_without_a_brand_need_no_authorisation(db, ring):
    sku = make.sku(db)
    db.execute("UPDATE catalog_product SET brand = '' WHERE id = %s", [sku.product_id])
    batch = batch_of(db, ring, sku=sku)
    assert Refusal.NOT_AUTHORISED not in cards.lacks(db, batch, clock.now())


@pytest.mark.parametrize("kind", ["single_use", "manual"])
def test_what_came_on_sale_before_authorisations_were_asked_for_comes_off(db, ring, kind):
    """§2.1: of a brand, made by others, under none; everything else stays."""
    sku = make.sku(db, kind=kind)
    told = make.batch(db, ring, sku, 2) if kind == "single_use" else make.slots(db, ring, sku, 2)
    other, bare, own = make.batch(db, ring, make.sku(db), 1), make.sku(db), make.sku(db, kind="own_code")
    db.execute("UPDATE catalog_product SET brand = '' WHERE id = %s", [bare.product_id])
    kept = [other, make.batch(db, ring, bare, 1), make.batch(db, ring, own, 1, numbered=False)]
    assert cards.withdraw_unauthorised(db, clock.now()) == 0
    db.execute("UPDATE cards_pool SET authorisation_id = NULL WHERE id = %s", [told.pool_id])
    assert cards.withdraw_unauthorised(db, clock.now()) == 1
    assert cards.withdraw_unauthorised(db, clock.now()) == 0
    assert cards.batch(db, told.pool_id).state == "withdrawn"
    assert [cards.batch(db, one.pool_id).state for one in kept] == ["on_sale"] * 3
    assert cards.steps(db, told.pool_id)[-1].event == "withdrawn"
    assert cards.put_on_sale(db, make.STAFF, told.pool_id, clock.now()) is Refusal.NOT_AUTHORISED


@pytest.fixture
def bare(db, ring):
    """A batch that was for sale while its page had no brand, withdrawn since; the page has one now."""
    sku = make.sku(db)
    db.execute("UPDATE catalog_product SET brand = '' WHERE id = %s", [sku.product_id])
    batch = batch_of(db, ring, sku=sku)
    make.put_on_sale(db, ring, batch.pool_id)
    cards.withdraw(db, make.STAFF, batch.pool_id, "补品牌", clock.now())
    db.execute("UPDATE catalog_product SET brand = '知微课堂' WHERE id = %s", [sku.product_id])
    return cards.batch(db, batch.pool_id)


def test_a_batch_whose_page_got_a_brand_later_gets_its_authorisation_and_a_second_person_again(db, ring, bare):
    """§2.1, S-07: the document stays; whoever adds the authorisation does not confirm it."""
    at, told = clock.now(), Papers("", 0, 0, make.authorised(db, ring, bare.supplier_id, "知微课堂", "membership"))
    before = cards.papers_of(cards.steps(db, bare.pool_id))
    assert cards.put_on_sale(db, make.STAFF, bare.pool_id, at) is Refusal.NOT_AUTHORISED
    assert isinstance(cards.attach(db, make.SECOND, bare.pool_id, told, at), Batch)
    assert cards.papers_of(cards.steps(db, bare.pool_id)) == before
    assert cards.put_on_sale(db, make.STAFF, bare.pool_id, at) is Refusal.NOT_CONFIRMED
    assert cards.confirm(db, make.SECOND, bare.pool_id, at) is PaperRefusal.SAME_PERSON
    assert isinstance(cards.confirm(db, make.REVIEWER, bare.pool_id, at), Batch)
    assert isinstance(cards.put_on_sale(db, make.STAFF, bare.pool_id, at), Batch)
    cards.withdraw(db, make.STAFF, bare.pool_id, "盘点", at)
    assert cards.attach(db, make.STAFF, bare.pool_id, told, at) is PaperRefusal.TOO_LATE, "once: then it is renewed"


def test_an_authorisation_that_comes_later_held_on_the_day_of_receipt_and_nothing_else_changes(db, ring, bare):
    at, today = clock.now(), biz_date(clock.now())
    late = verified(db, ring, bare.supplier_id, brand="知微课堂", valid_from=today + timedelta(1)).id
    fitting = make.authorised(db, ring, bare.supplier_id, "知微课堂", "membership")
    before = cards.steps(db, bare.pool_id)
    assert cards.attach(db, make.STAFF, bare.pool_id, Papers("", 0, 0, late), at) is PaperRefusal.OUTSIDE_ITS_DATES
    assert cards.attach(db, make.STAFF, bare.pool_id, replace(DOCUMENT, document="HT-2"), at) is PaperRefusal.TOO_LATE
    db.execute("UPDATE cards_batch SET state = 'on_sale' WHERE pool_id = %s", [bare.pool_id])
    assert cards.attach(db, make.STAFF, bare.pool_id, Papers("", 0, 0, fitting), at) is PaperRefusal.TOO_LATE
    assert cards.steps(db, bare.pool_id) == before
    assert cards.authorisation_of(db, bare.pool_id) is None


def test_a_renewal_wants_no_new_receipt(db, ring):
    """What is left of a batch moves to the authorisation that goes on where its own ends: nothing of the batch changed."""
    batch = batch_of(db, ring)
    make.put_on_sale(db, ring, batch.pool_id)
    old = compliance.authorisation(db, cards.authorisation_of(db, batch.pool_id))
    new = verified(db, ring, old.grantee_id, **{
        name: getattr(old, name) for name in ("grantor", "grantor_id", "brand", "goods", "territory", "valid_from", "is_issuer")
    } | {"valid_to": old.valid_to + timedelta(1)})  # fmt: skip
    assert batch.pool_id in cards.renew(db, make.STAFF, old.id, new.id, clock.now())
    assert Refusal.NOT_CONFIRMED not in cards.lacks(db, batch, clock.now())


def test_a_receipt_is_confirmed_when_there_is_something_to_count(db, ring):
    sku = make.sku(db)
    form = cards.Format("utf-8", "", ("secret",), has_header=False)
    told = cards.NewBatch(sku.id, make.supplier(db), "single_use", "f.txt", 1, "0" * 64, "", form, 100, "")
    batch = cards.receive(db, ring, make.STAFF, told, clock.now())
    assert cards.confirm(db, make.REVIEWER, batch.pool_id, clock.now()) is PaperRefusal.NOT_LOADED


def test_a_sample_is_drawn_by_chance_and_never_twice(db, ring, checking):
    batch = batch_of(db, ring, 100, by=checking.supplier_id)
    assert facts(db, "cards.probe", batch.pool_id) == 1
    told = cards.open_sample(db, ring, batch.pool_id, 1, clock.now())
    assert len(told.cards) == 60
    assert len({card[0] for card in told.cards}) == len(told.cards)
    secrets = value(db, "SELECT count(*) FROM cards_card WHERE pool_id = %s AND id = ANY (%s)",
                    [batch.pool_id, [card[0] for card in told.cards]])  # fmt: skip
    assert secrets == len(told.cards)
    assert (
        value(db, "SELECT count(*) FROM audit_entry WHERE verb = 'batch.probe' AND pool_id = %s", [batch.pool_id]) == 1
    )
    assert told.cards[0][2] not in repr(told)


def test_a_sample_of_what_is_left_is_as_large_as_any(db, ring):
    """What is sold lies before what is not: a place in the sold part must not count as the shelf's first card."""
    batch = batch_of(db, ring, 400)
    sold = "state = 'sold', sold_at = now(), order_id = gen_random_uuid(), sale_line_id = gen_random_uuid()"
    last = value(db, "SELECT max(id) FROM cards_card WHERE pool_id = %s", [batch.pool_id])
    db.execute(f"UPDATE cards_card SET {sold} WHERE pool_id = %s AND id <= %s", [batch.pool_id, last - 80])
    drawn = store.draw(db, batch.pool_id, 60)
    assert len(set(drawn)) == 60
    assert min(drawn) > last - 80
    assert store.draw(db, batch.pool_id, 100) == list(range(last - 79, last + 1))


@pytest.mark.parametrize("word", ["used", "invalid"])
def test_one_bad_card_of_a_sample_stops_the_batch(db, ring, checking, word):
    batch = batch_of(db, ring, 5, by=checking.supplier_id)
    told = cards.open_sample(db, ring, batch.pool_id, 1, clock.now())
    answers = {card[0]: "unused" for card in told.cards} | {told.cards[0][0]: word}
    assert cards.probed(db, told, answers, clock.now())
    assert not cards.probed(db, told, answers, clock.now()), "an answer counts once"
    make.papered(db, ring, batch.pool_id)
    assert cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now()) is Refusal.FROZEN
    assert cards.open_sample(db, ring, batch.pool_id, 1, clock.now()) is None
    assert isinstance(cards.clear(db, make.REVIEWER, batch.pool_id, "换卡后核对无误", clock.now()), Batch)
    assert isinstance(cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now()), Batch)
    assert cards.broken(cards.steps(db, batch.pool_id)) is None


def test_a_sample_that_the_supplier_does_not_know_proves_nothing(db, ring, checking):
    """Half of the cards at least, known and good; with fewer another sample is asked for."""
    batch = batch_of(db, ring, 5, by=checking.supplier_id)
    make.papered(db, ring, batch.pool_id)
    for turn, unknown in ((1, 5), (2, 3), (3, 2)):
        assert cards.lacks(db, batch, clock.now()) == [Refusal.NOT_PROBED]
        told = cards.open_sample(db, ring, batch.pool_id, turn, clock.now())
        answers = {card[0]: "unknown" if n < unknown else "unused" for n, card in enumerate(told.cards)}
        assert not cards.probed(db, told, answers, clock.now())
        if turn < 3:
            assert cards.draw_again(db, batch.pool_id, clock.now()) == turn + 1
    assert cards.lacks(db, batch, clock.now()) == []


def test_without_an_answer_nothing_goes_on_sale_and_another_sample_may_be_drawn(db, ring, checking):
    batch = batch_of(db, ring, 5, by=checking.supplier_id)
    make.papered(db, ring, batch.pool_id)
    assert cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now()) is Refusal.NOT_PROBED
    assert cards.draw_again(db, batch.pool_id, clock.now()) == 2
    told = cards.open_sample(db, ring, batch.pool_id, 2, clock.now())
    cards.probed(db, told, {card[0]: "unused" for card in told.cards}, clock.now())
    assert isinstance(cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now()), Batch)


def test_a_supplier_that_checks_nothing_is_not_waited_for(db, ring):
    batch = batch_of(db, ring)
    assert cards.draw_again(db, batch.pool_id, clock.now()) is Refusal.NO_SOURCE
    assert Refusal.NOT_PROBED not in cards.lacks(db, batch, clock.now())


def duplicated(db, ring, first, second):
    """Two batches of one card each, the second with a line more; who brought them."""
    one = batch_of(db, ring, 1, by=first)
    [(_, number, text)] = _open(db, ring, one.pool_id)
    sku = make.sku(db)
    form = cards.Format("utf-8", "dashes", ("number", "secret"), has_header=False)
    told = cards.NewBatch(sku.id, second, "single_use", "again.txt", 1, "0" * 64, "", form, 100, "")
    again = cards.receive(db, ring, make.STAFF, told, clock.now())
    cards.start(db, make.STAFF, again.pool_id, clock.now())
    lines = [cards.NewCard(n, number if n == 1 else "", text if n == 1 else make.name("NEW"), date(9999, 12, 31), None, None, "")
             for n in (1, 2)]  # fmt: skip
    make.load(db, ring, again.pool_id, 0, lines)
    return cards.loaded(db, make.STAFF, again.pool_id, clock.now())


def _open(db, ring, pool_id):
    found = store.batch(db, pool_id)
    key = ring.open_data_key(pool_id, found.data_key)
    rows = db.execute("SELECT id, sealed FROM cards_card WHERE pool_id = %s", [pool_id]).fetchall()
    return [(card_id, *rules.unpack(key.open(card_id, sealed))[:2]) for card_id, sealed in rows]


def test_cards_that_another_supplier_has_stop_a_batch(db, ring):
    """§2.5 (3): the same secret from two suppliers is refused, and somebody has to find out whose it is."""
    batch = duplicated(db, ring, make.supplier(db), make.supplier(db))
    assert (batch.accepted, batch.rejected) == (1, 1)
    assert cards.lacks(db, batch, clock.now())[0] is Refusal.FROZEN


def test_a_file_that_overlaps_with_ones_own_is_only_turned_away(db, ring):
    supplier = make.supplier(db)
    batch = duplicated(db, ring, supplier, supplier)
    assert (batch.accepted, batch.rejected) == (1, 1)
    assert Refusal.FROZEN not in cards.lacks(db, batch, clock.now())


def test_a_code_used_before_it_is_sold_stops_its_batch(db, ring):
    """Whoever knows one unsold code may know them all."""
    batch = batch_of(db, ring)
    card = value(db, "SELECT min(id) FROM cards_card WHERE pool_id = %s", [batch.pool_id])
    assert cards.leaked(db, batch.pool_id, card, clock.now())
    assert not cards.leaked(db, batch.pool_id, card, clock.now()), "it stops once"
    assert cards.lacks(db, batch, clock.now())[0] is Refusal.FROZEN
