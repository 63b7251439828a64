"""Purchases by machine: what each is answered, and that a batch is nothing but its purchases one at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kashu import cards, ledger, sales
from kashu.audit import ApprovalRefusal
from kashu.kernel import clock
from kashu.kernel.db import value, values
from kashu.sales import AccountRefusal, ContractPrice, InvoiceRefusal, Receipt, SellRefusal
from kashu.server import invariants
from tests import make


def sell(db, ring, *purchases):
    return sales.sell(db, ring, list(purchases), clock.now())


def balance(db, account):
    return sales.accounts(db, [account.id])[account.id].balance_fen


def test_a_purchase_gives_the_card_and_takes_the_money(db, ring):
    sku, account = make.stocked(db, ring, 5), make.account(db, 10_000)

    [told] = sell(db, ring, make.purchase(sku, account, 2, reference="PO-1"))

    assert isinstance(told, Receipt)
    assert (told.code, told.quantity, told.total_fen, told.reference) == (sku.code, 2, 7_980, "PO-1")
    assert [card.secret[:5] for card in told.cards] == ["KZ7F-", "KZ7F-"]
    assert balance(db, account) == 2_020
    assert ledger.check(db) == []
    assert invariants.check(db) == []


def test_a_purchase_books_prepayment_into_income_and_stock_into_cost(db, ring):
    sku, account = make.stocked(db, ring, 1), make.account(db)
    [told] = sell(db, ring, make.purchase(sku, account))

    booked = db.execute(
        "SELECT account.code, posting.amount_fen FROM ledger_posting AS posting"
        " JOIN ledger_account AS account ON account.id = posting.account_id"
        " JOIN sales_line AS line ON line.id = posting.reason_id JOIN sales_order AS told ON told.id = line.order_id"
        " WHERE told.number = %s",
        [told.number],
    ).fetchall()
    assert dict(booked) == {
        f"prepaid:{account.party_id}": -3_990,
        "sales": 3_990,
        "cogs": -3_000,
        "inventory": 3_000,
    }


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"quantity": 0}, SellRefusal.OVER_LIMIT),
        ({"quantity": 1_001}, SellRefusal.OVER_LIMIT),
        ({"quantity": 3}, SellRefusal.SHORT_OF_FUNDS),
        ({"quantity": 2}, SellRefusal.OUT_OF_STOCK),
    ],
)
def test_a_refused_purchase_leaves_no_trace(db, ring, asked, refusal):
    sku, account = make.stocked(db, ring, 1), make.account(db, 8_000)
    purchase = make.purchase(sku, account, reference="PO-2", **asked)

    assert sell(db, ring, purchase) == [refusal]
    assert balance(db, account) == 8_000
    assert values(db, "SELECT key FROM sales_key WHERE key = %s", [purchase.key]) == []
    assert values(db, "SELECT reference FROM sales_reference WHERE account_id = %s", [account.id]) == []
    assert isinstance(sell(db, ring, make.purchase(sku, account, key=purchase.key, reference="PO-2"))[0], Receipt)


def test_what_is_not_for_sale_is_not_sold(db, ring):
    account = make.account(db)
    assert sell(db, ring, make.purchase("NO-SUCH", account)) == [SellRefusal.NOT_FOR_SALE]


def test_prepayment_buys_no_third_partys_goods(db, ring):
    sku = make.stocked(db, ring, 1, seller=make.supplier(db))
    assert sell(db, ring, make.purchase(sku, make.account(db))) == [SellRefusal.NEEDS_SPLIT_PAYMENT]


@pytest.mark.parametrize("state", ["frozen", "closed"])
def test_an_account_that_is_not_active_buys_nothing(db, ring, state):
    sku, account = make.stocked(db, ring, 1), make.account(db)
    sales.change_account(db, make.STAFF, account.id, (state, 1_000, None), "risk", clock.now())
    assert sell(db, ring, make.purchase(sku, account)) == [SellRefusal.ACCOUNT_CLOSED]


def test_a_limit_per_day_counts_across_purchases_and_ends_with_the_day(db, ring):
    sku, account = make.stocked(db, ring, 5), make.account(db, day_max_fen=8_000)
    first, second, third = sell(db, ring, *(make.purchase(sku, account) for _ in range(3)))
    assert (type(first), type(second), third) == (Receipt, Receipt, SellRefusal.OVER_LIMIT)
    assert sell(db, ring, make.purchase(sku, account)) == [SellRefusal.OVER_LIMIT]

    [tomorrow] = sales.sell(db, ring, [make.purchase(sku, account)], clock.now() + timedelta(days=1))
    assert isinstance(tomorrow, Receipt)


def test_a_contract_price_is_kept_with_the_sale(db, ring):
    sku, account = make.stocked(db, ring, 3, tiers=[{"from": 3, "price_fen": 3_000}]), make.account(db)
    at = clock.now()
    agreed = ContractPrice(make.ids(1)[0], account.id, sku.id, 3_500, at, None, "", at, "年框")
    assert isinstance(sales.set_contract_price(db, make.STAFF, agreed), ContractPrice)

    [one] = sell(db, ring, make.purchase(sku, account))
    assert one.price_fen == 3_500
    steps = value(
        db,
        "SELECT price_steps FROM sales_line AS l JOIN sales_order AS o ON o.id = l.order_id WHERE o.number = %s",
        [one.number],
    )
    assert [step["what"] for step in steps] == ["base", "contract"]


def test_a_wholesale_price_below_the_contract_wins(db, ring):
    sku, account = make.stocked(db, ring, 3, tiers=[{"from": 3, "price_fen": 3_000}]), make.account(db)
    at = clock.now()
    sales.set_contract_price(
        db, make.STAFF, ContractPrice(make.ids(1)[0], account.id, sku.id, 3_500, at, None, "", at, "")
    )
    [three] = sell(db, ring, make.purchase(sku, account, 3))
    assert three.price_fen == 3_000


def test_a_contract_that_has_ended_leaves_the_public_price(db, ring):
    sku, account = make.stocked(db, ring, 3), make.account(db)
    begin = clock.now() - timedelta(days=2)
    ended = ContractPrice(make.ids(1)[0], account.id, sku.id, 100, begin, begin + timedelta(days=1), "", begin, "")
    sales.set_contract_price(db, make.STAFF, ended)
    [one] = sell(db, ring, make.purchase(sku, account))
    assert one.price_fen == 3_990


def test_the_same_key_gives_the_first_effect_again(db, ring):
    sku, account = make.stocked(db, ring, 5), make.account(db)
    purchase = make.purchase(sku, account, 2, reference="PO-9")

    [first] = sell(db, ring, purchase)
    again, twin = sell(db, ring, purchase, purchase)

    assert first == again == twin
    assert balance(db, account) == 1_000_000 - 7_980


def test_twins_in_one_batch_are_one_purchase(db, ring):
    sku, account = make.stocked(db, ring, 5), make.account(db)
    purchase = make.purchase(sku, account)
    first, twin = sell(db, ring, purchase, purchase)
    assert first == twin
    assert balance(db, account) == 1_000_000 - 3_990


def test_a_key_used_for_something_else_is_refused(db, ring):
    sku, account = make.stocked(db, ring, 5), make.account(db)
    purchase = make.purchase(sku, account)
    sell(db, ring, purchase)
    assert sell(db, ring, make.purchase(sku, account, 2, key=purchase.key)) == [SellRefusal.IDEMPOTENCY_MISMATCH]


def test_keys_of_two_accounts_do_not_meet(db, ring):
    sku, one, other = make.stocked(db, ring, 5), make.account(db), make.account(db)
    first, second = sell(db, ring, make.purchase(sku, one, key="same"), make.purchase(sku, other, key="same"))
    assert first.number != second.number


def test_a_reference_is_used_once_for_ever(db, ring):
    sku, account = make.stocked(db, ring, 5), make.account(db)
    first, second = sell(
        db, ring, make.purchase(sku, account, reference="PO-1"), make.purchase(sku, account, reference="PO-1")
    )
    assert isinstance(first, Receipt)
    assert second is SellRefusal.REFERENCE_TAKEN
    assert sell(db, ring, make.purchase(sku, account, reference="PO-1")) == [SellRefusal.REFERENCE_TAKEN]


def test_keys_are_forgotten_after_seven_days_references_are_not(db, ring):
    sku, account = make.stocked(db, ring, 5), make.account(db)
    purchase = make.purchase(sku, account, reference="PO-1")
    sell(db, ring, purchase)
    sales.forget_keys(db, clock.now() + timedelta(days=6))
    assert sell(db, ring, purchase) != [SellRefusal.REFERENCE_TAKEN]
    assert sales.forget_keys(db, clock.now() + timedelta(days=8)) >= 1
    assert sell(db, ring, purchase) == [SellRefusal.REFERENCE_TAKEN]


def test_what_cannot_be_had_frees_the_money_for_the_next(db, ring):
    """The first order takes all the money if its cards were there; they are not, so the second one can be paid."""
    empty, full = make.stocked(db, ring, 1), make.stocked(db, ring, 1)
    account = make.account(db, 8_000)
    first, second = sell(db, ring, make.purchase(empty, account, 2), make.purchase(full, account, 1))
    assert first is SellRefusal.OUT_OF_STOCK
    assert isinstance(second, Receipt)


def test_an_order_that_cannot_pay_locks_no_card(db, ring):
    sku, account = make.stocked(db, ring, 5), make.account(db, 3_000)
    sell(db, ring, make.purchase(sku, account, 5))
    assert values(
        db, "SELECT count(*) FROM cards_card WHERE xmax <> 0 AND pool_id = (SELECT max(id) FROM cards_pool)"
    ) == [0]


def test_lapsed_holds_are_let_go_before_a_purchase_is_refused(db, ring):
    sku, account = make.stocked(db, ring, 1), make.account(db)
    make.channel(db)
    placed = make.order(db, ring, sku, hold_seconds=60)
    later = placed.hold_until + timedelta(seconds=1)
    [told] = sales.sell(db, ring, [make.purchase(sku, account)], later)
    assert isinstance(told, Receipt)


def test_a_shared_secret_is_sold_to_each_and_runs_out_at_its_cap(db, ring):
    sku, account = make.sku(db, kind="shared_secret"), make.account(db)
    form = cards.Format("utf-8", "dashes", ("secret",), has_header=False)
    told = cards.NewBatch(sku.id, make.supplier(db), "shared_secret", "", 0, "", "", form, 100, "")
    opened = cards.open_shared(db, ring, make.STAFF, told, ("", make.name("SHARED")), 2, clock.now())
    make.put_on_sale(db, ring, opened.pool_id)

    one, two, three = sell(db, ring, *(make.purchase(sku, account) for _ in range(3)))

    assert one.cards[0].secret == two.cards[0].secret
    assert three is SellRefusal.OUT_OF_STOCK
    assert sell(db, ring, make.purchase(sku, account)) == [SellRefusal.OUT_OF_STOCK]


def test_a_purchase_over_several_pools_has_a_line_for_each(db, ring):
    sku, account = make.sku(db), make.account(db)
    for _ in range(3):
        make.batch(db, ring, sku, 2)
    [told] = sell(db, ring, make.purchase(sku, account, 5))
    assert len(told.cards) == 5
    assert (
        value(
            db,
            "SELECT count(*) FROM sales_line AS l JOIN sales_order AS o ON o.id = l.order_id WHERE o.number = %s",
            [told.number],
        )
        == 3
    )
    assert invariants.check(db) == []


def test_one_batch_takes_as_many_statements_as_one_purchase(db, ring):
    sku, account = make.stocked(db, ring, 200), make.account(db, 10**8)
    sell(db, ring, make.purchase(sku, account))
    alone = statements(db, lambda: sell(db, ring, make.purchase(sku, account)))
    batch = statements(db, lambda: sell(db, ring, *(make.purchase(sku, account) for _ in range(64))))
    assert batch == alone <= 24


def statements(db, work):
    from unittest.mock import patch

    import psycopg

    told = []
    real = psycopg.Cursor.execute

    def count(self, query, *args, **kwargs):
        told.append(query)
        return real(self, query, *args, **kwargs)

    with patch.object(psycopg.Cursor, "execute", count):
        work()
    return len(told)


WISHES = st.lists(
    st.tuples(
        st.integers(0, 1),  # account
        st.integers(0, 2),  # SKU; the last one is not for sale
        st.integers(0, 3),  # quantity
        st.integers(0, 5),  # key
        st.sampled_from(["", "", "A", "B"]),  # reference
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WISHES, st.integers(0, 6), st.integers(0, 6), st.integers(0, 30_000), st.sampled_from([None, 9_000]))
def test_together_is_one_at_a_time(db, ring, wishes, stock_a, stock_b, funds, day_max):
    """The answers, the money and the cards of a batch are those of its purchases alone, one after another."""

    def world():
        skus = [make.sku(db), make.sku(db, price_fen=2_000)]
        for sku, stock in zip(skus, (stock_a, stock_b), strict=True):
            make.batch(db, ring, sku, stock - stock // 2) if stock else None
            make.batch(db, ring, sku, stock // 2) if stock > 1 else None
        accounts = [make.account(db, funds, day_max_fen=day_max), make.account(db, 9_000)]
        codes = [*(sku.code for sku in skus), "NO-SUCH"]
        return accounts, [
            make.purchase(
                codes[sku], accounts[who], many, key=f"k{key}", reference=reference, asked=f"{sku} {many} {reference}"
            )
            for who, sku, many, key, reference in wishes
        ]

    def told(answers, accounts):
        names = {}  # numbers are drawn anew: what matters is which answers are the same sale
        plain = [
            one if isinstance(one, SellRefusal)
            else (names.setdefault(one.number, len(names)), one.quantity, one.total_fen, one.reference,
                  [card.number for card in one.cards])
            for one in answers
        ]  # fmt: skip
        return plain, [balance(db, account) for account in accounts]

    db.execute("SAVEPOINT together")
    accounts, purchases = world()
    together = told(sell(db, ring, *purchases), accounts)
    accounts, purchases = world()
    alone = told([sell(db, ring, purchase)[0] for purchase in purchases], accounts)
    assert ledger.check(db) == []
    db.execute("ROLLBACK TO SAVEPOINT together")
    assert together == alone


def test_an_account_is_opened_for_an_organisation_once(db):
    account = make.account(db, 0)
    assert sales.open_account(db, make.STAFF, account.party_id, clock.now()) is AccountRefusal.HAS_ONE
    assert sales.open_account(db, make.STAFF, make.supplier(db), clock.now()) is AccountRefusal.NOT_AN_ORGANISATION


def test_a_topup_takes_two_persons(db):
    account = make.account(db, 0)
    asked = sales.ask_topup(db, make.STAFF, account.id, (5_000, "HT-1", "B-1"), solo_wait_seconds=None, at=clock.now())
    same = sales.credit_topup(db, make.STAFF, asked.approval_id, clock.now(), is_alone=False)
    assert same is ApprovalRefusal.SAME_PERSON
    assert balance(db, account) == 0

    sales.credit_topup(db, make.SECOND, asked.approval_id, clock.now(), is_alone=False)
    assert balance(db, account) == 5_000
    assert sales.credit_topup(db, make.SECOND, asked.approval_id, clock.now(), is_alone=False) is ApprovalRefusal.GONE
    assert ledger.check(db) == []


def test_a_bank_reference_is_credited_once(db):
    account = make.account(db, 0)
    paid = (5_000, "HT-1", make.name("bank"))
    first = sales.ask_topup(db, make.STAFF, account.id, paid, solo_wait_seconds=None, at=clock.now())
    second = sales.ask_topup(db, make.STAFF, account.id, paid, solo_wait_seconds=None, at=clock.now())
    assert second is ApprovalRefusal.ALREADY_ASKED
    sales.credit_topup(db, make.SECOND, first.approval_id, clock.now(), is_alone=False)
    third = sales.ask_topup(db, make.STAFF, account.id, paid, solo_wait_seconds=None, at=clock.now())
    assert third is AccountRefusal.ALREADY_CREDITED


def test_a_balance_below_its_floor_is_refused_by_the_table(db, ring):
    import psycopg

    account = make.account(db, 100)
    with pytest.raises(psycopg.errors.CheckViolation):
        ledger.post(db, _pair(account.id, 101), clock.now())


def _pair(account_id, fen):
    reason = make.ids(1)[0]
    return [
        ledger.Posting(0, reason, "planted", account_id, -fen),
        ledger.Posting(0, reason, "planted", ledger.SALES, fen),
    ]


def test_the_check_of_the_books_finds_planted_faults(house):
    from kashu.kernel.db import connect

    with connect(house.owner_dsn, autocommit=False) as db:
        db.execute("SELECT")
        account = make.account(db, 100)
        db.execute("UPDATE ledger_guarded SET balance_fen = 99 WHERE account_id = %s", [account.id])
        db.execute(
            "UPDATE ledger_entry SET amount_fen = amount_fen - 7 WHERE id = (SELECT id FROM ledger_entry WHERE account_id <> %s ORDER BY id DESC LIMIT 1)",
            [account.id],
        )
        assert {fault.kind for fault in ledger.check(db)} == {"guarded", "unbalanced"}
        db.rollback()


def test_a_sale_is_in_the_trail_without_its_secret(db, ring):
    sku, account = make.stocked(db, ring, 1), make.account(db)
    [told] = sell(db, ring, make.purchase(sku, account))
    kept = value(db, "SELECT string_agg(entry::text, '') FROM audit_entry AS entry WHERE verb = 'order.purchased'")
    assert told.number in kept
    assert told.cards[0].secret not in kept


def test_a_month_is_invoiced_once_for_what_was_bought_less_what_came_back(db, ring):
    account, later = make.account(db), clock.now() + timedelta(days=40)
    topup = make.sku(db, price_fen=1_000, kind="manual")
    make.slots(db, ring, topup, 2)
    form = {"phone": "13800138000"}
    sell(db, ring, make.purchase(make.stocked(db, ring, 3), account, 2))
    kept, back = (one.number for one in sell(db, ring, *(make.purchase(topup, account, form=form) for _ in range(2))))
    key = db.execute("SELECT pool_id, id FROM sales_order WHERE number = %s", [back]).fetchone()
    assert sales.unfulfilled(db, make.STAFF, key, "no such account", clock.now()) is None
    month = clock.biz_date(clock.now()).replace(day=1)

    early = sales.ask_invoice(db, make.STAFF, account.id, (month, "星河", "91330108MA2XINGH02"), later)
    assert early is InvoiceRefusal.STILL_ISSUING
    key = db.execute("SELECT pool_id, id FROM sales_order WHERE number = %s", [kept]).fetchone()
    assert sales.fulfilled(db, ring, make.STAFF, key, ("", "done"), later) is None
    asked = sales.ask_invoice(db, make.STAFF, account.id, (month, "星河", "91330108MA2XINGH02"), later)
    assert (asked.amount_fen, asked.state) == (7_980 + 1_000, "asked")
    again = sales.ask_invoice(db, make.STAFF, account.id, (month, "星河", "91330108MA2XINGH02"), later)
    assert again is InvoiceRefusal.ASKED_BEFORE
    assert sales.decide_invoice(db, make.STAFF, asked, "", later) is None
    other = sales.ask_invoice(db, make.STAFF, account.id, (month, "星河文化", "91330108MA2XINGH02"), later)
    assert sales.decide_invoice(db, make.SECOND, other, "25332000000012345678", later) is None
    assert sales.decide_invoice(db, make.SECOND, other, "1", later) is InvoiceRefusal.NO_SUCH_INVOICE
    told = [(one.title, one.state, one.number) for one in sales.invoices(db, account.id, 9)]
    assert sorted(told) == [("星河", "refused", ""), ("星河文化", "issued", "25332000000012345678")]
