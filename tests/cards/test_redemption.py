"""Codes of our own are redeemed once, by whom they are for, and undone within the hour."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from kashu import cards, sales
from kashu.cards import Redeeming, RedeemRefusal, Redemption, store
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.kernel.ids import new_id
from kashu.sales import RefundRefusal
from kashu.server import invariants
from tests import make
from tests.race.at_once import at_once


@pytest.fixture
def sold(db, ring):
    return lambda **told: sell_code(db, ring, **told)


def sell_code(db, ring, many=1, expires_on=None, at=None, **told):
    """Bought codes of a batch, and the organisation that redeems them."""
    sku, shop = make.sku(db, kind="own_code", **told), make.organisation(db)
    batch = make.batch(db, ring, sku, many + 1, expires_on=expires_on, numbered=False)
    db.execute("UPDATE cards_batch SET redeemer_id = %s WHERE pool_id = %s", [shop, batch.pool_id])
    [told] = sales.sell(db, ring, [make.purchase(sku, make.account(db), many)], at or clock.now())
    return shop, [card.secret for card in told.cards], told


def ask(shop, code, key="till-1", **told):
    return Redeeming(shop, code, key, "clerk", "一号店", **told)


def test_a_code_is_good_once(db, ring, sold):
    shop, [code], bought = sold()
    told = sales.redeem(db, ring, ask(shop, code), clock.now())
    assert isinstance(told, Redemption)
    assert sales.redeem(db, ring, ask(shop, code), clock.now()) == told, "the same key tells the same again"
    assert sales.redeem(db, ring, ask(shop, code, "till-2"), clock.now()) is RedeemRefusal.ALREADY_REDEEMED
    line = "SELECT redemption FROM sales_line AS l JOIN sales_order AS o ON o.id = l.order_id WHERE o.number = %s"
    assert value(db, line, [bought.number]) == "redeemed"
    trail = "SELECT count(*) FROM audit_entry WHERE verb = 'card.redeemed' AND object_id = %s"
    assert value(db, trail, [f"{told.pool_id}/{told.card_id}"]) == 1
    assert invariants.check(db) == []


def test_a_redemption_is_undone_within_the_hour_and_the_code_is_good_again(db, ring, sold):
    shop, [code], _ = sold()
    at = clock.now()
    assert sales.undo_redemption(db, ring, ask(shop, code), at) is RedeemRefusal.NOT_REDEEMED
    sales.redeem(db, ring, ask(shop, code), at)
    assert sales.undo_redemption(db, ring, ask(shop, code), at + timedelta(seconds=3_601)) is RedeemRefusal.TOO_LATE
    undone = sales.undo_redemption(db, ring, ask(shop, code), at + timedelta(seconds=3_599))
    assert undone.undone_at is not None
    assert isinstance(sales.redeem(db, ring, ask(shop, code, "till-3"), at), Redemption)
    assert [one.undone_at is None for one in cards.redemptions(db, shop, None, 9)].count(True) == 1


def test_a_code_is_nothing_to_anybody_else_and_nothing_before_it_is_sold(db, ring, sold):
    shop, [code], _ = sold()
    other = make.organisation(db)
    assert sales.redeem(db, ring, ask(other, code), clock.now()) is RedeemRefusal.NO_SUCH_CODE
    assert sales.redeem(db, ring, ask(shop, code + "X"), clock.now()) is RedeemRefusal.NO_SUCH_CODE
    unsold = unsold_code(db, ring, shop)
    assert sales.redeem(db, ring, ask(shop, unsold), clock.now()) is RedeemRefusal.NOT_SOLD


def unsold_code(db, ring, shop):
    pool = value(db, "SELECT pool_id FROM cards_batch WHERE redeemer_id = %s", [shop])
    sealed, card, key = db.execute(
        "SELECT card.sealed, card.id, batch.data_key FROM cards_card AS card JOIN cards_batch AS batch USING (pool_id)"
        " WHERE card.pool_id = %s AND card.state = 'on_shelf'", [pool],
    ).fetchone()  # fmt: skip
    return ring.open_data_key(pool, key).open(card, sealed).decode().split("\x1f")[1]


def test_who_tries_codes_out_is_stopped(db, ring, sold):
    shop, [code], _ = sold()
    told = [sales.redeem(db, ring, ask(shop, f"GUESS-{n}"), clock.now()) for n in range(62)]
    assert told[:60] == [RedeemRefusal.NO_SUCH_CODE] * 60
    assert told[60:] == [RedeemRefusal.TOO_OFTEN] * 2
    assert sales.redeem(db, ring, ask(shop, code), clock.now()) is RedeemRefusal.TOO_OFTEN, (
        "a right guess tells nothing"
    )
    assert isinstance(sales.redeem(db, ring, ask(shop, code), clock.now() + timedelta(hours=1)), Redemption)


def test_a_late_copy_of_a_call_does_nothing_anew(db, ring, sold):
    shop, [code], _ = sold()
    first = sales.redeem(db, ring, ask(shop, code, "a"), clock.now())
    undone = sales.undo_redemption(db, ring, ask(shop, code, "b"), clock.now())
    again = sales.redeem(db, ring, ask(shop, code, "a"), clock.now())
    assert (again.id, again.undone_at) == (first.id, undone.undone_at)
    second = sales.redeem(db, ring, ask(shop, code, "c"), clock.now())
    repeated = sales.undo_redemption(db, ring, ask(shop, code, "b"), clock.now())
    assert repeated.id == first.id, "the second redemption stays"
    assert cards.redemptions(db, shop, None, 9)[0] == second


def test_a_told_code_is_told_again_however_late(db, ring, sold):
    shop, [code], _ = sold()
    at = clock.now()
    told = sales.redeem(db, ring, ask(shop, code, redeemed_at=at), at + timedelta(days=1))
    assert sales.redeem(db, ring, ask(shop, code, redeemed_at=at), at + timedelta(days=20)) == told


def test_a_code_is_not_redeemed_before_it_was_sold(db, ring, sold):
    shop, [code], _ = sold()
    before = ask(shop, code, redeemed_at=clock.now() - timedelta(hours=1))
    assert sales.redeem(db, ring, before, clock.now()) is RedeemRefusal.WRONG_INSTANT


def test_a_redeemed_code_is_not_refunded(db, ring):
    sku, shop = make.sku(db, kind="own_code"), make.organisation(db)
    batch = make.batch(db, ring, sku, 1, numbered=False)
    db.execute("UPDATE cards_batch SET redeemer_id = %s WHERE pool_id = %s", [shop, batch.pool_id])
    code = unsold_code(db, ring, shop)
    placed = make.order(db, ring, sku)
    sales.settle(db, [make.notice(placed)], clock.now())
    assert isinstance(sales.redeem(db, ring, ask(shop, code), clock.now()), Redemption)
    mine = placed.checkout.buyer.device
    assert sales.refund(db, make.STAFF, placed.token, mine, "no", clock.now()) is RefundRefusal.ALREADY_SEEN


def test_a_till_that_was_offline_tells_when_it_took_a_code(db, ring, sold):
    at = clock.now()
    shop, codes, _ = sold(many=3, expires_on=clock.biz_date(at) + timedelta(days=1))
    later = at + timedelta(days=3)
    taken_in_time = ask(shop, codes[0], redeemed_at=at)
    assert sales.redeem(db, ring, taken_in_time, later).redeemed_at == at
    assert sales.redeem(db, ring, ask(shop, codes[1]), later) is RedeemRefusal.EXPIRED
    for wrong in (later - timedelta(days=8), later + timedelta(minutes=6)):
        assert sales.redeem(db, ring, ask(shop, codes[2], redeemed_at=wrong), later) is RedeemRefusal.WRONG_INSTANT


def test_control_two_tills_would_both_find_it_good(dsn, ring):
    import threading

    with connect(dsn) as db, db.transaction():
        _, [code], _ = sell_code(db, ring)
    barrier = threading.Barrier(2)

    def look(db, _n):
        found = value(
            db,
            "SELECT count(*) FROM cards_redemption AS r JOIN cards_fingerprint AS f ON f.card_id = r.card_id WHERE f.fingerprint = %s",
            [ring.fingerprint("", code)],
        )
        barrier.wait()
        return found

    assert at_once(dsn, 2, look) == [0, 0]


def test_two_tills_at_once_redeem_it_once(dsn, ring):
    with connect(dsn) as db, db.transaction():
        shop, [code], _ = sell_code(db, ring)
    told = at_once(dsn, 6, lambda db, n: sales.redeem(db, ring, ask(shop, code, f"till-{n}"), clock.now()))
    assert sorted(type(one).__name__ for one in told) == ["RedeemRefusal"] * 5 + ["Redemption"]


def test_a_code_that_never_expires_is_good_for_ever(db, ring, sold):
    shop, [code], _ = sold(expires_on=date(9999, 12, 31))
    assert isinstance(sales.redeem(db, ring, ask(shop, code), clock.now() + timedelta(days=4_000)), Redemption)


def invalid(db, ring, shop, code, key="till-1", reason="刮开无码"):
    return sales.call_invalid(db, ring, ask(shop, code, key), reason, clock.now())


def line_of(db, told):
    """What the sale says of its codes."""
    return value(
        db,
        "SELECT l.redemption FROM sales_line AS l JOIN cards_card AS c ON c.sale_line_id = l.id WHERE c.id = %s",
        [told.card_id],
    )


def test_a_code_that_is_no_good_is_said_to_be_so_once(db, ring, sold):
    """Before it is redeemed, by whom it is for; it counts against its batch, is noted with its sale and in the trail."""
    shop, [code], _bought = sold()
    told = invalid(db, ring, shop, code)
    assert isinstance(told, cards.CalledInvalid)
    assert invalid(db, ring, shop, code) == invalid(db, ring, shop, code, "till-2", "又说一次") == told
    assert line_of(db, told) == "invalid"
    assert (cards.failure_rate(db, told.pool_id).sold, cards.failure_rate(db, told.pool_id).failed) == (1, 1)
    trail = "SELECT count(*) FROM audit_entry WHERE verb = 'card.called_invalid' AND object_id = %s"
    assert value(db, trail, [f"{told.pool_id}/{told.card_id}"]) == 1
    facts = "SELECT count(*) FROM outbox WHERE topic = 'cards.failed' AND body->>'pool_id' = %s"
    assert value(db, facts, [str(told.pool_id)]) == 1
    assert invariants.check(db) == []


def test_a_code_that_somebody_writes_into_the_reason_is_kept_nowhere(db, ring, sold):
    shop, [code], _bought = sold()
    told = invalid(db, ring, shop, code, "till-1", f"顾客的 {code} 核销不了")
    kept = "SELECT reason FROM audit_entry WHERE verb = 'card.called_invalid' AND object_id = %s"
    assert value(db, kept, [f"{told.pool_id}/{told.card_id}"]) == "顾客的 **** 核销不了"


def test_what_is_redeemed_unsold_or_another_shops_is_not_called_invalid(db, ring, sold):
    shop, [code], _ = sold()
    assert invalid(db, ring, make.organisation(db), code) is RedeemRefusal.NO_SUCH_CODE
    assert invalid(db, ring, shop, code + "X") is RedeemRefusal.NO_SUCH_CODE
    assert invalid(db, ring, shop, unsold_code(db, ring, shop)) is RedeemRefusal.NOT_SOLD
    told = sales.redeem(db, ring, ask(shop, code), clock.now())
    assert invalid(db, ring, shop, code) is RedeemRefusal.ALREADY_REDEEMED
    assert line_of(db, told) == "redeemed"
    assert cards.failure_rate(db, told.pool_id).failed == 0
    assert value(db, "SELECT count(*) FROM cards_invalid WHERE pool_id = %s", [told.pool_id]) == 0


def test_a_code_that_is_good_after_all_is_no_failure(db, ring, sold):
    shop, [code], _ = sold()
    told = invalid(db, ring, shop, code)
    assert isinstance(sales.redeem(db, ring, ask(shop, code), clock.now()), Redemption)
    assert (line_of(db, told), cards.failure_rate(db, told.pool_id).failed) == ("redeemed", 0)
    sales.undo_redemption(db, ring, ask(shop, code), clock.now())
    assert cards.failure_rate(db, told.pool_id).failed == 1


def test_what_is_redeemed_and_taken_back_may_be_called_invalid_anew(db, ring, sold):
    """Under a key of its own: the sale says so, and the trail has the new word with its reason."""
    shop, [code], _ = sold()
    first = invalid(db, ring, shop, code)
    assert isinstance(sales.redeem(db, ring, ask(shop, code), clock.now()), Redemption)
    assert invalid(db, ring, shop, code, "till-2") is RedeemRefusal.ALREADY_REDEEMED
    sales.undo_redemption(db, ring, ask(shop, code), clock.now())
    assert invalid(db, ring, shop, code) == first, "a late copy of the first call"
    assert line_of(db, first) == "undone"
    again = invalid(db, ring, shop, code, "till-2", "兑换后退回，仍无效")
    assert (again.id != first.id, again.reason) == (True, "兑换后退回，仍无效")
    assert invalid(db, ring, shop, code, "till-3") == invalid(db, ring, shop, code, "till-2") == again
    assert (line_of(db, first), cards.failure_rate(db, first.pool_id).failed) == ("invalid", 1)
    trail = "SELECT array_agg(reason ORDER BY at, id) FROM audit_entry WHERE verb = 'card.called_invalid' AND object_id = %s"
    assert value(db, trail, [f"{first.pool_id}/{first.card_id}"]) == ["刮开无码", "兑换后退回，仍无效"]


def test_a_batch_whose_codes_are_no_good_too_often_stops(db, ring, sold):
    shop, codes, _ = sold(many=4)
    pool = {invalid(db, ring, shop, code, f"till-{n}").pool_id for n, code in enumerate(codes)}.pop()
    assert cards.stop_failing(db, [pool], clock.now()) == [pool]
    assert cards.steps(db, pool)[-1].body["failed"] == 4


def test_what_was_said_of_a_code_is_in_the_days_tally(db, ring, sold):
    shop, [code], _ = sold()
    told = invalid(db, ring, shop, code)
    found = store.events(db, told.pool_id, told.told_at, told.told_at + timedelta(seconds=1))
    assert [one.what for one in found if one.what == "invalid"] == ["invalid"]


def test_who_guesses_codes_to_call_them_invalid_is_stopped(db, ring, sold):
    shop, [code], _ = sold()
    for n in range(60):
        assert invalid(db, ring, shop, f"GUESS-{n}") is RedeemRefusal.NO_SUCH_CODE
    assert invalid(db, ring, shop, code) is RedeemRefusal.TOO_OFTEN


def test_control_without_a_lock_a_code_looks_unredeemed_while_it_is_redeemed(dsn, ring):
    with connect(dsn) as db, db.transaction():
        shop, [code], _ = sell_code(db, ring)
    with connect(dsn, autocommit=False) as looking, connect(dsn) as db:
        pool, card = store.of_code(db, shop, ring.fingerprint("", code))[:2]
        assert store.redemptions_of(looking, pool, card) == []
        with db.transaction():
            assert isinstance(sales.redeem(db, ring, ask(shop, code), clock.now()), Redemption)
        store.call_invalid(looking, (pool, card), (new_id(), shop, "k", "by", "", "x"), clock.now())
        looking.rollback()


@pytest.mark.parametrize("turn", range(4))
def test_a_code_is_redeemed_and_called_invalid_in_some_order(dsn, ring, turn):
    """Redeemed first, it is not called invalid; called invalid first, it is redeemed after all: never both at once."""
    with connect(dsn) as db, db.transaction():
        shop, [code], _ = sell_code(db, ring)

    def race(db, n):
        if n == turn % 2:
            return sales.redeem(db, ring, ask(shop, code), clock.now())
        return invalid(db, ring, shop, code, "till-2")

    answers = at_once(dsn, 2, race)
    done, called = answers[turn % 2], answers[1 - turn % 2]
    assert isinstance(done, Redemption), answers
    assert called is RedeemRefusal.ALREADY_REDEEMED or called.card_id == done.card_id
    with connect(dsn) as db:
        assert line_of(db, done) == "redeemed"
        assert cards.failure_rate(db, done.pool_id).failed == 0


def test_of_two_tills_that_call_it_invalid_anew_at_once_one_does(dsn, ring):
    """No key of the table says so, only the card's lock: the control above shows what a look without it sees."""
    with connect(dsn) as db, db.transaction():
        shop, [code], _ = sell_code(db, ring)
        first = invalid(db, ring, shop, code, "till-0")
        assert isinstance(sales.redeem(db, ring, ask(shop, code), clock.now()), Redemption)
        sales.undo_redemption(db, ring, ask(shop, code), clock.now())
    told = {one.id for one in at_once(dsn, 4, lambda db, n: invalid(db, ring, shop, code, f"till-{n + 1}"))}
    assert (len(told), first.id in told) == (1, False)
    with connect(dsn) as db:
        said = "SELECT count(*) FROM cards_invalid WHERE pool_id = %s AND card_id = %s"
        trail = "SELECT count(*) FROM audit_entry WHERE verb = 'card.called_invalid' AND object_id = %s"
        assert value(db, said, [first.pool_id, first.card_id]) == 2
        assert value(db, trail, [f"{first.pool_id}/{first.card_id}"]) == 2
