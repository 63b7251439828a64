"""Delivered cards that are honoured no more (§2.3, fifth column): recalled, or paid for on demand (先行赔付), by two persons."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kashu import aftersale, audit, cards, compliance, ledger, party, sales
from kashu.aftersale import Compensation, CompensationRefusal, rules
from kashu.audit import Approval, ApprovalRefusal
from kashu.cards import Redeeming
from kashu.compliance import AuthorisationRefusal, Effect
from kashu.kernel import clock
from kashu.kernel.clock import biz_date
from kashu.kernel.db import connect, run, values
from kashu.kernel.text import sha256_hex
from kashu.server import invariants
from tests import make, moves
from tests.aftersale.test_guardians import refunds, states
from tests.aftersale.world import BUYER, CLERK, OTHER, WHY, bought
from tests.cards.test_redemption import sell_code
from tests.compliance.test_provenance import TODAY, attach, verified

YESTERDAY = TODAY - timedelta(1)


class Batch:
    """Cards of a brand, bought today under a link of its chain and on sale; some orders have been delivered from it."""

    def __init__(self, db, ring, many=4):
        self.db, self.ring = db, ring
        self.owner = make.supplier(db)
        self.root = verified(db, ring, make.supplier(db), is_issuer=True)
        self.leaf = verified(db, ring, self.owner, self.root)
        self.sku = make.sku(db)
        made = make.batch(db, ring, self.sku, many, on_sale=False)
        self.pool_id = made.pool_id
        run(db, "UPDATE cards_pool SET supplier_id = %s WHERE id = %s", [self.owner, self.pool_id])
        attach(db, made, self.leaf)
        cards.confirm(db, make.REVIEWER, self.pool_id, clock.now())
        assert isinstance(cards.put_on_sale(db, make.STAFF, self.pool_id, clock.now()), cards.Batch)

    def sell(self, quantity=1, *, seen=True):
        return bought(self.db, self.ring, quantity, seen=seen, sku=self.sku)

    def revoke(self, last_day=None):
        return cards.revoke(self.db, make.STAFF, self.root.id, "品牌方：从未授权", clock.now(), last_day)

    def recall(self):
        keys, _next = aftersale.recallable(self.db, self.root.id, aftersale.FIRST)
        return sum(aftersale.recall(self.db, key, clock.now()) for key in keys)


@pytest.fixture
def batch(db, ring):
    return Batch(db, ring)


@pytest.fixture
def barred(db, ring):
    """An order that was seen, of a supplier that is blacklisted since."""
    shop = Batch(db, ring)
    placed, who = shop.sell(2)
    bar(db, shop.owner)
    return shop, placed, who


def bar(db, owner):
    run(db, "UPDATE party_supplier SET state = 'blacklisted' WHERE party_id = %s", [owner])


def demand(db, placed, who, at=None):
    return aftersale.demand(db, BUYER, placed.token, who.device, at or clock.now())


def ask(db, *told, by=CLERK, reason="两人核对"):
    ids = [one.id for one in told]
    return aftersale.ask_payment(db, by, ids, reason, solo_wait_seconds=None, at=clock.now())


def confirm(db, asked, by=OTHER):
    return aftersale.confirm_payment(db, by, asked.id, clock.now(), is_alone=False)


def paid(db, told):
    """Through both persons and the job."""
    assert confirm(db, ask(db, told)) == 1
    return aftersale.pay(db, told.id, clock.now())


def of_order(db, placed):
    return aftersale.compensations_of_order(db, placed.pool_id, placed.id)


def of_number(db, number):
    [found] = db.execute("SELECT pool_id, id FROM sales_order WHERE number = %s", [number]).fetchall()
    return found


def told_of(db, topic):
    return values(db, "SELECT body FROM outbox WHERE topic = %s ORDER BY id", [topic])


# --- recall


def test_what_was_bought_while_the_authorisation_held_is_honoured(db, batch):
    """§2.3: "honour if batch bought while valid"."""
    placed, who = batch.sell()
    assert batch.revoke() == sorted([batch.root.id, batch.leaf.id])
    assert batch.recall() == 0
    assert demand(db, placed, who) is CompensationRefusal.NOTHING_DUE
    assert states(db, placed) == ["sold"]


def test_what_was_bought_after_it_had_ended_is_recalled_and_paid(db, batch):
    """§2.3: "else recall + pay"; every order, its buyer told, once, by two persons."""
    seen, _who = batch.sell()
    unseen, _other = batch.sell(2, seen=False)
    batch.revoke(YESTERDAY)
    assert batch.recall() == 2
    assert batch.recall() == 0  # told again
    [told] = of_order(db, seen)
    assert (told.effect, told.causes, told.state, told.amount_fen) == ("recall", ["authorisation"], "owed", 3_990)
    assert {UUID(one["order_id"]) for one in told_of(db, "order.recalled")} >= {seen.id, unseen.id}
    assert refunds(db, seen) == []
    done = paid(db, told)
    assert (done.state, done.paid_fen, states(db, seen), refunds(db, seen)) == ("paid", 3_990, ["void"], [3_990])
    [other] = of_order(db, unseen)
    assert paid(db, other).paid_fen == 2 * 3_990
    assert states(db, unseen) == ["void", "void"]  # not on the shelf again
    assert (ledger.check(db), invariants.check(db)) == ([], [])
    assert "compensation.paid" in {one.verb for one in audit.entries_of(db, told.pool_id, "compensation", str(told.id))}


def test_a_recall_says_nothing_of_how_good_the_batch_was(db, batch):
    placed, _who = batch.sell()
    batch.revoke(YESTERDAY)
    batch.recall()
    paid(db, of_order(db, placed)[0])
    assert cards.failure_rate(db, batch.pool_id).failed == 0


@pytest.mark.parametrize(
    ("days", "refusal"), [(1, AuthorisationRefusal.WRONG_DAY), (-32, AuthorisationRefusal.WRONG_DAY), (-31, None)]
)
def test_the_last_day_lies_between_the_day_before_it_began_and_today(batch, days, refusal):
    told = batch.revoke(TODAY + timedelta(days))
    assert told == (refusal or sorted([batch.root.id, batch.leaf.id]))


def test_a_link_below_never_ends_before_the_day_before_it_began(db, ring):
    """A forged root takes what hangs on it along, each from its own first day."""
    shop = Batch(db, ring)
    run(db, "UPDATE compliance_authorisation SET valid_from = %s WHERE id = %s", [YESTERDAY, shop.leaf.id])
    shop.revoke(TODAY - timedelta(31))
    assert compliance.authorisation(db, shop.leaf.id).revoked_on == TODAY - timedelta(2)


def test_a_renewal_does_not_make_good_what_was_bought_when_there_was_nothing_to_renew(db, ring, batch):
    """Unsold cards stop with the very act, though their pool is under a renewal that holds."""
    placed, _who = batch.sell()
    run(db, "UPDATE compliance_authorisation SET valid_to = %s WHERE id = %s", [TODAY + timedelta(9), batch.leaf.id])
    upper = verified(db, ring, batch.root.grantee_id, is_issuer=True)
    new = verified(db, ring, batch.owner, upper)
    assert cards.renew(db, make.STAFF, batch.leaf.id, new.id, clock.now()) == [batch.pool_id]
    batch.revoke(YESTERDAY)
    assert cards.authorisation_of(db, batch.pool_id) == batch.leaf.id
    assert cards.broken(cards.steps(db, batch.pool_id)) is None
    [refused] = sales.place(db, ring, [make.checkout(db, batch.sku)], clock.now(), 600)
    assert refused is sales.Refusal.OUT_OF_STOCK
    assert (batch.recall(), of_order(db, placed)[0].effect) == (1, "recall")


def test_a_renewal_goes_on_where_the_old_one_is_revoked_from_today(db, ring, batch):
    run(db, "UPDATE compliance_authorisation SET valid_to = %s WHERE id = %s", [TODAY + timedelta(9), batch.leaf.id])
    new = verified(db, ring, batch.owner, verified(db, ring, batch.root.grantee_id, is_issuer=True))
    cards.renew(db, make.STAFF, batch.leaf.id, new.id, clock.now())
    batch.revoke()
    assert cards.authorisation_of(db, batch.pool_id) == new.id
    placed, _who = batch.sell()
    assert (batch.recall(), of_order(db, placed)) == (0, [])


def test_every_order_is_found_however_many_there_are(db, batch, monkeypatch):
    monkeypatch.setattr(aftersale.service.compensations, "RECALL_MAX", 2)
    placed = [batch.sell()[0] for _ in range(3)]
    batch.revoke(YESTERDAY)
    place, found = aftersale.FIRST, []
    while place is not None:
        keys, place = aftersale.recallable(db, batch.root.id, place)
        found += keys
    assert sorted(found) == sorted((one.pool_id, one.id) for one in placed)
    assert sum(aftersale.recall(db, key, clock.now()) for key in found) == 3
    assert all(of_order(db, one) for one in placed)


# --- on demand


def test_a_buyer_of_a_barred_supplier_is_paid_on_demand(db, barred):
    """先行赔付: nothing is done unasked, all of it is paid when asked (CPL §44, ECOM §58)."""
    _shop, placed, who = barred
    assert of_order(db, placed) == []
    told = demand(db, placed, who)
    assert (told.effect, told.causes, told.amount_fen, told.cards) == ("compensate", ["supplier"], 2 * 3_990, 2)
    assert demand(db, placed, who) is CompensationRefusal.OPEN_ALREADY
    done = paid(db, told)
    assert (done.state, refunds(db, placed), states(db, placed)) == ("paid", [2 * 3_990], ["void", "void"])
    assert sales.by_token(db, placed.token).state == "refunding"
    assert demand(db, placed, who) is CompensationRefusal.NOTHING_DUE
    assert (ledger.check(db), invariants.check(db)) == ([], [])


def test_nothing_is_due_while_everything_is_in_order(db, batch):
    placed, who = batch.sell()
    assert demand(db, placed, who) is CompensationRefusal.NOTHING_DUE
    assert sales.seems_due(db, sales.by_token(db, placed.token), clock.now()) is None


def test_a_cause_that_is_lifted_before_it_is_paid_pays_nothing(db, barred):
    """Lifting the cause lifts what hangs on it: the goods are honoured again."""
    shop, placed, who = barred
    told = demand(db, placed, who)
    asked = ask(db, told)
    run(db, "UPDATE party_supplier SET state = 'active' WHERE party_id = %s", [shop.owner])
    confirm(db, asked)
    assert aftersale.pay(db, told.id, clock.now()).state == "lapsed"
    assert (refunds(db, placed), states(db, placed)) == ([], ["sold", "sold"])
    assert aftersale.pay(db, told.id, clock.now()) is None  # told again
    bar(db, shop.owner)
    assert isinstance(demand(db, placed, who), Compensation)


def test_a_redeemed_code_is_not_paid_for(db, ring):
    """The column is "delivered, unredeemed": of two codes the one that was used is used."""
    shop, [code, _other], bill = sell_code(db, ring, 2)
    assert isinstance(
        sales.redeem(db, ring, Redeeming(shop, code, "till-1", "clerk", "一号店"), clock.now()), cards.Redemption
    )
    key, owner = of_number(db, bill.number), make.supplier(db)
    [line] = sales.lines_of(db, [key[1]])[key[1]]
    run(db, "UPDATE cards_pool SET supplier_id = %s WHERE id = %s", [owner, line.pool_id])
    bar(db, owner)
    told = aftersale.demand_for(db, CLERK, key, clock.now())
    assert (told.cards, told.amount_fen) == (1, line.total_fen // 2)
    assert paid(db, told).paid_fen == line.total_fen // 2
    told = cards.masked(db, [line.pool_id], [line.id])
    assert sorted(one.state for one in told) == ["sold", "void"]
    assert (ledger.check(db), invariants.check(db)) == ([], [])


def test_only_the_browser_that_holds_the_order_demands(db, barred):
    _shop, placed, _who = barred
    assert demand(db, placed, make.buyer()) is CompensationRefusal.NOT_YOURS
    assert aftersale.demand(db, BUYER, "no such token", b"", clock.now()) is CompensationRefusal.NO_SUCH_ORDER


def test_demands_of_a_day_are_bounded(db, barred):
    _shop, placed, who = barred
    at = clock.now()
    told = [demand(db, placed, who, at) for _ in range(rules.DAY_MAX + 1)]
    assert told[-2:] == [CompensationRefusal.OPEN_ALREADY, CompensationRefusal.TOO_MANY]


@pytest.mark.parametrize(("days", "is_due"), [(90, True), (91, False)])
def test_a_demand_comes_within_ninety_days_or_the_warranty(db, barred, days, is_due):
    """§5.1: the window of a claim."""
    _shop, placed, who = barred
    run(db, "UPDATE sales_line SET warranty_ends_on = NULL WHERE order_id = %s", [placed.id])
    told = demand(db, placed, who, clock.now() + timedelta(days))
    assert isinstance(told, Compensation) if is_due else told is CompensationRefusal.NOTHING_DUE
    if not is_due:
        over = biz_date(clock.now()) + timedelta(120)
        run(db, "UPDATE sales_line SET warranty_ends_on = %s WHERE order_id = %s", [over, placed.id])
        assert isinstance(demand(db, placed, who, clock.now() + timedelta(days)), Compensation)


def test_an_organisation_is_paid_on_its_account(db, ring):
    """Accounts buy our own sales of a supplier's cards; staff take the demand down."""
    shop, buyer = Batch(db, ring), make.account(db)
    [bill] = sales.sell(db, ring, [make.purchase(shop.sku, buyer, 2)], clock.now())
    key = of_number(db, bill.number)
    bar(db, shop.owner)
    told = aftersale.demand_for(db, CLERK, key, clock.now())
    assert (told.effect, told.made_by) == ("compensate", CLERK.name)
    done = paid(db, told)
    [credit] = sales.credits_of(db, *key)
    assert (done.payment_id, done.paid_fen) == (credit.id, credit.amount_fen)
    assert (ledger.check(db), invariants.check(db)) == ([], [])


