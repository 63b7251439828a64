from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from kashu import audit, cards, catalog, payments
from kashu.audit import Actor, Deed
from kashu.cards import Held
from kashu.catalog import Agreement, Offer
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction, together
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.kernel.text import sha256_hex
from kashu.party import ADULT_YEARS
from kashu.payments import Payment
from kashu.sales import rules, store
from kashu.sales.service import fulfil, shelves, throttled
from kashu.sales.types import Answered, Checkout, Earlier, Placed, Refusal

HOLD_SECONDS = 600
PAY_MARGIN_SECONDS = 15  # the gateway stops taking money this long before the hold ends
DEAL_DAYS = 90
QUERY_AFTER_SECONDS = 10


def place(
    db: Db, ring: Keyring, checkouts: Sequence[Checkout], at: datetime, hold_seconds: int = HOLD_SECONDS
) -> list[Answered]:
    """Answer every checkout, in order, as if each had come alone; cards are held for those that are placed.

    Locking the buyers' buckets comes first and does two jobs: limits cannot be outrun by two requests at once,
    and two requests under one key wait for each other, so the look for an earlier order cannot miss one. A minor is
    one more bucket, whatever browser they buy in. Only where a seller, or who brought cards, is throttled is anything
    more asked.
    """
    assert_in_transaction(db)
    buckets = {bucket for checkout in checkouts for bucket in checkout.buyer.buckets}
    store.lock_buckets(db, buckets | {rules.bucket(one) for one in rules.minors_among(checkouts, at)})
    earlier = store.earlier(db, {checkout.identity for checkout in checkouts})
    fresh = [checkout for checkout in checkouts if checkout.identity not in earlier]
    world = _world(db, fresh, buckets, at, hold_seconds)
    outcomes = rules.decide(fresh, world, new_id)
    placed = {outcome.id: outcome for outcome in outcomes if isinstance(outcome, Placed)}
    if placed:
        with together(db):
            _write(db, ring, list(placed.values()), at)
    told = iter(outcomes)
    return [_answer(checkout, earlier.get(checkout.identity) or next(told)) for checkout in checkouts]


def consent(db: Db, at: datetime) -> tuple[Agreement, str]:
    """The text a buyer agrees to before buying (C-30), and its hash."""
    found = catalog.agreement(db, "digital_consent", at)
    assert found is not None, "set-up publishes the first version"
    return found, sha256_hex(found.body)


def _world(db: Db, fresh: Sequence[Checkout], buckets: set[bytes], at: datetime, hold_seconds: int) -> rules.World:
    offers = catalog.offers(db, {checkout.code for checkout in fresh}, at, hold=True)
    sku_ids = sorted(offer.sku_id for offer in offers.values())
    slowed = sorted({one.seller_id for one in offers.values() if one.is_throttled})
    minors = rules.minors_among((one for one in fresh if _is_capped(offers.get(one.code))), at)
    world = rules.World(
        offers=offers,
        deals=catalog.deals(db, sku_ids, biz_date(at) - timedelta(days=DEAL_DAYS)),
        usage=store.usage(db, buckets, at),
        shelf={},
        shelf_sizes=cards.on_shelf(db, sku_ids, biz_date(at), rules.SHELF_COUNT_MAX) if sku_ids else {},
        surcharges=shelves.surcharges(db, [(offers.get(one.code), one.pick) for one in fresh], at),
        routes=payments.routes(db, at),
        consent_hash=consent(db, at)[1],
        at=at,
        hold_seconds=hold_seconds,
        spent=store.spent(db, minors, at) if minors else {},
        sold=throttled.sold_today(db, slowed, at) if slowed else {},
    )
    rooms = throttled.rooms(db, at, world.sold)
    shelf, _ = shelves.lock(db, lambda ends: rules.demand(fresh, world, ends), rooms, at)
    return replace(world, shelf=shelf)


def _write(db: Db, ring: Keyring, placed: Sequence[Placed], at: datetime) -> None:
    pages = {p.checkout.page_hash: catalog.page_body(p.offer, p.list_price_fen) for p in placed}
    catalog.keep_pages(db, pages, at)
    store.place(db, ring, placed)
    held = [Held(card, p.id, line.id, p.hold_until) for p in placed for line in p.lines for card in line.cards]
    cards.hold(db, sorted(held, key=lambda one: (one.card.pool_id, one.card.id)))
    fulfil.take_on(db, ring, [p for p in placed if p.offer.is_later], "unpaid")
    payments.create(db, [_payment(p) for p in placed])
    caps = {p.id: rules.cap_of(p.checkout.holder, p.offer, biz_date(at)) for p in placed}
    counted = [
        (p.checkout.holder.id, biz_date(at), p.pool_id, p.id, cap.month_fen_max)
        for p in placed if p.checkout.holder is not None and (cap := caps[p.id]) is not None
    ]  # fmt: skip
    if counted:
        store.count_orders(db, counted)
    deeds = [
        Deed(
            Actor("buyer", p.checkout.buyer.device.hex()[:12]),
            "order.place",
            "order",
            str(p.id),
            after={
                "number": p.number,
                "code": p.offer.code,
                "quantity": p.checkout.quantity,
                "total_fen": p.total_fen,
                "hold_until": p.hold_until,
                "page": p.checkout.page_hash.hex(),
                "consent": p.checkout.consent_hash,
            }
            | _age(p, caps[p.id]),
            pool_id=p.pool_id,
        )
        for p in placed
    ]
    audit.record(db, deeds, at)
    query_at = at + timedelta(seconds=QUERY_AFTER_SECONDS)
    facts = [Fact("order.placed", {"pool_id": p.pool_id, "order_id": p.id}, p.pool_id) for p in placed]
    polls = [
        Fact("payment.query", {"pool_id": p.pool_id, "payment_id": p.payment_id, "round": 0}, p.pool_id, query_at)
        for p in placed
    ]
    tell(db, [*facts, *polls], at)


def _is_capped(offer: Offer | None) -> bool:
    return offer is not None and offer.minors == "capped"


def _age(p: Placed, cap: rules.Cap | None) -> dict[str, int]:
    """From which age on the buyer was known to be, where the goods ask for it; the birthday itself is in no trail."""
    if p.offer.minors == "free":
        return {}
    return {"age_from": ADULT_YEARS if cap is None else cap.from_years}


def _payment(p: Placed) -> Payment:
    expires_at = p.hold_until - timedelta(seconds=PAY_MARGIN_SECONDS)
    return Payment(
        p.pool_id, p.payment_id, p.id, p.channel_id, p.number, p.total_fen, "CNY", "created", p.checkout.method,
        "redirect", "", None, p.placed_at, expires_at, None,
    )  # fmt: skip


def _answer(checkout: Checkout, found: Answered) -> Answered:
    """What to tell the buyer. A key that once asked for something else asks for nothing now."""
    if isinstance(found, Earlier) and found.asked != checkout.asked:
        return Refusal.KEY_REUSED
    if isinstance(found, Placed) and found.checkout.asked != checkout.asked:
        return Refusal.KEY_REUSED
    return found
