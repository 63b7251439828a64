"""A guardian's refund (C-72): who may ask, what may be kept back, two persons, cards void before money goes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kashu import aftersale, audit, cards, ledger, payments, sales
from kashu.aftersale import Claim, ClaimRefusal, rules
from kashu.audit import Approval, ApprovalRefusal
from kashu.kernel import clock
from kashu.kernel.db import connect, value
from kashu.kernel.ids import pool_of
from kashu.sales import RefundRefusal
from kashu.server import invariants
from tests import make, moves
from tests.aftersale import world
from tests.aftersale.world import AT, BUYER, CLERK, OTHER, WHY, ask, bought, claim, grant
from tests.party.world import person_number

FREE, CAPPED = frozenset({"free"}), frozenset({"free", "capped"})


def states(db, placed):
    lines = sales.lines_of(db, [placed.id])[placed.id]
    return [one.state for one in cards.masked(db, [line.pool_id for line in lines], [line.id for line in lines])]


def refunds(db, placed):
    return [one.amount_fen for one in payments.refunds_of(db, placed.pool_id, placed.id)]


def state(db, placed):
    return sales.by_token(db, placed.token).state


def test_unseen_cards_go_back_to_the_shelf_and_all_the_money_by_its_route(db, ring):
    """C-72."""
    placed, who = bought(db, ring, 2)
    told = claim(db, ring, placed, who)
    assert told.due_at == datetime(2026, 11, 17, 16, tzinfo=UTC)  # fifteen days of the calendar
    asked = ask(db, told)
    assert isinstance(asked, Approval)
    assert refunds(db, placed) == []  # nothing moves before the second person
    assert grant(db, told, asked, CLERK) is ApprovalRefusal.SAME_PERSON
    done = grant(db, told, asked)
    assert (done.state, done.deduction_fen, refunds(db, placed)) == ("granted", 0, [2 * 3_990])
    assert (state(db, placed), states(db, placed)) == ("refunding", [])
    sales.refunded(db, placed.pool_id, done.refund_id, AT)
    assert state(db, placed) == "refunded"
    assert (ledger.check(db), invariants.check(db)) == ([], [])


def test_seen_cards_are_void_and_all_the_money_goes_back(db, ring):
    """C-72: unrevealed and unredeemed cards are voided, and redeemed ones with them."""
    placed, who = bought(db, ring, 2, seen=True)
    told = claim(db, ring, placed, who)
    done = grant(db, told, ask(db, told))
    assert (refunds(db, placed), states(db, placed), state(db, placed)) == ([2 * 3_990], ["void", "void"], "refunding")
    assert done.reason == WHY[0]
    assert (ledger.check(db), invariants.check(db)) == ([], [])


def test_of_what_was_seen_a_deduction_may_be_kept_where_minors_may_have_the_goods(db, ring):
    placed, who = bought(db, ring, seen=True)
    told = claim(db, ring, placed, who)
    assert ask(db, told, 3_990) is ClaimRefusal.TOO_MUCH
    assert ask(db, told, -1) is ClaimRefusal.NO_DEDUCTION
    done = grant(db, told, ask(db, told, 990))
    assert (done.deduction_fen, refunds(db, placed), states(db, placed)) == (990, [3_000], ["void"])
    assert state(db, placed) == "delivered"
    assert sales.reveal(db, ring, placed.token, who, clock.now()) == []
    assert (ledger.check(db), invariants.check(db)) == ([], [])


def test_nothing_is_kept_back_of_what_nobody_has_seen(db, ring):
    placed, who = bought(db, ring)
    told = claim(db, ring, placed, who)
    assert ask(db, told, 1) is ClaimRefusal.NO_DEDUCTION


def test_nothing_is_kept_back_of_goods_that_are_not_for_minors(db, ring):
    """C-72 with PREPAID §10: what was sold against the law is no service lawfully consumed."""
    placed, who = bought(db, ring, seen=True)
    category = value(db, "SELECT category_id FROM catalog_product AS p JOIN catalog_sku AS s ON s.product_id = p.id JOIN sales_line AS l ON l.sku_id = s.id WHERE l.order_id = %s", [placed.id])  # fmt: skip
    db.execute("UPDATE catalog_category SET goods = 'game_card' WHERE id = %s", [category])
    told = claim(db, ring, placed, who)
    assert ask(db, told, 1) is ClaimRefusal.NO_DEDUCTION
    done = grant(db, told, ask(db, told))
    assert (done.state, refunds(db, placed)) == ("granted", [3_990])


def test_a_redeemed_code_is_void_and_paid_back_as_well(db, ring):
    sku = make.sku(db, kind="own_code")
    make.batch(db, ring, sku, 1, numbered=False)
    placed, who = bought(db, ring, seen=True, sku=sku)
    [code] = [one.secret for one in sales.reveal(db, ring, placed.token, who, clock.now())]
    shop = make.organisation(db)
    db.execute("UPDATE cards_batch SET redeemer_id = %s WHERE pool_id = %s", [shop, placed.lines[0].pool_id])
    redeemed = sales.redeem(db, ring, cards.Redeeming(shop, code, "till-1", "clerk", "一号店"), clock.now())
    assert isinstance(redeemed, cards.Redemption), redeemed
    assert sales.standing(db, (placed.pool_id, placed.id)) == sales.Standing(3_990, is_seen=True)
    told = claim(db, ring, placed, who)
    grant(db, told, ask(db, told))
    assert (refunds(db, placed), states(db, placed)) == ([3_990], ["void"])
    assert sales.standing(db, (placed.pool_id, placed.id)) is RefundRefusal.UNDER_WAY
    assert (ledger.check(db), invariants.check(db)) == ([], [])


@given(st.integers(-10, 200), st.integers(1, 100), st.sampled_from([FREE, CAPPED, frozenset({"forbidden"}), frozenset()]), st.booleans())  # fmt: skip
def test_what_is_kept_back_is_never_all_and_never_of_what_minors_may_not_have(deduction, left, policies, is_seen):
    refusal = rules.deduction_refusal(deduction, left, policies, is_seen=is_seen)
    if refusal is None:
        assert 0 <= deduction < left
        assert deduction == 0 or (is_seen and policies == FREE)
    if deduction == 0:
        assert refusal is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"guardian_number": "110105198503120010"}, ClaimRefusal.GUARDIAN_NUMBER),
        ({"minor_number": "1"}, ClaimRefusal.MINOR_NUMBER),
        ({"minor_number": person_number("19990101")}, ClaimRefusal.NOT_A_MINOR),
        ({"guardian_number": person_number("20120101")}, ClaimRefusal.GUARDIAN_YOUNG),
        ({"guardian_name": ""}, ClaimRefusal.WRONG_NAME),
        ({"minor_name": "长" * 61}, ClaimRefusal.WRONG_NAME),
        ({"relation": "friend"}, ClaimRefusal.WRONG_RELATION),
        ({"words": ""}, ClaimRefusal.NO_WORDS),
        ({"words": "长" * 1_001}, ClaimRefusal.TOO_LONG),
    ],
)
def test_what_cannot_be_is_not_taken(db, ring, changed, why):
    placed, who = bought(db, ring)
    assert claim(db, ring, placed, who, **changed) is why
    assert aftersale.claims_of_order(db, placed.pool_id, placed.id) == []


def test_one_who_was_a_minor_on_the_day_may_be_grown_up_now():
    today, bought_on = clock.biz_date(AT), clock.biz_date(AT - timedelta(days=2))
    birthday = person_number(f"{today:%Y}{today:%m%d}".replace(str(today.year), str(today.year - 18)))
    new = world.new_claim(minor_number=birthday)
    assert rules.claim_refusal(new, bought_on, today) is None
    assert rules.claim_refusal(new, today, today) is ClaimRefusal.NOT_A_MINOR


def test_without_its_own_consent_nothing_is_taken(db, ring):
    """C-51."""
    placed, who = bought(db, ring)
    assert claim(db, ring, placed, who, consented=False) is ClaimRefusal.NO_CONSENT
    assert isinstance(claim(db, ring, placed, who), Claim)
    assert claim(db, ring, placed, who) is ClaimRefusal.OPEN_ALREADY
    assert claim(db, ring, placed, make.buyer()) is ClaimRefusal.NOT_YOURS


def test_an_order_with_nothing_left_has_nothing_to_ask_for(db, ring):
    placed, who = bought(db, ring)
    sales.refund(db, BUYER, placed.token, None, "x", AT)
    assert claim(db, ring, placed, who) is ClaimRefusal.NOTHING_LEFT


def test_a_claim_is_rejected_with_a_reason_and_a_grant_that_waits_goes_with_it(db, ring):
    placed, who = bought(db, ring)
    told = claim(db, ring, placed, who)
    asked = ask(db, told)
    assert aftersale.reject(db, OTHER, told.id, ("", ""), AT) is ClaimRefusal.NO_REASON
    assert aftersale.reject(db, OTHER, told.id, WHY, AT).state == "rejected"
    assert grant(db, told, asked) is ClaimRefusal.GONE
    assert audit.approval(db, asked.id).state == "cancelled"
    assert (refunds(db, placed), state(db, placed)) == ([], "delivered")
    assert isinstance(claim(db, ring, placed, who), Claim)  # new evidence may come


def test_a_refund_that_came_in_between_leaves_the_yes_unused(db, ring):
    placed, who = bought(db, ring)
    told = claim(db, ring, placed, who)
    asked = ask(db, told)
    sales.refund(db, BUYER, placed.token, None, "x", AT)
    assert grant(db, told, asked) is RefundRefusal.UNDER_WAY
    assert audit.approval(db, asked.id).state == "waiting"
    assert len(refunds(db, placed)) == 1


def test_a_grant_is_of_its_own_claim(db, ring):
    (one, who), (two, other) = bought(db, ring), bought(db, ring)
    first, second = claim(db, ring, one, who), claim(db, ring, two, other)
    asked = ask(db, first)
    assert grant(db, second, asked) is ApprovalRefusal.GONE
    assert aftersale.cancel_grant(db, CLERK, first.id, asked.id, AT) is None
    assert grant(db, first, asked) is ApprovalRefusal.GONE


def test_nothing_personal_is_in_the_clear_and_every_look_is_in_the_trail(db, ring):
    """C-52."""
    placed, who = bought(db, ring)
    number = person_number("20150601")
    told = claim(db, ring, placed, who, minor_number=number)
    row = str(db.execute("SELECT * FROM aftersale_guardian WHERE id = %s", [told.id]).fetchone())
    entries = str([(e.before, e.after) for e in audit.entries_of(db, placed.pool_id, "guardian", str(told.id))])
    for secret in ("王大年", "王小满", number, "孩子"):
        assert secret not in row + entries + repr(told)
        assert secret.encode().hex() not in row
    assert aftersale.show_persons(db, ring, CLERK, told.id, "", AT) is ClaimRefusal.NO_REASON
    shown = aftersale.show_persons(db, ring, CLERK, told.id, "核对身份", AT)
    assert (shown.minor_name, shown.minor_number) == ("王小满", number)
    assert aftersale.note_file_shown(db, CLERK, told.id, AT).spool == told.spool
    seen = [(e.verb, e.reason) for e in audit.entries_of(db, placed.pool_id, "guardian", str(told.id))]
    assert {*seen} == {("guardian.open", ""), ("guardian.show", "核对身份"), ("guardian.file", "")}


def test_three_years_after_the_decision_nobody_is_known(db, ring):
    """C-54, C-72."""
    placed, who = bought(db, ring)
    told = claim(db, ring, placed, who)
    aftersale.reject(db, OTHER, told.id, WHY, AT)
    assert told.spool in aftersale.spooled(db)
    assert aftersale.erase_due(db, AT.replace(year=2029)) == 0
    while aftersale.erase_due(db, AT.replace(year=2029) + timedelta(days=1)):
        pass
    after = aftersale.claim(db, told.id)
    assert (after.guardian_name, after.minor_number, after.words, after.spool) == (None, None, None, "")
    assert (after.state, after.reason, after.sha256) == ("rejected", WHY[0], told.sha256)
    assert told.spool not in aftersale.spooled(db)
    assert aftersale.show_persons(db, ring, CLERK, told.id, "x", AT) is ClaimRefusal.GONE


def test_fifteen_days_without_a_decision_are_told(db, ring):
    """C-72."""
    placed, who = bought(db, ring)
    told = claim(db, ring, placed, who)
    mine = lambda at: [one.name for one in aftersale.tell_overdue(db, at) if one.id == told.id]  # noqa: E731
    assert mine(told.due_at - timedelta(seconds=1)) == []
    assert mine(told.due_at) == ["guardian"]


def test_a_purchase_of_an_organisation_has_no_guardian(db, ring):
    account = make.account(db)
    [answer] = sales.sell(db, ring, [make.purchase(make.stocked(db, ring, 1), account)], clock.now())
    order = sales.by_number(db, pool_of(answer.number), answer.number)
    assert sales.standing(db, (order.pool_id, order.id)) is RefundRefusal.OF_ACCOUNT
    assert sales.standing(db, (order.pool_id, UUID(int=1))) is RefundRefusal.NO_SUCH_ORDER


def test_a_third_partys_books_bear_their_share_of_what_goes_back(db, ring):
    placed, who = bought(db, ring, 2, seen=True, seller=make.supplier(db))
    told = claim(db, ring, placed, who)
    grant(db, told, ask(db, told, 1_000))
    assert refunds(db, placed) == [2 * 3_990 - 1_000]
    assert (ledger.check(db), invariants.check(db)) == ([], [])


def test_what_somebody_has_begun_to_issue_is_decided_when_that_is_over(db, ring):
    who, sku = make.buyer(), make.sku(db, kind="manual")
    make.slots(db, ring, sku, 1)
    placed = make.order(db, ring, sku, 1, who, form={"phone": "13800138000"})
    assert sales.settle(db, [make.notice(placed)], clock.now()) == ["paid"]
    told = claim(db, ring, placed, who)
    asked = ask(db, told)
    db.execute("UPDATE sales_fulfilment SET taken_by = 'clerk' WHERE order_id = %s", [placed.id])
    assert grant(db, told, asked) is RefundRefusal.BEING_ISSUED
    assert audit.approval(db, asked.id).state == "waiting"
    db.execute("UPDATE sales_fulfilment SET taken_by = '' WHERE order_id = %s", [placed.id])
    assert grant(db, told, asked).state == "granted"
    assert (state(db, placed), refunds(db, placed)) == ("refunding", [3_990])
    assert invariants.check(db) == []


def test_a_claims_refund_that_waits_beside_it_gets_what_is_left(db, ring):
    """Two yeses on one order: what goes back is never more than what came."""
    placed, who = bought(db, ring, 2, seen=True)
    told = claim(db, ring, placed, who)
    asked = ask(db, told)
    lines = sales.lines_of(db, [placed.id])[placed.id]
    [bad, _good] = cards.masked(db, [lines[0].pool_id], [lines[0].id])
    key, part = (placed.pool_id, placed.id), (3_000, [(bad.pool_id, bad.id)])
    other = sales.ask_claim_refund(db, CLERK, key, part, "失效", solo_wait_seconds=None, at=AT)
    sales.grant_claim_refund(db, OTHER, key, other.id, AT, is_alone=False)
    grant(db, told, asked)
    assert refunds(db, placed) == [3_000, 2 * 3_990 - 3_000]
    assert (state(db, placed), states(db, placed)) == ("refunding", ["void", "void"])
    assert (ledger.check(db), invariants.check(db)) == ([], [])


STEPS = st.sampled_from(
    ("open", "ask", "ask", "keep", "grant", "grant", "cancel", "reject", "refund", "claimed", "reveal")
)


@settings(deadline=None, max_examples=6)
@example([("ask", 0), ("reject", 1), ("grant", 1)])
@example([("ask", 0), ("cancel", 0), ("ask", 1), ("grant", 0), ("open", 0), ("grant", 1)])
@example([("reveal", 0), ("keep", 0), ("claimed", 0), ("grant", 1), ("open", 0), ("ask", 0), ("grant", 1)])
@given(st.lists(st.tuples(STEPS, st.integers(0, 1)), min_size=3, max_size=12))
def test_whatever_is_done_a_claim_is_decided_once_by_two_and_pays_no_more_than_came(house, steps):
    """Property: any mix of verbs. At most one claim is open, money moves with the second yes only, the books stay whole."""
    with connect(house.dsn, autocommit=False) as db:
        db.execute("SELECT")
        ring = house.ring
        placed, who = bought(db, ring, 2)
        claims, asked = [claim(db, ring, placed, who)], []

        def look():
            known = {one.id: one for one in aftersale.claims_of_order(db, placed.pool_id, placed.id)}
            waiting = [one.id for one in audit.open_approvals(db) if one.object_id in {str(one) for one in known}]
            return known, waiting, refunds(db, placed), states(db, placed), state(db, placed)

        for verb, nth in steps:
            before = look()
            done = moves.told_or_nothing(db, look, partial(_do, db, ring, placed, who, claims, asked, verb, nth))
            known, waiting, paid, shelf, _order = look()
            if isinstance(done, Claim) and done.id not in {one.id for one in claims}:
                claims.append(done)
            if isinstance(done, Approval):
                asked.append(done)
            by_state = lambda rows: {one.id: one.state for one in rows.values()}  # noqa: E731
            moves.by_the_table(rules.CLAIM, by_state(before[0]), by_state(known), born="open")
            assert [one.state for one in known.values()].count("open") <= 1
            assert not waiting or "open" in by_state(known).values()
            assert sum(paid) <= placed.total_fen
            if verb not in ("grant", "refund", "claimed"):
                assert (paid, shelf) == (before[2], before[3])
            for one in known.values():
                assert (one.state == "granted") == (one.refund_id is not None)
                assert one.state != "granted" or one.decided_by == OTHER.name
        assert (ledger.check(db), invariants.check(db)) == ([], [])
        db.rollback()


def _do(db, ring, placed, who, claims, asked, verb, nth):  # what a step may be about
    told = claims[-1]
    if verb == "open":
        return claim(db, ring, placed, who)
    if verb in ("ask", "keep"):
        return ask(db, told, 990 if verb == "keep" else 0)
    if verb in ("grant", "cancel") and not asked:
        return ApprovalRefusal.GONE
    if verb == "grant":
        return grant(db, told, asked[-1], (CLERK, OTHER)[nth])
    if verb == "cancel":
        return aftersale.cancel_grant(db, CLERK, told.id, asked[-1].id, AT)
    if verb == "reject":
        return aftersale.reject(db, OTHER, told.id, WHY if nth else ("", ""), AT)
    if verb == "refund":
        return sales.refund(db, BUYER, placed.token, None, "x", AT)
    if verb == "reveal":
        return sales.reveal(db, ring, placed.token, who, clock.now())
    lines = sales.lines_of(db, [placed.id])[placed.id]
    bad = cards.masked(db, [line.pool_id for line in lines], [line.id for line in lines])[:1]
    key, part = (placed.pool_id, placed.id), (3_000, [(one.pool_id, one.id) for one in bad])
    other = sales.ask_claim_refund(db, CLERK, key, part, "失效", solo_wait_seconds=None, at=AT)
    if not isinstance(other, Approval):
        return other
    return sales.grant_claim_refund(db, OTHER, key, other.id, AT, is_alone=False)