def test_a_third_party_gives_back_its_part_and_we_our_commission(db, ring):
    seller = make.supplier(db)
    sku = make.sku(db, seller=seller)
    make.batch(db, ring, sku, 1)
    placed, who = bought(db, ring, 1, seen=True, sku=sku)
    before = owed(db, seller)
    bar(db, seller)
    paid(db, demand(db, placed, who))
    assert (before > 0, owed(db, seller)) == (True, 0)
    assert (ledger.check(db), invariants.check(db)) == ([], [])


def owed(db, seller):
    [found] = values(db, "SELECT balance_fen FROM ledger_balance WHERE code = %s", [f"payable:{seller}"])
    return found


def test_what_is_issued_to_somebody_was_used_as_it_was_delivered(db, ring):
    """直充, 代充: there is nothing left to give back, and a complaint is the way where it did not arrive."""
    sku = make.sku(db, kind="manual")
    pool = make.slots(db, ring, sku, 2).pool_id
    placed, who = None, make.buyer()
    placed = make.order(db, ring, sku, 1, who, form={"phone": "13800138000"})
    sales.settle(db, [make.notice(placed)], clock.now())
    sales.fulfilled(db, ring, make.STAFF, (placed.pool_id, placed.id), ("T-1", "已充值"), clock.now())
    owner = make.supplier(db)
    run(db, "UPDATE cards_pool SET supplier_id = %s WHERE id = %s", [owner, pool])
    bar(db, owner)
    assert demand(db, placed, who) is CompensationRefusal.NOTHING_DUE


