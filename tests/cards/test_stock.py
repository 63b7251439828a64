"""Batches, exports and shared secrets."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256

import pytest

from kashu import audit, cards, ledger, party, sales
from kashu.audit import ApprovalRefusal
from kashu.cards import Batch, Format, NewBatch, NewCard, PaperRefusal, Refusal, Reject
from kashu.kernel import clock
from kashu.kernel.db import values
from kashu.sales import Placed
from kashu.sales import Refusal as SaleRefusal
from tests import make


def test_nothing_is_for_sale_before_the_whole_batch_is(db, ring):
    sku = make.sku(db)
    batch = make.batch(db, ring, sku, 5, on_sale=False)

    assert sales.place(db, ring, [make.checkout(db, sku)], clock.now()) == [SaleRefusal.OUT_OF_STOCK]
    make.put_on_sale(db, ring, batch.pool_id)
    assert isinstance(sales.place(db, ring, [make.checkout(db, sku)], clock.now())[0], Placed)


def test_a_withdrawn_batch_sells_nothing_more_and_keeps_its_promises(db, ring):
    sku = make.sku(db)
    batch = make.batch(db, ring, sku, 5)
    who = make.buyer()
    placed = make.order(db, ring, sku, 1, who)
    cards.withdraw(db, make.STAFF, batch.pool_id, "price", clock.now())

    assert sales.place(db, ring, [make.checkout(db, sku)], clock.now()) == [SaleRefusal.OUT_OF_STOCK]
    sales.settle(db, [make.notice(placed)], clock.now())
    assert len(sales.reveal(db, ring, placed.token, who, clock.now())) == 1


def test_an_expired_card_is_not_sold_and_the_next_to_expire_goes_first(db, ring):
    sku = make.sku(db)
    make.batch(db, ring, sku, 1, expires_on=date(2030, 1, 1))
    soon = make.batch(db, ring, sku, 1, expires_on=date(2029, 1, 1))
    make.batch(db, ring, sku, 1, expires_on=date(2020, 1, 1))

    placed = make.order(db, ring, sku)
    assert placed.pool_id == soon.pool_id
    make.order(db, ring, sku)
    assert sales.place(db, ring, [make.checkout(db, sku)], clock.now()) == [SaleRefusal.OUT_OF_STOCK]


def test_a_card_that_comes_back_before_the_mark_is_found_before_anybody_is_refused(db, ring):
    from kashu.cards.service.marks import BEGINNING, MARKS

    sku = make.sku(db)
    batch = make.batch(db, ring, sku, 3)
    first, second = make.order(db, ring, sku), make.order(db, ring, sku)
    assert MARKS.of(batch.pool_id) > BEGINNING
    who = make.buyer()
    sales.cancel(db, make.STAFF, first.token, first.checkout.buyer.device, clock.now())
    assert MARKS.of(batch.pool_id)[1] == second.lines[0].cards[0].id

    assert isinstance(sales.place(db, ring, [make.checkout(db, sku, 2, who)], clock.now())[0], Placed)
    assert sales.place(db, ring, [make.checkout(db, sku)], clock.now()) == [SaleRefusal.OUT_OF_STOCK]


def test_marks_are_forgotten_after_a_minute():
    from kashu.cards.service import marks

    kept = marks.Marks()
    one, two = (cards.Card(pool, 7, 1, 1, 1) for pool in (1, 2))
    kept.note([one.pool_id], [one])
    assert kept.of(1) == (date(9999, 12, 31), 7)
    kept._until = 0
    kept.note([two.pool_id], [two])
    assert kept.of(1) == marks.BEGINNING
    assert kept.drop([2])
    assert not kept.drop([2])


def test_a_sold_out_pool_is_passed_over_until_somebody_would_be_refused(db, ring):
    from kashu.cards.service.marks import MARKS

    sku = make.sku(db)
    first, second = make.batch(db, ring, sku, 1), make.batch(db, ring, sku, 2)
    who = make.buyer()
    placed = make.order(db, ring, sku, 1, who)
    make.order(db, ring, sku, 1)
    assert MARKS.is_empty(first.pool_id)
    assert sales.cancel(db, make.STAFF, placed.token, who.device, clock.now()) is None  # a card comes back to it
    make.order(db, ring, sku, 1)
    last = make.order(db, ring, sku, 1)
    assert [line.pool_id for line in last.lines] == [first.pool_id]
    assert second.pool_id != first.pool_id


def test_every_line_is_a_card_or_has_a_reason(db, ring):
    batch = started(db, ring, make.sku(db))
    lines = [card(1, "a"), card(2, "b"), card(3, "a"), Reject(4, "empty"), card(5, "c")]

    told = make.load(db, ring, batch.pool_id, 0, [*lines])
    other = started(db, ring, make.sku(db))
    again = make.load(db, ring, other.pool_id, 0, [card(1, "b"), card(2, "d")])

    assert isinstance(told, Batch)
    assert (told.lines_done, told.accepted, told.rejected) == (5, 3, 2)
    assert [(one.line_no, one.reason, one.detail) for one in cards.rejects(db, batch.pool_id, 0, 9)] == [
        (3, "duplicate_in_file", "1"),
        (4, "empty", ""),
    ]
    assert isinstance(again, Batch)
    assert [(one.reason, one.detail) for one in cards.rejects(db, other.pool_id, 0, 9)] == [
        ("duplicate_of_batch", f"{batch.code}:2")
    ]


def test_a_stretch_that_does_not_follow_is_refused(db, ring):
    batch = started(db, ring, make.sku(db))
    make.load(db, ring, batch.pool_id, 0, [card(1, "x")])

    assert make.load(db, ring, batch.pool_id, 0, [card(1, "x")]) is Refusal.WRONG_STATE
    assert cards.batch(db, batch.pool_id).accepted == 1


def test_a_cancelled_batch_frees_its_cards_for_another_file(db, ring):
    batch = started(db, ring, make.sku(db))
    make.load(db, ring, batch.pool_id, 0, [card(1, "again")])
    cards.cancel(db, make.STAFF, batch.pool_id, "wrong supplier", clock.now())
    taken = cards.void_unsold(db, batch.pool_id, "void", 10)
    cards.free_fingerprints(db, batch.pool_id, [one[0] for one in taken])

    other = started(db, ring, make.sku(db))
    assert make.load(db, ring, other.pool_id, 0, [card(1, "again")]).accepted == 1
    assert cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now()) is Refusal.WRONG_STATE


def test_self_operated_stock_is_booked_in_and_out(db, ring):
    batch = make.batch(db, ring, make.sku(db), 3, cost_fen=2_000)
    cards.withdraw(db, make.STAFF, batch.pool_id, "x", clock.now())
    cards.export_unsold(db, ring, make.STAFF, batch.pool_id, make.ids(1)[0], clock.now())

    moved = values(
        db,
        "SELECT amount_fen FROM ledger_sale_entry WHERE pool_id = %s AND account_id = 5 ORDER BY amount_fen",
        [batch.pool_id],
    )
    assert moved == [-6_000, 6_000]
    assert ledger.check(db) == []


def test_an_export_needs_a_withdrawn_batch_and_happens_once(db, ring):
    batch = make.batch(db, ring, make.sku(db), 3)
    approval = make.ids(1)[0]

    assert cards.export_unsold(db, ring, make.STAFF, batch.pool_id, approval, clock.now()) is Refusal.WRONG_STATE
    cards.withdraw(db, make.STAFF, batch.pool_id, "x", clock.now())
    opened = cards.export_unsold(db, ring, make.STAFF, batch.pool_id, approval, clock.now())
    assert len({one.secret for one in opened}) == 3
    assert cards.export_unsold(db, ring, make.STAFF, batch.pool_id, approval, clock.now()) is Refusal.NOTHING_UNSOLD


def test_two_persons_confirm_what_one_may_not_do_alone(db):
    other = replace(make.STAFF, name="second@kashu.example")
    asked = audit.ask(
        db,
        make.STAFF,
        "batch.export",
        ("batch", make.name("B")),
        {},
        reason="return",
        solo_wait_seconds=None,
        at=clock.now(),
    )

    assert audit.confirm(db, make.STAFF, asked.id, clock.now(), is_alone=True) is ApprovalRefusal.SAME_PERSON
    assert audit.confirm(db, other, asked.id, clock.now(), is_alone=True) == asked
    assert audit.confirm(db, other, asked.id, clock.now(), is_alone=True) is ApprovalRefusal.GONE


def test_solo_mode_waits_and_can_be_cancelled(db):
    thing = ("batch", make.name("B"))
    at = clock.now()
    asked = audit.ask(db, make.STAFF, "batch.export", thing, {}, reason="r", solo_wait_seconds=600, at=at)
    assert (
        audit.ask(db, make.STAFF, "batch.export", thing, {}, reason="r", solo_wait_seconds=600, at=at)
        is ApprovalRefusal.ALREADY_ASKED
    )

    assert audit.confirm(db, make.STAFF, asked.id, at, is_alone=True) is ApprovalRefusal.TOO_EARLY
    assert audit.confirm(db, make.STAFF, asked.id, asked.not_before, is_alone=True) == asked
    other = audit.ask(
        db, make.STAFF, "batch.export", ("batch", make.name("B")), {}, reason="r", solo_wait_seconds=600, at=at
    )
    assert audit.cancel(db, make.STAFF, other.id, at) is None
    assert audit.confirm(db, make.STAFF, other.id, other.not_before, is_alone=True) is ApprovalRefusal.GONE


def test_a_shared_secret_is_sold_up_to_its_cap(db, ring):
    sku, batch = shared(db, ring, cap=2)
    buyers = [make.buyer() for _ in range(3)]
    placed = [make.order(db, ring, sku, 1, who) for who in buyers[:2]]

    assert sales.place(db, ring, [make.checkout(db, sku, 1, buyers[2])], clock.now()) == [SaleRefusal.OUT_OF_STOCK]
    sales.settle(db, [make.notice(one) for one in placed], clock.now())
    shown = [
        sales.reveal(db, ring, one.token, who, clock.now())[0].secret for one, who in zip(placed, buyers, strict=False)
    ]
    assert shown == ["shared-one"] * 2
    cards.add_slots(db, make.STAFF, batch.pool_id, 1, clock.now())
    confirmed(db, batch)
    make.order(db, ring, sku, 1, buyers[2])


def test_a_changed_secret_reaches_later_buyers_and_leaves_earlier_ones_theirs(db, ring):
    """Whoever ordered while the old one was for sale gets the old one; nobody a secret that no second person has seen."""
    sku, batch = shared(db, ring, cap=5)
    buyers = [make.buyer() for _ in range(3)]
    placed = [make.order(db, ring, sku, 1, who) for who in buyers[:2]]
    sales.settle(db, [make.notice(placed[0])], clock.now())
    assert cards.change_content(db, ring, make.STAFF, batch.pool_id, ("", "shared-two"), clock.now()) == 2
    sales.settle(db, [make.notice(placed[1])], clock.now())
    confirmed(db, batch)
    placed.append(make.order(db, ring, sku, 1, buyers[2]))
    sales.settle(db, [make.notice(placed[2])], clock.now())

    shown = [
        sales.reveal(db, ring, one.token, who, clock.now())[0].secret for one, who in zip(placed, buyers, strict=True)
    ]
    assert shown == ["shared-one", "shared-one", "shared-two"]
    assert (
        cards.change_content(db, ring, make.STAFF, batch.pool_id, ("", "shared-two"), clock.now())
        is Refusal.KNOWN_SECRET
    )


@pytest.mark.parametrize("verb", [cards.put_on_sale, cards.start])
def test_a_verb_on_nothing_is_refused(db, verb):
    assert verb(db, make.STAFF, 2**40, clock.now()) is Refusal.NO_SUCH_BATCH


def shared(db, ring, cap):
    sku = make.sku(db, kind="shared_secret")
    form = Format("utf-8", "", ("secret",), has_header=False)
    told = NewBatch(sku.id, make.supplier(db), "shared_secret", "", 0, "", "", form, 100, "")
    batch = cards.open_shared(db, ring, make.STAFF, told, ("", "shared-one"), cap, clock.now())
    assert isinstance(batch, Batch)
    make.put_on_sale(db, ring, batch.pool_id)
    return sku, batch


def confirmed(db, batch):
    """A second person confirms what has changed, and the batch is for sale again."""
    assert isinstance(cards.confirm(db, make.REVIEWER, batch.pool_id, clock.now()), Batch)
    assert isinstance(cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now()), Batch)


@pytest.mark.parametrize("change", ["content", "slots"])
def test_a_batch_that_one_person_changed_is_confirmed_again_before_it_is_sold(db, ring, change):
    """S-07: another secret, or more buyers of it, is a step of the chain and waits for a second person."""
    sku, batch = shared(db, ring, cap=2)
    pool, other = batch.pool_id, replace(make.STAFF, name="other@kashu.example")
    if change == "content":
        assert cards.change_content(db, ring, other, pool, ("", "shared-two"), clock.now()) == 2
    else:
        assert isinstance(cards.add_slots(db, other, pool, 3, clock.now()), Batch)

    assert sales.place(db, ring, [make.checkout(db, sku)], clock.now()) == [SaleRefusal.OUT_OF_STOCK]
    assert cards.put_on_sale(db, make.STAFF, pool, clock.now()) is Refusal.NOT_CONFIRMED
    assert cards.confirm(db, other, pool, clock.now()) is PaperRefusal.SAME_PERSON
    assert cards.cancel(db, make.STAFF, pool, "x", clock.now()) is Refusal.WRONG_STATE, "some of it may be sold"
    confirmed(db, batch)
    steps = cards.steps(db, pool)
    assert [step.event for step in steps][-4:] == [change, "withdrawn", "confirmed", "on_sale"]
    assert cards.broken(steps) is None
    make.order(db, ring, sku)


def test_a_step_tells_of_a_secret_without_telling_it(db, ring):
    """Its hash is of the keyed fingerprint: who reads the chain cannot try secrets out."""
    _sku, batch = shared(db, ring, cap=2)
    [told] = [step for step in cards.steps(db, batch.pool_id) if step.event == "content"]
    assert told.body["version"] == 1
    assert (
        told.body["sha256"]
        == sha256(ring.fingerprint("", "shared-one")).hexdigest()
        != sha256(b"shared-one").hexdigest()
    )
    assert [step.event for step in cards.steps(db, batch.pool_id)][:3] == ["received", "content", "loaded"]


def test_alone_a_change_waits_like_a_receipt(db, ring):
    """Design §5a: the wait begins with the change, not with the first receipt."""
    _sku, batch = shared(db, ring, cap=2)
    party.choose_solo(db, make.STAFF, party.Platform(is_solo=True, solo_wait_seconds=600), clock.now())
    at = clock.now() + timedelta(hours=1)
    cards.change_content(db, ring, make.STAFF, batch.pool_id, ("", "shared-two"), at)
    early = cards.confirm(db, make.STAFF, batch.pool_id, at + timedelta(seconds=599), is_alone=True)
    assert early is PaperRefusal.SAME_PERSON
    assert isinstance(cards.confirm(db, make.STAFF, batch.pool_id, at + timedelta(seconds=600), is_alone=True), Batch)


def test_more_room_with_a_supplier_wants_no_receipt(db, ring):
    """What is issued for each order (直充) came with nobody: it is a step, and stays for sale."""
    sku = make.sku(db, kind="on_demand")
    batch = make.slots(db, ring, sku, 1)
    assert cards.add_slots(db, make.STAFF, batch.pool_id, 2, clock.now()).state == "on_sale"
    assert cards.steps(db, batch.pool_id)[-1].body == {"before": 1, "cap": 3}


def started(db, ring, sku):
    form = Format("utf-8", "", ("secret",), has_header=False)
    told = NewBatch(sku.id, make.supplier(db), "single_use", "f.txt", 1, "0" * 64, "", form, 100, "")
    batch = cards.receive(db, ring, make.STAFF, told, clock.now())
    cards.start(db, make.STAFF, batch.pool_id, clock.now())
    return batch


def card(line_no, secret):
    return NewCard(line_no, "", f"{make.SEED}-{secret}", date(9999, 12, 31), None, None, "")


def test_stock_that_left_before_it_was_ever_sold_is_not_booked(db, ring):
    batch = make.batch(db, ring, make.sku(db), 3, cost_fen=2_000, on_sale=False)
    cards.withdraw(db, make.STAFF, batch.pool_id, "x", clock.now())
    cards.export_unsold(db, ring, make.STAFF, batch.pool_id, make.ids(1)[0], clock.now())
    make.papered(db, ring, batch.pool_id)
    cards.put_on_sale(db, make.STAFF, batch.pool_id, clock.now())
    assert inventory(db, batch) == []


def test_more_slots_of_a_shared_secret_are_more_stock(db, ring):
    _sku, batch = shared(db, ring, cap=5)
    cards.add_slots(db, make.STAFF, batch.pool_id, 2, clock.now())
    assert inventory(db, batch) == [-500, -200]


def inventory(db, batch):
    sql = "SELECT amount_fen FROM ledger_sale_entry WHERE pool_id = %s AND account_id = 5 ORDER BY amount_fen"
    return values(db, sql, [batch.pool_id])
