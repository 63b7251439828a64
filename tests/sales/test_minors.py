"""What minors may buy (C-70, C-71, GAME19): by the person, whatever they buy through, counted once and given back."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from unittest.mock import patch
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kashu import catalog, payments, sales
from kashu.cards import Card
from kashu.kernel import clock
from kashu.kernel.clock import SHANGHAI, biz_date
from kashu.kernel.db import value, values
from kashu.kernel.ids import new_id
from kashu.party import Holder
from kashu.payments import Route
from kashu.sales import Buyer, Checkout, Overspent, Placed, Refusal, SellRefusal, rules, store
from kashu.sales.types import Usage
from kashu.server import invariants
from tests import make
from tests.sales.test_rules import AT, OFFER

NOW = clock.now()  # one instant for all of it: a month must not end in the middle of a test
ADULT = Holder(UUID(int=18))


def born(years, day=None, who=None):
    """Somebody who turns so many years old on a day, today where none is said."""
    today = day or biz_date(NOW)
    return Holder(who or new_id(), date(today.year - years, today.month, min(today.day, 28)))


# ---- the rules

CAPPED = replace(OFFER, code="GAME", sku_id=8, minors="capped", price_fen=1_000, tiers=[], order_max=40, buyer_max=None)
FORBIDDEN = replace(CAPPED, code="CASH", sku_id=9, minors="forbidden")
ORDER, MONTH = Refusal.MINOR_ORDER_MAX, Refusal.MINOR_MONTH_MAX
DAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("years", "total_fen", "spent_fen", "told"),
    [
        (7, 1, 0, Refusal.MINOR_UNDER_8),
        (8, 5_000, 0, None),
        (8, 5_001, 0, Overspent(ORDER, 5_000, 20_000)),
        (15, 5_000, 15_000, None),
        (15, 5_000, 15_001, Overspent(MONTH, 20_000, 4_999)),
        (15, 5_000, 20_000, Overspent(MONTH, 20_000, 0)),
        (16, 10_000, 30_000, None),
        (16, 10_001, 30_000, Overspent(ORDER, 10_000, 10_000)),
        (17, 10_000, 30_001, Overspent(MONTH, 40_000, 9_999)),
        (18, 10**8, 10**8, None),
    ],
)
def test_each_age_has_its_caps(years, total_fen, spent_fen, told):
    """C-71, GAME19."""
    assert rules.age_refusal(born(years, DAY), CAPPED, total_fen, spent_fen, DAY) == told


@pytest.mark.parametrize(
    ("holder", "told"),
    [(None, Refusal.AGE_UNKNOWN), (born(17, DAY), Refusal.MINOR_FORBIDDEN), (born(18, DAY), None), (ADULT, None)],
)
def test_forbidden_goods_are_for_who_is_of_age(holder, told):
    """C-70."""
    assert rules.age_refusal(holder, FORBIDDEN, 1, 0, DAY) == told


def test_goods_without_a_policy_ask_nobody():
    assert rules.age_refusal(None, OFFER, 10**8, 0, DAY) is None
    assert rules.age_refusal(born(7, DAY), OFFER, 10**8, 0, DAY) is None


@pytest.mark.parametrize(
    ("born_on", "turns"),
    [
        (date(2018, 11, 23), datetime(2026, 11, 22, 16, tzinfo=UTC)),  # 8
        (date(2010, 1, 1), datetime(2025, 12, 31, 16, tzinfo=UTC)),  # 16
        (date(2008, 2, 29), datetime(2026, 2, 28, 16, tzinfo=UTC)),  # 18, on 1 March: there is no 29 February
        (date(2012, 2, 29), datetime(2028, 2, 28, 16, tzinfo=UTC)),  # 16, on the day itself
    ],
)
def test_a_birthday_begins_at_midnight_in_shanghai(born_on, turns):
    """C-71: turning 8, 16 and 18 at 00:00 UTC+8."""

    def cap(at):
        told = rules.age_refusal(Holder(new_id(), born_on), CAPPED, 10**8, 0, biz_date(at))
        return told.fen_max if isinstance(told, Overspent) else told

    ladder = {Refusal.MINOR_UNDER_8: 5_000, 5_000: 10_000, 10_000: None}
    before = cap(turns - timedelta(seconds=1))
    assert cap(turns) == ladder[before]


@pytest.mark.parametrize(
    ("day", "begins", "ends"),
    [(date(2026, 11, 30), (2026, 11), (2026, 12)), (date(2026, 12, 1), (2026, 12), (2027, 1))],
)
def test_a_month_ends_at_midnight_in_shanghai(day, begins, ends):
    expected = tuple(datetime(*one, 1, tzinfo=SHANGHAI) for one in (begins, ends))
    for at in (
        datetime(day.year, day.month, day.day, tzinfo=SHANGHAI),
        clock.day_start(day + timedelta(1)) - timedelta(seconds=1),
    ):
        assert rules.month_of(at.astimezone(UTC)) == expected


CHILD, TEEN = born(9, DAY, UUID(int=9)), born(17, DAY, UUID(int=17))
BUYERS = [Buyer(bytes([n]) * 16, b"a" * 16) for n in range(6)]
PAGES = {one.code: catalog.page_hash(catalog.page_body(one, None)) for one in (CAPPED, FORBIDDEN)}
checkouts = st.lists(
    st.builds(
        lambda code, **told: Checkout(code, page_hash=PAGES[code], **told),
        st.sampled_from(["GAME", "GAME", "GAME", "CASH"]),
        quantity=st.integers(1, 11),
        buyer=st.sampled_from(BUYERS),
        key=st.sampled_from("abcdef"),
        pay=st.just("pay"),
        method=st.just("h5"),
        consent_hash=st.just("yes"),
        holder=st.sampled_from([None, CHILD, CHILD, TEEN, TEEN, born(7, DAY, UUID(int=7)), ADULT]),
    ),
    max_size=20,
)


def world(spent):
    usage = {bucket: Usage(0, {}, {}) for buyer in BUYERS for bucket in buyer.buckets}
    shelf = {(sku, "", 0): deque(Card(1, n, sku, 5, 900) for n in range(200)) for sku in (8, 9)}
    route = Route("pay-1", "pay", ["h5"], 1, 1, 10**9, None, 0, 0, 0)
    offers = {one.code: one for one in (CAPPED, FORBIDDEN)}
    sizes = {8: 1_000, 9: 1_000}
    return rules.World(offers, [], usage, shelf, sizes, {}, [route], "yes", AT, 600, dict(spent))


def mint():
    return (UUID(int=n) for n in count(1)).__next__


MONTHS = st.fixed_dictionaries({CHILD.id: st.integers(0, 21_000), TEEN.id: st.integers(0, 41_000)})


@settings(max_examples=100)
@given(checkouts, MONTHS)
def test_a_batch_of_minors_is_the_same_as_one_at_a_time(asked, spent):
    together = rules.decide(asked, world(spent), mint())
    one_world, mints = world(spent), mint()
    alone, done = [], {}
    for checkout in asked:
        outcome = done.get(checkout.identity) or rules.decide([checkout], one_world, mints)[0]
        if isinstance(outcome, Placed):
            done[checkout.identity] = outcome
        alone.append(outcome)

    def plain(outcome):
        return replace(outcome, number="", token="") if isinstance(outcome, Placed) else outcome

    assert [plain(one) for one in together] == [plain(one) for one in alone]


@settings(max_examples=50)
@given(checkouts, MONTHS)
def test_no_batch_takes_a_minor_above_their_caps(asked, spent):
    placed = {one.id: one for one in rules.decide(asked, world(spent), mint()) if isinstance(one, Placed)}.values()
    for minor, order_max, month_max in ((CHILD, 5_000, 20_000), (TEEN, 10_000, 40_000)):
        mine = [one for one in placed if one.checkout.holder == minor]
        assert all(one.offer is CAPPED and one.total_fen <= order_max for one in mine)
        assert not mine or spent[minor.id] + sum(one.total_fen for one in mine) <= month_max
    assert {one.checkout.holder for one in placed} <= {CHILD, TEEN, ADULT}


@settings(max_examples=50)
@given(checkouts, MONTHS)
def test_whoever_is_too_young_locks_no_card(asked, spent):
    junk = [replace(one, holder=None) for one in asked]
    assert rules.demand(junk, world(spent), {}) == {}
    assert sum(rules.demand(asked, world({CHILD.id: 20_000, TEEN.id: 40_000}), {}).values()) == sum(
        rules.demand([one for one in asked if one.holder is ADULT], world({}), {}).values()
    )


# ---- the database


@pytest.fixture
def game(db, ring):
    """`game(price_fen)`: capped goods of a seller of their own, with cards."""

    def open_shop(price_fen=5_000, stock=12):
        return capped(db, ring, price_fen, stock)

    return open_shop


def capped(db, ring, price_fen, stock):
    seller = make.supplier(db)
    make.licence(db, seller, "game_agent")
    return make.stocked(db, ring, stock, price_fen=price_fen, seller=seller, goods="game_card")


def place(db, ring, sku, holder, quantity=1, at=None, **told):
    """By a browser of its own each time."""
    [answer] = sales.place(db, ring, [make.checkout(db, sku, quantity, holder=holder, **told)], at or NOW)
    return answer


def spent(db, holder, at=None):
    return store.spent(db, [holder.id], at or NOW)[holder.id]


def paid(db, placed, at=None):
    [verdict] = sales.settle(db, [make.notice(placed, paid_at=at or NOW)], NOW)
    return verdict


def test_a_month_is_one_across_shops_browsers_and_products(db, ring, game):
    """C-71: per person, not per account, across suppliers."""
    child, shops = born(15), [game(), game(3_000)]
    told = [place(db, ring, shops[n % 2], child) for n in range(4)]
    assert [one.total_fen for one in told] == [5_000, 3_000, 5_000, 3_000]
    assert place(db, ring, shops[0], child) == Overspent(MONTH, 20_000, 4_000)
    assert place(db, ring, shops[1], child).total_fen == 3_000
    assert spent(db, child) == 19_000


def test_held_and_paid_count_and_what_is_let_go_does_not(db, ring, game):
    sku, child, who = game(), born(15), make.buyer()
    first = place(db, ring, sku, child, who=who)
    assert paid(db, place(db, ring, sku, child)) == "paid"
    assert spent(db, child) == 10_000
    assert sales.cancel(db, make.STAFF, first.token, who.device, NOW) is None
    assert spent(db, child) == 5_000
    late = place(db, ring, sku, child)
    assert spent(db, child, late.hold_until + timedelta(1)) >= 5_000  # its money may still come
    sales.expire(db, late.hold_until + timedelta(seconds=1), [late.pool_id])
    assert spent(db, child) == 5_000


def test_what_is_above_says_the_limit_and_what_is_left(db, ring, game):
    sku, child = game(4_000), born(15)
    assert place(db, ring, sku, child, 2) == Overspent(ORDER, 5_000, 20_000)
    for _ in range(5):
        assert isinstance(place(db, ring, sku, child), Placed)
    assert place(db, ring, sku, child) == Overspent(MONTH, 20_000, 0)
    assert isinstance(place(db, ring, sku, born(15)), Placed)
    assert isinstance(place(db, ring, sku, ADULT, 5), Placed)
    assert values(db, "SELECT count(*)::int FROM sales_minor_order WHERE holder = %s", [child.id]) == [5]
    assert values(db, "SELECT count(*)::int FROM sales_minor_order WHERE holder = %s", [ADULT.id]) == [0]


def test_a_repeated_checkout_counts_once_whoever_asks_again(db, ring, game):
    sku, child = game(), born(15)
    asked = make.checkout(db, sku, holder=child)
    one, two = sales.place(db, ring, [asked, asked], NOW)
    again = sales.place(db, ring, [asked, replace(asked, holder=None)], NOW)
    assert {one.id, two.id, *(told.id for told in again)} == {one.id}
    assert spent(db, child) == 5_000


def test_a_refund_gives_its_room_back_when_the_money_is_back(db, ring, game):
    sku, child = game(), born(15)
    orders = [place(db, ring, sku, child) for _ in range(4)]
    for one in orders:
        assert paid(db, one) == "paid"
    asked = sales.refund(db, make.STAFF, orders[0].token, None, "监护人申请", NOW)
    assert place(db, ring, sku, child) == Overspent(MONTH, 20_000, 0)
    assert sales.refunded(db, asked.pool_id, asked.id, NOW)
    assert spent(db, child) == 15_000
    assert isinstance(place(db, ring, sku, child), Placed)


def test_a_part_that_goes_back_gives_back_its_part(db, ring, game):
    sku, child = game(2_500), born(15)
    placed = place(db, ring, sku, child, 2)
    paid(db, placed)
    told = (1_200, [])
    asked = sales.ask_claim_refund(
        db, make.STAFF, (placed.pool_id, placed.id), told, "差价", solo_wait_seconds=None, at=NOW
    )
    key = (placed.pool_id, placed.id)
    refund = sales.grant_claim_refund(db, make.SECOND, key, asked.id, NOW, is_alone=False)
    assert spent(db, child) == 5_000
    sales.refunded(db, refund.pool_id, refund.id, NOW)
    assert spent(db, child) == 3_800


def test_a_second_payment_that_goes_back_gives_no_room(db, ring, game):
    sku, child = game(), born(15)
    placed = place(db, ring, sku, child)
    assert [paid(db, placed), paid(db, placed)] == ["paid", "paid_twice"]
    [refund] = payments.refunds_of(db, placed.pool_id, placed.id)
    sales.refunded(db, refund.pool_id, refund.id, NOW)
    assert spent(db, child) == 5_000


def test_what_is_paid_counts_in_the_month_it_was_paid_in(db, ring, game):
    """C-71: the month ends at midnight in Shanghai; what is still held counts in both."""
    sku, child = game(), born(15)
    _begins, ends = rules.month_of(NOW)
    last, next_month = ends - timedelta(seconds=1), ends
    held, old = place(db, ring, sku, child), place(db, ring, sku, child)
    paid(db, old, last)
    assert (spent(db, child, last), spent(db, child, next_month)) == (10_000, 5_000)
    paid(db, held, next_month)
    assert (spent(db, child, last), spent(db, child, next_month)) == (5_000, 5_000)


def test_money_that_comes_late_never_passes_the_month(db, ring, game):
    """An order that was given up and is paid all the same goes back where the month has been filled meanwhile."""
    sku, child = game(), born(15)
    late = [place(db, ring, sku, child) for _ in range(2)]
    sales.expire(db, late[0].hold_until + timedelta(seconds=1), sorted({one.pool_id for one in late}))
    for _ in range(3):
        paid(db, place(db, ring, sku, child))
    notices = [make.notice(one, paid_at=NOW) for one in late]
    assert sales.settle(db, notices, NOW) == ["late", "late"]
    states = [sales.orders(db, [(one.pool_id, one.id)])[one.id].state for one in late]
    assert sorted(states) == ["delivered", "refunding"]  # room for one of the two
    assert invariants.check(db) == []


def test_the_trail_says_how_old_at_least_and_no_birthday(db, ring, game):
    sku = game()
    told = {years: place(db, ring, sku, who) for years, who in ((8, born(15)), (16, born(17)), (18, ADULT))}
    free = make.order(db, ring, make.stocked(db, ring, 1))
    sql = "SELECT after FROM audit_entry WHERE verb = 'order.place' AND object_id = %s"
    for years, placed in told.items():
        assert value(db, sql, [str(placed.id)])["age_from"] == years
    assert "age_from" not in value(db, sql, [str(free.id)])


def test_an_organisation_has_no_age(db, ring):
    """C-70: what minors may not have freely is not sold from purchase accounts, where nobody knows who it is for."""
    make.licence(db, make.platform(db), "game_agent")
    sku, account = make.stocked(db, ring, 1, goods="game_card"), make.account(db)
    assert sales.sell(db, ring, [make.purchase(sku, account)], NOW) == [SellRefusal.NOT_FOR_SALE]
    assert sales.accounts(db, [account.id])[account.id].balance_fen == account.balance_fen


def test_who_bought_is_forgotten_with_the_order(db, ring, game):
    """C-54."""
    sku, child = game(), born(15)
    placed = place(db, ring, sku, child)
    sales.expire(db, placed.hold_until + timedelta(seconds=1), [placed.pool_id])
    later = NOW + timedelta(days=366 * 3 + 1)
    assert sales.purge(db, ring, [(placed.pool_id, placed.id)], later) == {placed.id: None}
    assert values(db, "SELECT 1 FROM sales_minor_order WHERE holder = %s", [child.id]) == []


def test_age_costs_nobody_else_a_statement(db, ring, game):
    """Free goods take what they took; so does somebody of age with capped ones."""
    free, sku = make.stocked(db, ring, 9), game()
    many = {}
    for name, of, holder in (
        ("guest", free, None),
        ("minor", free, born(15)),
        ("adult", sku, ADULT),
        ("capped", sku, born(15)),
    ):
        place(db, ring, of, holder)
        asked = make.checkout(db, of, holder=holder)
        many[name] = statements(lambda asked=asked: sales.place(db, ring, [asked], NOW))
    assert many["minor"] == many["adult"] == many["guest"]
    assert many["capped"] == many["guest"] + 2


def statements(work):
    told = []
    real = psycopg.Cursor.execute

    def count_one(self, query, *args, **kwargs):
        told.append(query)
        return real(self, query, *args, **kwargs)

    with patch.object(psycopg.Cursor, "execute", count_one):
        work()
    return len(told)