# --- two persons


def test_two_persons_pay_and_neither_acts_for_the_supplier(db, barred):
    shop, placed, who = barred
    told = demand(db, placed, who)
    member(db, shop.owner, OTHER.name)
    assert ask(db, told, by=OTHER) is CompensationRefusal.SAME_PERSON
    asked = ask(db, told)
    assert isinstance(asked, Approval)
    assert ask(db, told) is CompensationRefusal.WRONG_STATE
    assert confirm(db, asked, CLERK) is ApprovalRefusal.SAME_PERSON
    assert confirm(db, asked) is CompensationRefusal.SAME_PERSON
    third = make.REVIEWER
    assert confirm(db, asked, third) == 1
    assert confirm(db, asked, third) is ApprovalRefusal.GONE
    [fact] = [one for one in told_of(db, "compensation.pay") if one["compensation_id"] == str(told.id)]
    assert aftersale.pay(db, UUID(fact["compensation_id"]), clock.now()).state == "paid"
    assert aftersale.pay(db, told.id, clock.now()) is None
    assert refunds(db, placed) == [2 * 3_990]


def member(db, party_id, email):
    sql = """
    INSERT INTO party_person (email, name, role, password, is_active, date_joined)
    VALUES (%s, 'x', 'support', '!', true, now()) RETURNING id
    """
    [person] = values(db, sql, [email])
    party.add_member(db, make.STAFF, party_id, person, clock.now())


