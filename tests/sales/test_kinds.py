"""Every kind of stock on both ways of selling: cards that are picked, codes of our own, orders issued later."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kashu import cards, catalog, ledger, payments, sales
from kashu.cards import rules
from kashu.kernel import clock
from kashu.kernel.db import value, values
from kashu.sales import FulfilRefusal, Receipt, RefundRefusal, Refusal, SellRefusal, Sending
from kashu.server import invariants
from tests import make

sys.path.insert(0, str(Path(__file__).parents[2] / "clients" / "python"))
from kashu_client import is_typed_right

FORM = {"phone": "138 0013 8000"}


def sell(db, ring, *purchases):
    return sales.sell(db, ring, list(purchases), clock.now())


def balance(db, account):
    return sales.accounts(db, [account.id])[account.id].balance_fen


def key_of(db, number):
    return db.execute("SELECT pool_id, id FROM sales_order WHERE number = %s", [number]).fetchone()


def state_of(db, key):
    return sales.orders(db, [key])[key[1]].state


def sound(db):
    assert ledger.check(db) == []
    assert invariants.check(db) == []


# ---- 自选


def test_a_picked_card_is_the_one_that_is_sold_with_its_surcharge(db, ring):
    sku, account = make.stocked(db, ring, 3, kind="pick"), make.account(db)

    [told] = sell(db, ring, make.purchase(sku, account, pick="N3"))

    assert [card.number for card in told.cards] == ["N3"]
    assert told.total_fen == 3_990 + 200
    steps = value(db, "SELECT price_steps FROM sales_line WHERE order_id = %s", [key_of(db, told.number)[1]])
    assert steps[-1] == {"what": "pick", "price_fen": 4_190, "label": "N3", "surcharge_fen": 200}
    assert balance(db, account) == 1_000_000 - 4_190
    sound(db)


def test_a_label_is_sold_once_in_a_batch_and_after_it(db, ring):
    sku, account = make.stocked(db, ring, 2, kind="pick"), make.account(db)
    first, second = sell(db, ring, *(make.purchase(sku, account, pick="N1") for _ in range(2)))
    assert (type(first), second) == (Receipt, SellRefusal.PICK_TAKEN)
    assert sell(db, ring, make.purchase(sku, account, pick="N1")) == [SellRefusal.PICK_TAKEN]


@pytest.mark.parametrize(
    ("told", "refusal"),
    [
        ({}, SellRefusal.PICK_TAKEN),  # a card has to be named
        ({"pick": "no such"}, SellRefusal.PICK_TAKEN),
        ({"pick": "N1", "quantity": 2}, SellRefusal.OVER_LIMIT),
        ({"pick": "N1", "form": {"phone": "13800138000"}}, SellRefusal.FORM_WRONG),
    ],
)
def test_a_pick_that_is_none_sells_nothing(db, ring, told, refusal):
    sku, account = make.stocked(db, ring, 2, kind="pick"), make.account(db)
    assert sell(db, ring, make.purchase(sku, account, told.pop("quantity", 1), **told)) == [refusal]


def test_what_is_not_picked_takes_no_label(db, ring):
    sku, account = make.stocked(db, ring, 2), make.account(db)
    assert sell(db, ring, make.purchase(sku, account, pick="N1")) == [SellRefusal.PICK_TAKEN]


def test_a_guest_pays_the_surcharge_that_the_page_showed(db, ring):
    sku = make.stocked(db, ring, 3, kind="pick")
    [wrong] = sales.place(db, ring, [make.checkout(db, sku, pick="N2", surcharge_fen=0)], clock.now())
    assert wrong is Refusal.PAGE_CHANGED

    placed = make.order(db, ring, sku, pick="N2", surcharge_fen=100)
    assert placed.total_fen == 4_090
    [taken] = sales.place(db, ring, [make.checkout(db, sku, pick="N2", surcharge_fen=100)], clock.now())
    assert taken is Refusal.PICK_TAKEN
    assert [one.label for one in cards.choices(db, sku.id, clock.biz_date(clock.now()), "", "", 9)] == ["N1", "N3"]


def test_a_late_payer_gets_the_card_that_was_picked_or_the_money_back(db, ring):
    sku = make.stocked(db, ring, 2, kind="pick")
    kept, lost = (
        make.order(db, ring, sku, hold_seconds=200, pick=f"N{n}", surcharge_fen=100 * (n - 1)) for n in (1, 2)
    )
    later = clock.now() + timedelta(seconds=500)
    sales.expire(db, later)
    assert isinstance(sell(db, ring, make.purchase(sku, make.account(db), pick="N2"))[0], Receipt)

    sales.settle(db, [make.notice(kept, paid_at=later), make.notice(lost, paid_at=later)], later)

    assert state_of(db, (kept.pool_id, kept.id)) == "delivered"
    assert state_of(db, (lost.pool_id, lost.id)) == "refunding"
    [line] = sales.lines_of(db, [kept.id])[kept.id]
    label = "SELECT label FROM cards_card WHERE sale_line_id = %s"
    assert values(db, label, [line.id]) == ["N1"]
    sound(db)


def test_a_lapsed_hold_frees_its_label_at_once(db, ring):
    sku, account = make.stocked(db, ring, 1, kind="pick"), make.account(db)
    make.order(db, ring, sku, hold_seconds=200, pick="N1")
    [told] = sales.sell(db, ring, [make.purchase(sku, account, pick="N1")], clock.now() + timedelta(seconds=500))
    assert isinstance(told, Receipt)


def test_a_struck_price_knows_nothing_of_surcharges(db, ring):
    sku = make.stocked(db, ring, 3, kind="pick")
    placed = make.order(db, ring, sku, pick="N3", surcharge_fen=200)
    [line] = sales.lines_of(db, [placed.id])[placed.id]
    assert (line.price_fen, line.deal_price_fen) == (4_190, 3_990)


def test_a_file_of_cards_to_pick_says_what_shows_of_each(db, ring):
    sku = make.sku(db, kind="pick")
    form = cards.Format("utf-8", "comma", ("label", "secret", "surcharge"), has_header=False)
    told = cards.NewBatch(sku.id, make.supplier(db), "pick", "f.csv", 1, "0" * 64, "", form, 100, "")
    batch = cards.receive(db, ring, make.STAFF, told, clock.now())
    cards.start(db, make.STAFF, batch.pool_id, clock.now())
    lines = [
        f"靓号8888,{make.name('s')},50.00",
        f"靓号6666,{make.name('s')},",
        f"靓号8888,{make.name('s')},1",
        "x" * 65 + f",{make.name('s')},1",
        f"号,{make.name('s')},一",
    ]
    parsed = cards.parse(lines, 1, form, clock.biz_date(clock.now()))
    make.load(db, ring, batch.pool_id, 0, parsed)
    twice = f"靓号6666,{make.name('s')},"
    found = make.load(db, ring, batch.pool_id, 5, cards.parse([twice], 6, form, clock.biz_date(clock.now())))

    assert (found.accepted, found.rejected) == (2, 4)
    assert cards.reject_counts(db, batch.pool_id) == {"duplicate_label": 2, "bad_label": 1, "bad_amount": 1}
    again = make.load(
        db,
        ring,
        batch.pool_id,
        6,
        cards.parse([twice.replace("靓号6666", "靓号1")], 7, form, clock.biz_date(clock.now())),
    )
    assert again.accepted == 3, "a card that was turned away for its label may come again under another"
    sound(db)


# ---- 自发码


def test_codes_of_our_own_are_as_the_rule_says_and_unguessable():
    made = list(cards.make_codes("KC-****-****-****-****?", "plain", 500))
    assert len(set(made)) == 500
    assert all(is_typed_right(code) for code in made)
    slip = made[0][:4] + ("A" if made[0][4] != "A" else "B") + made[0][5:]
    assert not is_typed_right(slip)
    assert {code[-1] for code in made} <= set(cards.ALPHABETS["plain"])
    digits = list(cards.make_codes("****************?", "digits", 200))
    assert all(code.isdigit() and is_typed_right(code) for code in digits)
    assert not cards.is_guessable("KC-****-****-****-****?", "plain", 1_000_000)
    assert cards.is_guessable("****-****", "plain", 1_000_000)
    assert cards.is_guessable("************", "digits", 1_000)


@pytest.mark.parametrize("pattern", ["", "KC-", "kc-****", "KC ****", "**?**", "*" * 41, "课-****"])
def test_a_pattern_that_is_none(pattern):
    assert not cards.is_pattern(pattern)


# ---- 直充, 代充


@pytest.fixture
def topup(db, ring):
    sku = make.sku(db, price_fen=1_000, kind="on_demand")
    make.slots(db, ring, sku, 3)
    return sku


def test_a_purchase_that_is_issued_is_owed_until_it_is_done(db, ring, topup):
    account = make.account(db, 5_000)
    purchase = make.purchase(topup, account, form=FORM, reference="PO-9")
    [told] = sell(db, ring, purchase)

    assert (told.state, told.cards, told.delivered_at, told.total_fen) == ("processing", (), None, 1_000)
    assert balance(db, account) == 4_000
    sound(db)
    key = key_of(db, told.number)
    sending = sales.send(db, ring, key, clock.now())
    assert isinstance(sending, Sending)
    assert (sending.number, sending.source_code, sending.form) == (told.number, "TOPUP-10", {"phone": "13800138000"})
    assert sales.send(db, ring, key, clock.now()) is FulfilRefusal.BEING_ISSUED

    assert sales.fulfilled(db, ring, make.STAFF, key, ("SN-1", "充值成功"), clock.now()) is None

    [again] = sell(db, ring, purchase)
    assert (again.state, again.number, [(card.number, card.secret) for card in again.cards]) == (
        "delivered", told.number, [("SN-1", "充值成功")],
    )  # fmt: skip
    assert sales.fulfilled(db, ring, make.STAFF, key, ("SN-1", "充值成功"), clock.now()) is FulfilRefusal.ENDED
    assert sales.unfulfilled(db, make.STAFF, key, "late", clock.now()) is FulfilRefusal.ENDED
    booked = db.execute(
        "SELECT recipe, sum(amount_fen) FROM ledger_posting AS p JOIN ledger_account AS a ON a.id = p.account_id"
        " WHERE a.code = 'sales' AND reason_id = (SELECT id FROM sales_line WHERE order_id = %s) GROUP BY 1", [key[1]],
    ).fetchall()  # fmt: skip
    assert booked == [("line_delivered", 1_000)]
    sound(db)


def test_a_purchase_that_cannot_be_issued_gives_everything_back(db, ring, topup):
    account = make.account(db, 5_000, day_max_fen=1_500)
    [told] = sell(db, ring, make.purchase(topup, account, form=FORM))
    key = key_of(db, told.number)
    sales.send(db, ring, key, clock.now())

    assert sales.unfulfilled(db, make.STAFF, key, "账号不支持", clock.now()) is None

    assert (state_of(db, key), balance(db, account)) == ("refunded", 5_000)
    [receipt] = sales.receipts(db, ring, [key])
    assert (receipt.state, receipt.cards) == ("refunded", ())
    assert cards.on_shelf(db, [topup.id], clock.biz_date(clock.now()), 9) == {topup.id: 3}
    assert isinstance(sell(db, ring, make.purchase(topup, account, form=FORM))[0], Receipt), (
        "the day's limit is free again"
    )
    sound(db)


@pytest.mark.parametrize(
    "form", [{}, {"phone": ""}, {"phone": "12345"}, {"phone": "13800138000", "more": "x"}, {"qq": "1"}, {"phone": "1380013800０"}]
)  # fmt: skip
def test_a_form_that_is_not_right_sells_nothing(db, ring, topup, form):
    account = make.account(db)
    assert sell(db, ring, make.purchase(topup, account, form=form)) == [SellRefusal.FORM_WRONG]
    [placed] = sales.place(db, ring, [make.checkout(db, topup, form=form)], clock.now())
    assert placed is Refusal.FORM_WRONG


def test_slots_run_out_like_cards(db, ring, topup):
    account = make.account(db)
    told = sell(db, ring, *(make.purchase(topup, account, form=FORM) for _ in range(4)))
    assert [type(one) for one in told[:3]] == [Receipt] * 3
    assert told[3] is SellRefusal.OUT_OF_STOCK


def test_a_supplier_that_never_had_an_order_is_sent_it_again(db, ring, topup):
    [told] = sell(db, ring, make.purchase(topup, make.account(db), form=FORM))
    key = key_of(db, told.number)
    sales.send(db, ring, key, clock.now())
    assert not sales.not_arrived(db, key, 2, clock.now()), "an answer about another sending"
    assert sales.not_arrived(db, key, 1, clock.now())
    again = sales.send(db, ring, key, clock.now())
    assert isinstance(again, Sending)
    assert again.number == told.number
    assert sales.fulfilments(db, [key])[key[1]].tries == 2


def test_what_nobody_began_with_in_time_is_given_back_and_what_was_sent_is_not(db, ring, topup):
    account = make.account(db, 5_000)
    first, second = (
        key_of(db, one.number) for one in sell(db, ring, *(make.purchase(topup, account, form=FORM) for _ in range(2)))
    )
    sales.send(db, ring, second, clock.now())
    later = clock.now() + timedelta(minutes=31)

    assert [sales.give_up(db, key, clock.now()) for key in (first, second)] == [False, False]
    assert [key for _due, key in sales.overdue(db, later, None) if key in (first, second)] == [first]
    assert [sales.give_up(db, key, later) for key in (first, second)] == [True, False]
    assert (state_of(db, first), state_of(db, second), balance(db, account)) == ("refunded", "paid", 4_000)
    assert sales.sending(db, ring, second).number, "only the supplier's word, or a person's, ends it"
    sound(db)


def test_a_guest_pays_first_and_is_delivered_when_it_is_done(db, ring, topup):
    placed = make.order(db, ring, topup, form=FORM)
    key = (placed.pool_id, placed.id)
    assert sales.fulfilments(db, [key])[placed.id].shown == "充值手机号 138••••8000"
    assert sales.send(db, ring, key, clock.now()) is FulfilRefusal.ENDED, "nothing is sent before it is paid"
    notice = make.notice(placed)
    assert sales.settle(db, [notice, notice], clock.now()) == ["paid", "repeated"]
    assert state_of(db, key) == "paid"
    assert str(placed.id) in values(db, "SELECT body ->> 'order_id' FROM outbox WHERE topic = 'fulfil.send'")
    sound(db)

    assert isinstance(sales.send(db, ring, key, clock.now()), Sending)
    sales.fulfilled(db, ring, make.STAFF, key, ("SN-2", "充值成功 SN-2"), clock.now())
    opened = sales.reveal(db, ring, placed.token, placed.checkout.buyer, clock.now())
    assert [(card.number, card.secret) for card in opened] == [("SN-2", "充值成功 SN-2")]
    mine = placed.checkout.buyer.device
    assert (
        sales.refund(db, make.STAFF, placed.token, mine, "changed my mind", clock.now()) is RefundRefusal.ALREADY_SEEN
    )
    sound(db)


def test_a_guest_gets_all_of_the_money_back_where_it_cannot_be_done(db, ring, topup):
    placed = make.order(db, ring, topup, form=FORM)
    key = (placed.pool_id, placed.id)
    sales.settle(db, [make.notice(placed)], clock.now())
    sales.send(db, ring, key, clock.now())
    assert sales.unfulfilled(db, make.STAFF, key, "账号不支持", clock.now()) is None
    assert state_of(db, key) == "refunding"
    [refund] = payments.refunds_of(db, *key)
    assert refund.amount_fen == 1_000
    assert sales.refunded(db, key[0], refund.id, clock.now())
    sound(db)


def test_a_guest_may_call_it_off_until_somebody_has_begun(db, ring):
    sku = make.sku(db, kind="manual")
    make.slots(db, ring, sku, 3)
    first, second = (make.order(db, ring, sku, form=FORM) for _ in range(2))
    sales.settle(db, [make.notice(first), make.notice(second)], clock.now())

    assert sales.look(db, ring, make.STAFF, (first.pool_id, first.id), clock.now()) == {"phone": "13800138000"}
    buyers = [one.checkout.buyer.device for one in (first, second)]
    assert sales.refund(db, make.STAFF, first.token, buyers[0], "no", clock.now()) is RefundRefusal.BEING_ISSUED
    assert isinstance(sales.refund(db, make.STAFF, second.token, buyers[1], "no", clock.now()), payments.Refund)
    assert sales.fulfilled(db, ring, make.STAFF, (first.pool_id, first.id), ("", "已代充"), clock.now()) is None
    sound(db)


def test_money_that_comes_late_is_issued_too(db, ring, topup):
    placed = make.order(db, ring, topup, hold_seconds=200, form=FORM)
    later = clock.now() + timedelta(seconds=500)
    sales.expire(db, later)
    sales.settle(db, [make.notice(placed, paid_at=later)], later)
    key = (placed.pool_id, placed.id)
    assert state_of(db, key) == "paid"
    assert isinstance(sales.send(db, ring, key, later), Sending)
    sound(db)


def test_the_form_stands_nowhere_in_the_clear(db, ring, topup):
    """The number is sealed with its order; what is kept to recognise a repeated call cannot be tried out."""
    placed = make.order(db, ring, topup, form=FORM)
    sell(db, ring, make.purchase(topup, make.account(db), form=FORM))
    tables = values(db, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for table in tables:
        assert value(db, f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%%13800138000%%'") == 0, table
    assert placed.checkout.form == FORM


def test_a_slot_is_owed_to_its_supplier_when_it_is_issued(db, ring, topup):
    def owed():
        told = "SELECT coalesce(sum(amount_fen), 0) FROM ledger_posting AS p JOIN ledger_account AS a ON a.id = p.account_id WHERE a.code = %s"
        return value(db, told, [f"payable:{source.supplier_id}"]), value(db, told, ["inventory"])

    source = cards.source_of_pool(db, value(db, "SELECT id FROM cards_pool WHERE sku_id = %s", [topup.id]))[0]
    before = owed()
    assert before[0] == 0
    [told] = sell(db, ring, make.purchase(topup, make.account(db), form=FORM))
    key = key_of(db, told.number)
    sales.send(db, ring, key, clock.now())
    assert owed() == before
    sales.fulfilled(db, ring, make.STAFF, key, ("SN", "ok"), clock.now())
    assert owed() == (900, before[1])


def test_a_closed_source_takes_no_new_orders(db, ring, topup):
    account = make.account(db)
    [before] = sell(db, ring, make.purchase(topup, account, form=FORM))
    pool = value(db, "SELECT id FROM cards_pool WHERE sku_id = %s", [topup.id])
    source = cards.source_of_pool(db, pool)[0]
    cards.set_source(db, ring, make.STAFF, replace(source, is_open=False), "", clock.now())
    assert sell(db, ring, make.purchase(topup, account, form=FORM)) == [SellRefusal.OUT_OF_STOCK]
    assert isinstance(sales.send(db, ring, key_of(db, before.number), clock.now()), Sending), (
        "what was paid is still sent"
    )
    cards.set_source(db, ring, make.STAFF, replace(source, is_open=True), "", clock.now())
    assert isinstance(sell(db, ring, make.purchase(topup, account, form=FORM))[0], Receipt)


def test_an_organisations_order_goes_back_to_its_balance_only(db, ring, topup):
    [told] = sell(db, ring, make.purchase(topup, make.account(db), form=FORM))
    order = sales.orders(db, [key_of(db, told.number)])[key_of(db, told.number)[1]]
    assert sales.refund(db, make.STAFF, order.token, None, "x", clock.now()) is RefundRefusal.OF_ACCOUNT


def test_a_bulk_purchase_is_of_cards_that_are_alike(db, ring, topup):
    asked = make.purchase(topup, make.account(db), 5)
    assert sales.ask_bulk(db, ring, make.STAFF, asked, "correct horse battery", clock.now()) is SellRefusal.OVER_LIMIT


def test_a_sku_that_is_issued_asks_for_whom_and_no_other_does(db):
    for kind, form in (("manual", []), ("single_use", [make.PHONE_FIELD]), ("manual", [make.PHONE_FIELD] * 2),
                       ("manual", [{"name": "Bad Name", "label": "x", "kind": "text"}]),
                       ("manual", [{"name": "a", "label": "x", "kind": "secret"}])):  # fmt: skip
        wanted = catalog.Sku(0, make.name("S").upper(), 1, "年卡", kind, 100, None, [], 1, None, "", 1, 0, True, form)
        assert catalog.add_sku(db, make.STAFF, wanted, clock.now()) is catalog.Refusal.FORM_WRONG


wishes = st.lists(
    st.tuples(st.sampled_from([0, 1]), st.sampled_from(["one", "pick", "pick", "later"]),
              st.sampled_from(["N1", "N2", "N3", ""]), st.sampled_from("abcdef"), st.sampled_from(["", "", "R1"])),
    max_size=10,
)  # fmt: skip


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes, st.integers(1, 3), st.integers(0, 3), st.sampled_from([4_000, 12_000, 100_000]))
def test_together_is_one_at_a_time_for_every_kind(db, ring, asked, labels, slots, funds):
    def play(in_one):
        skus = {"one": make.stocked(db, ring, 2), "pick": make.stocked(db, ring, labels, kind="pick")}
        skus["later"] = make.sku(db, kind="manual")
        if slots:
            make.slots(db, ring, skus["later"], slots)
        accounts = [make.account(db, funds), make.account(db, 5_000)]
        purchases = [
            make.purchase(skus[kind], accounts[who], key=key, reference=reference, asked=f"{kind} {label} {reference}",
                          pick=label if kind == "pick" else "", form=FORM if kind == "later" else {})
            for who, kind, label, key, reference in asked
        ]  # fmt: skip
        answers = sell(db, ring, *purchases) if in_one else [sell(db, ring, one)[0] for one in purchases]
        names = {}
        plain = [
            one if isinstance(one, SellRefusal)
            else (names.setdefault(one.number, len(names)), one.total_fen, one.state, [card.number for card in one.cards])
            for one in answers
        ]  # fmt: skip
        sound(db)
        return plain, [balance(db, account) for account in accounts]

    db.execute("SAVEPOINT world")
    together, alone = play(in_one=True), play(in_one=False)
    db.execute("ROLLBACK TO SAVEPOINT world")
    assert together == alone


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["pick", "later"]), st.sampled_from(["N1", "N2", "N3"]), st.sampled_from("abcd")), max_size=8))  # fmt: skip
def test_guests_together_are_one_at_a_time_for_every_kind(db, ring, asked):
    def play(in_one):
        skus = {"pick": make.stocked(db, ring, 2, kind="pick"), "later": make.sku(db, kind="manual")}
        make.slots(db, ring, skus["later"], 2)
        guests = {key: make.buyer() for _, _, key in asked}
        checkouts = [
            make.checkout(db, skus[kind], who=guests[key], key=key * 8, pick=label, surcharge_fen=100 * (int(label[1]) - 1))
            if kind == "pick" else make.checkout(db, skus[kind], who=guests[key], key=key * 8, form=FORM, form_mark="f")
            for kind, label, key in asked
        ]  # fmt: skip
        at = clock.now()
        answers = (
            sales.place(db, ring, checkouts, at)
            if in_one
            else [sales.place(db, ring, [one], at)[0] for one in checkouts]
        )
        names = {}
        return [one if isinstance(one, Refusal) else (names.setdefault(one.id, len(names))) for one in answers]

    db.execute("SAVEPOINT world")
    together, alone = play(in_one=True), play(in_one=False)
    db.execute("ROLLBACK TO SAVEPOINT world")
    assert together == alone


def test_what_may_still_arrive_cannot_be_called_off(db, ring, topup):
    """The supplier says that it never had it; a call that was sent a moment ago may arrive all the same."""
    placed = make.order(db, ring, topup, form=FORM)
    key = (placed.pool_id, placed.id)
    sales.settle(db, [make.notice(placed)], clock.now())
    sales.send(db, ring, key, clock.now())
    assert sales.not_arrived(db, key, 1, clock.now())
    mine = placed.checkout.buyer.device
    assert sales.refund(db, make.STAFF, placed.token, mine, "no", clock.now()) is RefundRefusal.BEING_ISSUED


def test_why_it_failed_names_nobody(db, ring, topup):
    placed = make.order(db, ring, topup, form=FORM)
    key = (placed.pool_id, placed.id)
    sales.settle(db, [make.notice(placed)], clock.now())
    sales.unfulfilled(db, make.STAFF, key, "13800138000 已停机", clock.now())
    assert sales.fulfilments(db, [key])[placed.id].trouble == "138••••8000 已停机"
    assert sales.tidy_reason("账号 听风少年不存在", {"text": "听风少年"}) == "账号 ••••不存在"


def test_a_batch_of_a_closed_source_is_not_put_on_sale(db, ring, topup):
    pool = value(db, "SELECT id FROM cards_pool WHERE sku_id = %s", [topup.id])
    source = cards.source_of_pool(db, pool)[0]
    cards.withdraw(db, make.STAFF, pool, "x", clock.now())
    cards.set_source(db, ring, make.STAFF, replace(source, is_open=False), "", clock.now())
    cards.put_on_sale(db, make.STAFF, pool, clock.now())
    account = make.account(db)
    assert sell(db, ring, make.purchase(topup, account, form=FORM)) == [SellRefusal.OUT_OF_STOCK]
    cards.set_source(db, ring, make.STAFF, replace(source, is_open=True), "", clock.now())
    assert isinstance(sell(db, ring, make.purchase(topup, account, form=FORM))[0], Receipt)


@pytest.mark.parametrize(
    ("told", "label"),
    [("靓号　8888 ", "靓号 8888"), ("ＡＢＣ１", "ABC1"), ("a\u200bb", None), ("a\u202eb", None), ("x" * 65, None)],
)
def test_labels_that_look_the_same_are_the_same(told, label):
    assert rules.tidy_label(told) == label


def test_codes_that_are_drawn_again_count_against_the_margin():
    """Of digits with letters about them, most check characters are letters: those codes are not made."""
    assert not cards.is_guessable("KC-" + "*" * 12 + "?", "digits", 50)
    assert cards.is_guessable("KC-" + "*" * 12 + "?", "digits", 100)
    assert not cards.is_guessable("KC-" + "*" * 12, "digits", 100)


def test_a_till_without_a_network_finds_slips_of_the_finger():
    """ISO 7064 finds every single wrong character and every exchange of neighbours."""
    for pattern, alphabet in (("KC-****-****?", "plain"), ("**********?", "digits")):
        for code in cards.make_codes(pattern, alphabet, 30):
            assert is_typed_right(code.lower())
            for at, sign in enumerate(code):
                if sign != "-":
                    wrong = "7" if sign != "7" else "8"
                    assert not is_typed_right(code[:at] + wrong + code[at + 1 :])
    assert not is_typed_right("")
    assert not is_typed_right("课程-1234")
