from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from kashu import audit, cards, catalog, ledger, payments
from kashu.audit import SYSTEM, Actor, Deed
from kashu.cards import Card, Held, Rooms
from kashu.compliance import Effect, Event
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction, together
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import new_id
from kashu.ledger import ORDER_LIABILITY, Posting
from kashu.payments import Judged, Notice, Payment, Refund, Verdict
from kashu.sales import rules, store
from kashu.sales.service import fulfil, lapse, shelves, throttled
from kashu.sales.service.books import payable_account, psp_account, warranties
from kashu.sales.service.release import release
from kashu.sales.types import Buyer, Fulfilment, MinorOrder, Order, SaleLine

Paid = tuple[Judged, Order]


@dataclass(slots=True)
class Written:
    """What a settlement books, records and tells, written at its end: one statement each, however much it is."""

    accounts: Mapping[str, int]  # what each gateway holds for us
    postings: list[Posting] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)


def settle(db: Db, notices: Sequence[Notice], at: datetime) -> list[Verdict]:
    """Take verified notices: mark paid, hand the held cards over, book, and enqueue what must follow.

    One notice or many, each is answered as if it had come alone. The orders are locked first, in one order, so a
    repeated notice waits and then finds the work done; nobody is left paid and empty-handed (design §4).
    """
    assert_in_transaction(db)
    orders = store.lock_paid(db, payments.trades(notices))
    judged = payments.judge(db, notices)
    judged, paid = _sort(judged, orders)
    lines = store.lines_of(db, [order.id for _, order in paid], biz_date(at))
    judged, paid = _cancel_stopped(db, judged, paid, lines, at)
    later = [(order.pool_id, order.id) for _, order in paid if any(line.is_later for line in lines[order.id])]
    waiting = store.fulfilments(db, later) if later else {}
    told = Written(accounts={one: psp_account(db, one) for one in sorted({one.notice.channel_id for one, _ in paid})})
    late = [one for one in paid if one[1].state != "placed"]
    saved, lost = _reclaim(db, late, lines, at)
    given = [one for one in paid if one[1].state == "placed"] + saved
    with together(db):
        told.deeds += payments.keep(db, judged, at)
        told.postings += [posting for one in paid for posting in _booked(one, told)]
        _deliver(db, [one for one in given if one[1].id not in waiting], lines, told, at)
        _begin(db, [one for one in given if one[1].id in waiting], waiting, lines, told, at)
        _send_back(db, [(one, order, "paid_late") for one, order in lost], told, at)
        _send_back(db, _paid_twice(judged, orders), told, at)
        told.facts += [_confirming(one.payment) for one in judged if one.verdict is Verdict.TO_CONFIRM and one.payment]
        ledger.post(db, told.postings, at)
        audit.record(db, told.deeds, at)
        tell(db, told.facts, at)
    return [one.verdict for one in judged]


def _sort(judged: Sequence[Judged], orders: Mapping[UUID, Order]) -> tuple[list[Judged], list[Paid]]:
    """Match what was paid to its order: a second payment of one order is paid twice, one after its end is late."""
    told, paid, taken = [], [], set()
    for one in judged:
        final = one
        if one.verdict is Verdict.PAID and one.payment is not None:
            order = orders[one.payment.order_id]
            if order.id in taken or order.state not in ("placed", "expired", "cancelled"):
                final = replace(one, verdict=Verdict.PAID_TWICE, detail="the order was paid otherwise")
            else:
                taken.add(order.id)
                final = one if order.state == "placed" else replace(one, verdict=Verdict.LATE)
                paid.append((final, order))
        told.append(final)
    return told, paid


def _booked(paid: Paid, told: Written) -> list[Posting]:
    return rules.paid_postings(paid[1], told.accounts[paid[0].notice.channel_id])


def _paid_twice(judged: Sequence[Judged], orders: Mapping[UUID, Order]) -> list[tuple[Judged, Order, str]]:
    twice = [one for one in judged if one.verdict is Verdict.PAID_TWICE]
    return [(one, orders[one.payment.order_id], "paid_twice") for one in twice if one.payment]


def _confirming(payment: Payment) -> Fact:
    body = {"pool_id": payment.pool_id, "payment_id": payment.id, "round": 0}
    return Fact("payment.confirm", body, payment.pool_id)