def test_what_was_asked_for_can_be_taken_back(db, barred):
    _shop, placed, who = barred
    told = demand(db, placed, who)
    asked = ask(db, told)
    assert aftersale.refuse(db, OTHER, told.id, WHY, clock.now()) is CompensationRefusal.WRONG_STATE
    assert aftersale.cancel_payment(db, OTHER, asked.id, clock.now()) is None
    assert aftersale.compensation(db, told.id).state == "owed"
    assert confirm(db, asked) is ApprovalRefusal.GONE
    assert aftersale.cancel_payment(db, OTHER, asked.id, clock.now()) is ApprovalRefusal.GONE
    assert isinstance(ask(db, told), Approval)


def test_nothing_is_paid_without_a_reason_or_twice_in_one_wish(db, barred):
    _shop, placed, who = barred
    told = demand(db, placed, who)
    assert ask(db, told, reason="") is CompensationRefusal.NO_REASON
    assert (
        aftersale.ask_payment(db, CLERK, [], "x", solo_wait_seconds=None, at=clock.now())
        is CompensationRefusal.WRONG_STATE
    )
    unknown = UUID(int=7)
    both = aftersale.ask_payment(db, CLERK, [told.id, unknown], "x", solo_wait_seconds=None, at=clock.now())
    assert both is CompensationRefusal.WRONG_STATE
    asked = ask(db, told, told)
    assert asked.body == {"ids": [str(told.id)], "total_fen": 2 * 3_990}


