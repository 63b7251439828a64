"""Selling to machines: many purchases at once, each answered as if it had come alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from kashu import audit, cards, catalog, ledger
from kashu.audit import Actor, Deed
from kashu.cards import Held, Opened
from kashu.kernel import ids
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction, together
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.sales import rules, store
from kashu.sales.service import fulfil, shelves, throttled
from kashu.sales.service.checkout import DEAL_DAYS
from kashu.sales.types import Bought, Purchase, Receipt, SellRefusal

KEY_DAYS = 7
FORGET_MAX = 5_000
Identity = tuple[int, str]


def sell(db: Db, ring: Keyring, purchases: Sequence[Purchase], at: datetime) -> list[Receipt | SellRefusal]:
    """Answer every purchase, in order, as if each had come alone: paid, delivered and booked, or not done at all.

    Locking the accounts comes first and does two jobs: two batches cannot spend one balance, and two purchases
    under one key wait for each other, so the look for an earlier one cannot miss it. A batch of any size takes
    the same few statements.
    """
    assert_in_transaction(db)
    accounts = store.accounts(db, {purchase.account_id for purchase in purchases}, lock=True)
    earlier, taken = store.earlier_purchases(db, purchases)
    fresh = [purchase for purchase in purchases if purchase.identity not in earlier]
    offers = catalog.offers(db, {purchase.code for purchase in fresh}, at, hold=True) if fresh else {}
    skus = sorted(offer.sku_id for offer in offers.values())
    today = biz_date(at)
    market = rules.Market(
        offers=offers,
        deals=catalog.deals(db, skus, today - timedelta(days=DEAL_DAYS)) if skus else [],
        accounts=accounts,
        prices=store.prices(db, accounts, skus, at) if skus else {},
        references=taken,
        surcharges=shelves.surcharges(db, [(offers.get(one.code), one.pick) for one in fresh], at),
        at=at,
        today=today,
    )
    rooms = throttled.rooms(db, at)
    shelf, ends = shelves.lock(db, lambda ends: rules.wanted(rules.accept(fresh, market, ends), market), rooms, at)
    outcomes = rules.accept(fresh, market, ends)
    told = rules.deliver(outcomes, market, shelf, new_id)
    bought = {one.id: one for one in told if isinstance(one, Bought)}
    opened = _write(db, ring, list(bought.values()), market) if bought else {}
    same = {earlier[p.identity][1:]: p for p in purchases if _is_same(p, earlier)}
    audit.record(db, [_shown(key, purchase) for key, purchase in same.items()], at)
    again = _again(db, ring, set(same))
    answers = iter(told)
    return [
        _repeat(purchase, earlier, again) if purchase.identity in earlier else _answer(purchase, next(answers), opened)
        for purchase in purchases
    ]


def receipts(db: Db, ring: Keyring, keys: Sequence[tuple[int, UUID]]) -> list[Receipt]:
    """What buyers were told of these purchases, rebuilt from the sales."""
    assert_in_transaction(db)
    found = _again(db, ring, set(keys))
    return [found[order_id] for _, order_id in keys if order_id in found]


def forget_keys(db: Db, at: datetime) -> int:
    """Forget the idempotency keys of purchases after their days, some at a time; says how many."""
    assert_in_transaction(db)
    return store.forget_keys(db, at - timedelta(days=KEY_DAYS), FORGET_MAX)


def _write(db: Db, ring: Keyring, bought: Sequence[Bought], market: rules.Market) -> dict[UUID, tuple[Opened, ...]]:
    shown = {one.offer.sku_id: one for one in bought}
    bodies = [catalog.page_body(one.offer, one.list_price_fen) for one in shown.values()]
    done, later = [one for one in bought if not one.offer.is_later], [one for one in bought if one.offer.is_later]
    spent: Counter[int] = Counter()
    for one in bought:
        spent[one.purchase.account_id] += one.total_fen
    postings = [posting for one in done for posting in rules.purchased_postings(one)]
    postings += [posting for one in later for posting in rules.prepaid_postings(one)]
    with together(db):
        catalog.keep_pages(db, {catalog.page_hash(body): body for body in bodies}, market.at)
        store.keep_purchases(db, bought, [ids.new_token(one.pool_id) for one in bought], market.at)
        opened = _deliver(db, ring, done, market.at)
        _take_on(db, ring, later, market.at)
        ledger.post(db, postings, market.at)
        store.spend(db, sorted(spent.items()), market.today)
        audit.record(db, [_deed(one) for one in bought], market.at)
        tell(db, [*(_delivered(one) for one in done), *fulfil.begun(later)], market.at)
    return opened


def _delivered(one: Bought) -> Fact:
    body = {"pool_id": one.pool_id, "order_id": one.id, "account_id": one.purchase.account_id}
    return Fact("purchase.delivered", body, one.pool_id)


def _deliver(db: Db, ring: Keyring, done: Sequence[Bought], at: datetime) -> dict[UUID, tuple[Opened, ...]]:
    """Sell and open the cards of purchases that are delivered by their answer."""
    if not done:
        return {}
    store.place_lines(db, done, at)
    sold = [(card, one.id, line.id) for one in done for line in one.lines for card in line.cards]
    return cards.sell(db, ring, sold, at)


def _take_on(db: Db, ring: Keyring, later: Sequence[Bought], at: datetime) -> None:
    """Hold the slots of purchases that are to be issued (直充, 代充), and note for whom."""
    if not later:
        return
    store.place_lines(db, later)
    held = [
        Held(card, one.id, line.id, rules.due_at(one.offer.kind, at))
        for one in later for line in one.lines for card in line.cards
    ]  # fmt: skip
    cards.hold(db, held)
    fulfil.take_on(db, ring, later, "waiting")


def _deed(one: Bought) -> Deed:
    after = {
        "number": one.number,
        "code": one.offer.code,
        "quantity": one.purchase.quantity,
        "total_fen": one.total_fen,
        "revealed": not one.offer.is_later,
        "by": one.purchase.by,
    }
    actor = Actor("buyer", f"account {one.purchase.account_id}")
    return Deed(actor, "order.purchased", "order", str(one.id), after=after, pool_id=one.pool_id)


def _shown(key: tuple[int, UUID], purchase: Purchase) -> Deed:
    """A look at cards that were shown before is in the trail like the first (S-04)."""
    actor, after = Actor("buyer", f"account {purchase.account_id}"), {"by": purchase.by, "repeated": True}
    return Deed(actor, "order.shown", "order", str(key[1]), after=after, pool_id=key[0])


def _is_same(purchase: Purchase, earlier: Mapping[Identity, tuple[str, int, UUID]]) -> bool:
    """Whether the key has led to this very purchase before; pool 0 is a bulk purchase under the same key."""
    asked, pool_id, _ = earlier.get(purchase.identity, ("", 0, None))
    return pool_id != 0 and asked == purchase.asked


def _again(db: Db, ring: Keyring, keys: set[tuple[int, UUID]]) -> dict[UUID, Receipt]:
    """Rebuild the receipts of earlier purchases. No plaintext was kept for this: the cards are opened again."""
    if not keys:
        return {}
    orders = store.orders(db, keys)
    lines = store.lines_of(db, list(orders))
    codes = catalog.codes(db, {line.sku_id for found in lines.values() for line in found})
    opened = cards.opened(db, ring, [(line.pool_id, line.id) for found in lines.values() for line in found])
    told = {}
    for order in orders.values():
        mine = lines[order.id]
        given = tuple(card for line in mine for card in opened.get(line.id, ()))
        told[order.id] = Receipt(
            order.number, codes[mine[0].sku_id], order.quantity, mine[0].price_fen, order.total_fen, order.reference,
            order.delivered_at, given, rules.receipt_state(order.state, is_erased=order.erased_at is not None),
        )  # fmt: skip
    return told


def _repeat(
    purchase: Purchase, earlier: Mapping[Identity, tuple[str, int, UUID]], again: Mapping[UUID, Receipt]
) -> Receipt | SellRefusal:
    order_id = earlier[purchase.identity][2]
    return again[order_id] if _is_same(purchase, earlier) else SellRefusal.IDEMPOTENCY_MISMATCH


def _answer(
    purchase: Purchase, found: Bought | SellRefusal, opened: Mapping[UUID, tuple[Opened, ...]]
) -> Receipt | SellRefusal:
    """What to tell the buyer. A key that asked for something else in the same batch asks for nothing now."""
    if isinstance(found, SellRefusal):
        return found
    if found.purchase.asked != purchase.asked:
        return SellRefusal.IDEMPOTENCY_MISMATCH
    is_later = found.offer.is_later
    given = () if is_later else tuple(card for line in found.lines for card in opened[line.id])
    return Receipt(
        found.number, found.offer.code, found.purchase.quantity, found.price_fen, found.total_fen,
        found.purchase.reference, None if is_later else found.placed_at, given,
        "processing" if is_later else "delivered",
    )  # fmt: skip