def _begin(
    db: Db,
    paid: Sequence[Paid],
    waiting: Mapping[UUID, Fulfilment],
    lines: Mapping[UUID, Sequence[SaleLine]],
    told: Written,
    at: datetime,
) -> None:
    if not paid:
        return
    _move(db, paid, "paid", at)
    store.settle_quota(db, [order.id for _, order in paid])
    fulfil.begin(db, [(order, waiting[order.id]) for _, order in paid], lines, at)
    told.deeds += [_moved(one, order, "paid") for one, order in paid]


def _move(db: Db, paid: Sequence[Paid], after: str, at: datetime) -> None:
    paid_at = {order.id: one.notice.paid_at for one, order in paid}
    store.move(db, [order for _, order in paid if order.state == "placed"], after, at, paid_at=paid_at)
    late = [order for _, order in paid if order.state != "placed"]
    store.move(db, late, after, at, paid_at=paid_at, late=True)


def _deliver(
    db: Db, paid: Sequence[Paid], lines: Mapping[UUID, Sequence[SaleLine]], told: Written, at: datetime
) -> None:
    if not paid:
        return
    given = [line for _, order in paid for line in lines[order.id]]
    sellers = sorted({line.seller_id for line in given if line.is_third_party})
    payable = {seller: payable_account(db, seller) for seller in sellers}
    cards.hand_over(db, [((line.pool_id, line.id), line.quantity) for line in given], at)
    _move(db, paid, "delivered", at)
    store.deliver_lines(db, given, warranties(db, given, at), at)
    store.settle_quota(db, [order.id for _, order in paid])
    for line in given:
        told.postings += rules.delivered_postings(line, payable.get(line.seller_id, 0))
    told.deeds += [_moved(one, order, "delivered") for one, order in paid]
    told.facts += [Fact("order.delivered", {"pool_id": o.pool_id, "order_id": o.id}, o.pool_id) for _, o in paid]


def _cancel_stopped(
    db: Db, judged: Sequence[Judged], paid: Sequence[Paid], lines: Mapping[UUID, Sequence[SaleLine]], at: datetime
) -> tuple[list[Judged], list[Paid]]:
    """What may no longer be sold is cancelled before its money is looked at, as it would have been a moment later (§2.3)."""
    stopped = [
        order for _, order in paid
        if order.state == "placed" and lapse.effect(lines[order.id], Event.HELD) is Effect.CANCEL
    ]  # fmt: skip
    if not stopped:
        return list(judged), list(paid)
    release(db, stopped, "cancelled", SYSTEM, lapse.REASON, at)
    ended = {order.id: replace(order, state="cancelled", close_reason=lapse.REASON) for order in stopped}
    late = {id(one): replace(one, verdict=Verdict.LATE) for one, order in paid if order.id in ended}
    told = [(late.get(id(one), one), ended.get(order.id, order)) for one, order in paid]
    return [late.get(id(one), one) for one in judged], told


def _reclaim(
    db: Db, late: Sequence[Paid], lines: dict[UUID, list[SaleLine]], at: datetime
) -> tuple[list[Paid], list[Paid]]:
    """Money came after the hold had ended: take cards again where there are any."""
    saved: list[Paid] = []
    lost: list[Paid] = []
    minors = store.minor_orders(db, [order.id for _, order in late]) if late else {}
    if late:  # all at once and sorted: two settlements with late orders of the same buyers must not cross
        buckets = {bucket for _, order in late for bucket in _buckets(order)}
        store.lock_buckets(db, buckets | {rules.bucket(one.holder) for one in minors.values()})
    rooms = throttled.rooms(db, at)
    for one, order in sorted(late, key=lambda pair: (pair[1].placed_at, pair[1].id)):
        [model, *_] = lines[order.id]
        may_not = (
            order.forgotten_at is not None  # nobody is left to have the cards
            or lapse.effect(lines[order.id], Event.HELD) is Effect.CANCEL
            or _over_limit(db, order, model, at)
            or _over_month(db, (one, order), saved, minors)
        )
        shelf = [] if may_not else _take_again(db, order, model, rooms, at)
        if len(shelf) < order.quantity:
            lost.append((one, order))
            continue
        store.add_quota(db, order, model.sku_id, _buckets(order))
        lines[order.id] = _replace(db, order, lines[order.id], shelf, at)
        saved.append((one, order))
    if late:
        kinds = {order.id: "paid_late_delivered" for _, order in saved} | {
            order.id: "paid_late_refunded" for _, order in lost
        }
        store.note_incidents(db, [(kinds[o.id], o.pool_id, o.id, o.close_reason) for _, o in late], at)
    return saved, lost