def test_no_more_is_paid_than_the_two_persons_saw(db, barred):
    """A refund by claim meanwhile leaves less; what is left is paid, and the books are whole."""
    _shop, placed, who = barred
    told = demand(db, placed, who)
    confirm(db, ask(db, told))
    wish = sales.ask_claim_refund(
        db, CLERK, (placed.pool_id, placed.id), (1_000, []), "协商", solo_wait_seconds=None, at=clock.now()
    )
    sales.grant_claim_refund(db, OTHER, (placed.pool_id, placed.id), wish.id, clock.now(), is_alone=False)
    assert aftersale.pay(db, told.id, clock.now()).paid_fen == 2 * 3_990 - 1_000
    assert sum(refunds(db, placed)) == 2 * 3_990
    assert (ledger.check(db), invariants.check(db)) == ([], [])


def test_where_more_is_owed_by_then_it_is_owed_anew_for_two_persons_to_see(db, ring):
    """No card is void that nobody paid for: another supplier's cards of the order are barred between the yes and the money."""
    shop = Batch(db, ring)
    placed, who = shop.sell(2)
    [line] = sales.lines_of(db, [placed.id])[placed.id]
    [one, _other] = cards.masked(db, [line.pool_id], [line.id])
    run(
        db,
        "UPDATE cards_card SET voided_at = now(), void_cause = 'goodwill' WHERE pool_id = %s AND id = %s",
        [one.pool_id, one.id],
    )
    bar(db, shop.owner)
    told = demand(db, placed, who)
    assert told.amount_fen == 3_990
    confirm(db, ask(db, told))
    run(
        db,
        "UPDATE cards_card SET voided_at = NULL, void_cause = NULL WHERE pool_id = %s AND id = %s",
        [one.pool_id, one.id],
    )
    assert aftersale.pay(db, told.id, clock.now()).state == "lapsed"
    assert (refunds(db, placed), states(db, placed)) == ([], ["sold", "sold"])
    [anew, _old] = of_order(db, placed)
    assert (anew.state, anew.amount_fen) == ("owed", 2 * 3_990)
    assert paid(db, anew).state == "paid"
    assert (ledger.check(db), invariants.check(db)) == ([], [])


def test_an_order_ends_only_where_none_of_its_cards_is_good(db, ring):
    """A favour took the money of one card before: what is left pays for the recalled one, and the other stays readable."""
    redeemer, [code, _other], bill = sell_code(db, ring, 2)
    sales.redeem(db, ring, Redeeming(redeemer, code, "till-1", "clerk", "一号店"), clock.now())
    key, owner = of_number(db, bill.number), make.supplier(db)
    [line] = sales.lines_of(db, [key[1]])[key[1]]
    half = line.total_fen // 2
    wish = sales.ask_claim_refund(db, CLERK, key, (half, []), "协商", solo_wait_seconds=None, at=clock.now())
    sales.grant_claim_refund(db, OTHER, key, wish.id, clock.now(), is_alone=False)
    run(db, "UPDATE cards_pool SET supplier_id = %s WHERE id = %s", [owner, line.pool_id])
    bar(db, owner)
    assert paid(db, aftersale.demand_for(db, CLERK, key, clock.now())).paid_fen == half
    assert sales.orders(db, [key])[key[1]].state == "delivered"
    assert (ledger.check(db), invariants.check(db)) == ([], [])


def test_what_was_refused_is_not_owed_again_unasked(db, batch):
    placed, who = batch.sell()
    batch.revoke(YESTERDAY)
    assert batch.recall() == 1
    aftersale.refuse(db, OTHER, of_order(db, placed)[0].id, WHY, clock.now())
    assert batch.recall() == 0
    assert demand(db, placed, who) is CompensationRefusal.DECIDED
    assert isinstance(aftersale.demand_for(db, CLERK, (placed.pool_id, placed.id), clock.now()), Compensation)


def test_an_authorisation_turns_out_to_have_ended_earlier(db, batch):
    """Revoked from today on, and recalled when the brand writes that it had never given it; never made to hold longer."""
    placed, _who = batch.sell()
    batch.revoke()
    assert (batch.recall(), of_order(db, placed)) == (0, [])
    assert batch.revoke(TODAY) is AuthorisationRefusal.WRONG_STATE
    assert batch.revoke(YESTERDAY) == sorted([batch.root.id, batch.leaf.id])
    assert (batch.recall(), of_order(db, placed)[0].effect) == (1, "recall")


def test_what_is_too_old_to_be_read_is_recalled_all_the_same(db, ring, batch):
    """S-08 erases the secret, not what is owed for it; a demand is beyond its term by then."""
    placed, _who = batch.sell()
    late = clock.now() + timedelta(days=900)
    run(db, "UPDATE cards_card SET expires_on = %s WHERE pool_id = %s", [TODAY + timedelta(9), batch.pool_id])
    sales.complete(db, late)
    assert sales.erase_secrets(db, ring, [(placed.pool_id, placed.id)], 30, late + timedelta(400)) == 1
    assert sales.by_token(db, placed.token).erased_at is not None
    bar(db, batch.owner)
    assert aftersale.demand_for(db, CLERK, (placed.pool_id, placed.id), late) is CompensationRefusal.NOTHING_DUE
    batch.revoke(YESTERDAY)
    assert batch.recall() == 1
    assert paid(db, of_order(db, placed)[0]).state == "paid"
    assert (ledger.check(db), invariants.check(db)) == ([], [])


def test_who_asked_and_who_agreed_is_in_the_trail_of_each(db, ring):
    shop = Batch(db, ring)
    both = [shop.sell() for _ in range(2)]
    bar(db, shop.owner)
    told = [demand(db, *one) for one in both]
    asked = ask(db, *told)
    confirm(db, asked)
    for one in told:
        entries = {e.verb: e for e in audit.entries_of(db, one.pool_id, "compensation", str(one.id))}
        assert entries["compensation.asked"].actor == CLERK.name
        assert entries["compensation.approved"].actor == OTHER.name
        assert entries["compensation.approved"].after["approval"] == str(asked.id)