def _take_again(db: Db, order: Order, model: SaleLine, rooms: Rooms, at: datetime) -> list[Card]:
    """Cards for a late payer, the very one that was picked if it was; from lapsed holds too where the shelf is short.

    The cap of a throttled supplier counts here too: an order given up and paid late does not evade it.
    """
    ask = (model.sku_id, *(model.pick or ("", 0)))
    return list(shelves.take(db, {ask: order.quantity}, rooms, at)[ask])


def _over_limit(db: Db, order: Order, model: SaleLine, at: datetime) -> bool:
    """Whether this buyer has bought up to the limit in the meantime: an order given up and paid late does not evade it."""
    most = (catalog.page(db, model.page_hash) or {}).get("buyer_max")
    if most is None:
        return False
    identities = _buckets(order)[:-1]
    usage = store.usage(db, identities, at)
    return any(usage[one].pieces.get(model.sku_id, 0) + order.quantity > most for one in identities)


def _over_month(db: Db, paid: Paid, saved: Sequence[Paid], minors: Mapping[UUID, MinorOrder]) -> bool:
    """Whether a minor has spent so much since the hold ended that this order is above what its month allows (C-71)."""
    one, order = paid
    minor = minors.get(order.id)
    if minor is None:
        return False
    of_same = [other for _, other in saved if other.id in minors and minors[other.id].holder == minor.holder]
    spent_fen = store.spent(db, [minor.holder], one.notice.paid_at)[minor.holder] + sum(o.total_fen for o in of_same)
    return spent_fen + order.total_fen > minor.month_fen_max


def _buckets(order: Order) -> tuple[bytes, ...]:
    return Buyer(order.device, order.address, "", order.phone_identity, order.open_id).buckets


def _replace(db: Db, order: Order, old: Sequence[SaleLine], shelf: Sequence[Card], at: datetime) -> list[SaleLine]:
    by_pool: dict[int, list[Card]] = defaultdict(list)
    for card in shelf:
        by_pool[card.pool_id].append(card)
    model = replace(old[0], quantity=order.quantity, commission_fen=sum(line.commission_fen for line in old))
    new = [
        (model, new_id(), pool_id, taken[0].supplier_id, len(taken), sum(card.unit_cost_fen for card in taken))
        for pool_id, taken in sorted(by_pool.items())
    ]
    store.replace_lines(db, old, new)
    ids = {pool_id: line_id for _, line_id, pool_id, *_ in new}
    cards.hold(db, [Held(card, order.id, ids[card.pool_id], at) for card in shelf])
    return store.lines_of(db, [order.id])[order.id]


def _send_back(db: Db, back: Sequence[tuple[Judged, Order, str]], told: Written, at: datetime) -> None:
    """Refund in full, by the original route, what we cannot honour. It is an incident either way."""
    if not back:
        return
    refunds = []
    for one, order, why in back:
        assert one.payment is not None
        refund = Refund(
            order.pool_id, new_id(), one.payment.id, order.id, one.notice.gateway_no, one.notice.amount_fen, why,
            "requested", 0, at, None, "",
        )  # fmt: skip
        refunds.append(refund)
        twice = why == "paid_twice"
        told.postings += rules.refund_postings(
            refund, psp_account(db, one.notice.channel_id) if twice else ORDER_LIABILITY
        )
        told.facts.append(Fact("refund.send", {"pool_id": refund.pool_id, "refund_id": refund.id}, refund.pool_id))
        if twice:
            store.note_incidents(db, [(why, order.pool_id, order.id, one.notice.gateway_no)], at)
        else:
            store.move(db, [order], "refunding", at, paid_at={order.id: one.notice.paid_at}, late=True, reason=why)
    payments.request_refunds(db, refunds, {one.payment.id: one.payment for one, _, _ in back if one.payment})
    told.deeds += [_refunding(one, order, why) for one, order, why in back]


def _moved(one: Judged, order: Order, after: str) -> Deed:
    told = ({"state": order.state}, {"state": after, "paid_fen": one.notice.amount_fen})
    actor = Actor("channel", one.notice.channel_id)
    return Deed(actor, f"order.{after}", "order", str(order.id), *told, pool_id=order.pool_id)


def _refunding(one: Judged, order: Order, why: str) -> Deed:
    told = ({"state": order.state}, {"amount_fen": one.notice.amount_fen})
    actor = Actor("channel", one.notice.channel_id)
    return Deed(actor, "order.refunding", "order", str(order.id), *told, why, order.pool_id)