def test_a_refusal_tells_why_and_on_what_it_rests(db, barred):
    _shop, placed, who = barred
    told = demand(db, placed, who)
    at = clock.now()
    assert aftersale.refuse(db, OTHER, told.id, ("", ""), at) is CompensationRefusal.NO_REASON
    assert aftersale.refuse(db, OTHER, told.id, ("x" * 1_001, WHY[1]), at) is CompensationRefusal.TOO_LONG
    assert aftersale.refuse(db, OTHER, UUID(int=9), WHY, at) is CompensationRefusal.GONE
    done = aftersale.refuse(db, OTHER, told.id, ("品牌方确认已使用", sha256_hex("letter")), at)
    assert (done.state, done.reason, refunds(db, placed)) == ("refused", "品牌方确认已使用", [])
    assert aftersale.refuse(db, OTHER, told.id, WHY, at) is CompensationRefusal.WRONG_STATE


def test_a_missed_term_is_told(db, barred):
    """Two working days, on the board and in the trail."""
    _shop, placed, who = barred
    told = demand(db, placed, who)
    assert [one.name for one in aftersale.tell_overdue(db, told.due_at) if one.id == told.id] == ["compensate"]
    assert aftersale.breached(db, [told.id]) == {told.id: ["compensate"]}


def test_a_buyer_is_not_forgotten_while_money_is_owed(db, barred):
    from kashu.aftersale import store

    _shop, placed, who = barred
    key = (placed.pool_id, placed.id)
    assert store.contested(db, [key]) == set()
    demand(db, placed, who)
    assert store.contested(db, [key]) == {placed.id}


def test_effects_of_a_page_are_those_of_the_demand(db, barred):
    _shop, placed, _who = barred
    shown = sales.seems_due(db, sales.by_token(db, placed.token), clock.now())
    assert shown == sales.due(db, (placed.pool_id, placed.id), clock.now())
    assert shown.effect is Effect.COMPENSATE


VERBS = st.sampled_from(["demand", "ask", "confirm", "cancel", "pay", "refuse", "lift", "bar"])


@settings(max_examples=6, deadline=None)
@given(st.lists(st.tuples(VERBS, st.integers(0, 2)), max_size=14))
def test_whatever_is_tried_a_compensation_moves_along_its_table_and_pays_at_most_once(house, steps):
    """Refusals change nothing; what moved is in the trail; no fen more goes back than was paid."""
    with connect(house.dsn, autocommit=False) as db:
        db.execute("SELECT")
        shop = Batch(db, house.ring, 2)
        placed, who = shop.sell(2)
        bar(db, shop.owner)
        known: list[Compensation] = []
        asked: list[Approval] = []

        def look():
            told = {one.id: one.state for one in of_order(db, placed)}
            return told, refunds(db, placed), states(db, placed)

        for verb, nth in steps:
            before = look()
            if verb in ("lift", "bar"):
                state = "active" if verb == "lift" else "blacklisted"
                run(db, "UPDATE party_supplier SET state = %s WHERE party_id = %s", [state, shop.owner])
                continue
            done = moves.told_or_nothing(db, look, partial(_do, db, placed, who, known, asked, verb, nth))
            if isinstance(done, Compensation) and done.id not in {one.id for one in known}:
                known.append(done)
            if isinstance(done, Approval):
                asked.append(done)
            moves.by_the_table(rules.COMPENSATION, before[0], look()[0], born="owed")
        assert sum(refunds(db, placed)) <= 2 * 3_990
        assert [one.state for one in of_order(db, placed)].count("paid") == len(refunds(db, placed)) <= 1
        assert (ledger.check(db), invariants.check(db)) == ([], [])
        db.rollback()


def _do(db, placed, who, known, asked, verb, nth):
    one = known[nth % len(known)].id if known else UUID(int=nth)
    wish = asked[nth % len(asked)].id if asked else UUID(int=nth)
    at = clock.now()
    if verb == "demand":
        return demand(db, placed, who)
    if verb == "ask":
        return aftersale.ask_payment(db, CLERK, [one], "两人核对", solo_wait_seconds=None, at=at)
    if verb == "confirm":
        return aftersale.confirm_payment(db, (OTHER, CLERK)[nth % 2], wish, at, is_alone=False)
    if verb == "cancel":
        return aftersale.cancel_payment(db, OTHER, wish, at)
    if verb == "pay":
        return aftersale.pay(db, one, at)
    return aftersale.refuse(db, OTHER, one, WHY, at)
