"""What becomes of a checkout, as plain functions: no database, no clock, no network."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from kashu import catalog, payments
from kashu.cards import Card
from kashu.catalog import Deal, Offer, Quote
from kashu.kernel import ids
from kashu.kernel.clock import biz_date
from kashu.kernel.money import share
from kashu.kernel.text import sha256_hex
from kashu.payments import Route
from kashu.sales.rules.minors import age_refusal, cap_of
from kashu.sales.types import Ask, Checkout, Line, Overspent, Placed, Refusal, Usage

UNPAID_ORDERS_MAX = {b"device": 3, b"phone": 3, b"open": 3, b"address": 60}
ADDRESS_PIECES_MIN = 20  # an address (a carrier's gateway, a school) may hold this many, or a share of the shelf
ADDRESS_SHARE_BP = 2_000
SHELF_COUNT_MAX = 1_000  # the shelf is counted no further than this
QUANTITY_MAX = 1_000
PLENTY = 50  # cards on the shelf below which holds get shorter
HOLD_SECONDS_MIN = 180
THROTTLED_PIECES_MAX = 50  # what a supplier under 限流 sells in a day, of everything together
THROTTLED = b"throttled"  # the bucket that whoever sells something of one waits for


@dataclass(frozen=True, slots=True)
class World:
    """What the decisions look at; `usage`, `spent`, `sold` and `shelf` are used up as orders are played."""

    offers: Mapping[str, Offer]
    deals: Sequence[Deal]
    usage: dict[bytes, Usage]
    shelf: dict[Ask, deque[Card]]
    shelf_sizes: Mapping[int, int]
    surcharges: Mapping[tuple[int, str], int]
    routes: Sequence[Route]
    consent_hash: str
    at: datetime
    hold_seconds: int
    spent: dict[UUID, int] = field(default_factory=dict)  # by minors, this month, in fen
    sold: dict[int, int] = field(default_factory=dict)  # pieces of throttled sellers, this day


def demand(checkouts: Sequence[Checkout], world: World, ends: Mapping[Ask, int]) -> dict[Ask, int]:
    """How many cards these orders could use, by what they ask; `ends` says how many there are, where that is known.

    Played as they will be decided: an order that will be refused anyhow, a browser's hundredth included, locks nothing,
    otherwise junk could make an honest buyer meet an empty shelf.
    """
    wanted: Counter[Ask] = Counter()
    trial, done = replace(world, usage=dict(world.usage), spent=dict(world.spent), sold=dict(world.sold)), set()
    for checkout in checkouts:
        offer = world.offers.get(checkout.code)
        if offer is None or checkout.identity in done or _refusal(checkout, offer, trial) is not None:
            continue
        ask = ask_of(offer, checkout.pick, world.surcharges)
        if ask in ends and wanted[ask] + checkout.quantity > ends[ask]:
            continue
        done.add(checkout.identity)
        wanted[ask] += checkout.quantity
        _use(trial, checkout, offer)
    return dict(sorted(wanted.items()))


def decide(checkouts: Sequence[Checkout], world: World, mint: Callable[[], UUID]) -> list[Placed | Refusal | Overspent]:
    """Play the checkouts one after another, each as if it had come alone; a twin of a placed one is that order."""
    done: dict[tuple[bytes, str], Placed] = {}
    outcomes: list[Placed | Refusal | Overspent] = []
    for checkout in checkouts:
        outcome: Placed | Refusal | Overspent = done.get(checkout.identity) or _decide_one(checkout, world, mint)
        if isinstance(outcome, Placed) and checkout.identity not in done:
            done[checkout.identity] = outcome
            _use(world, checkout, outcome.offer)
        outcomes.append(outcome)
    return outcomes


def _decide_one(checkout: Checkout, world: World, mint: Callable[[], UUID]) -> Placed | Refusal | Overspent:
    offer = world.offers.get(checkout.code)
    refusal = _refusal(checkout, offer, world)
    if refusal is not None or offer is None:
        return refusal or Refusal.NOT_FOR_SALE
    ask = ask_of(offer, checkout.pick, world.surcharges)
    shelf = world.shelf.get(ask, deque())
    if len(shelf) < checkout.quantity:
        return Refusal.PICK_TAKEN if checkout.pick else Refusal.OUT_OF_STOCK
    lines = lines_of_pools(shelf, checkout.quantity, mint)
    quoted = quote_of(checkout, offer, world)
    channel_id = channel_of(checkout, quoted, world)
    assert channel_id is not None, "a checkout without a channel was refused"
    pool_id = lines[0].pool_id
    form = catalog.filled(offer.form, checkout.form)
    assert not isinstance(form, str), "it was found right"
    return Placed(
        pool_id=pool_id,
        id=mint(),
        number=ids.new_number(pool_id),
        token=ids.new_token(pool_id),
        payment_id=mint(),
        channel_id=channel_id,
        price_fen=quoted.price_fen,
        total_fen=quoted.total_fen,
        steps=quoted.steps,
        lines=lines,
        offer=offer,
        checkout=checkout,
        list_price_fen=shown_list_price(offer, world.deals),
        placed_at=world.at,
        hold_until=world.at + timedelta(seconds=hold_seconds(world.hold_seconds, world.shelf_sizes[offer.sku_id])),
        form=form,
    )


def ask_of(offer: Offer, pick: str, surcharges: Mapping[tuple[int, str], int]) -> Ask:
    """What an order takes off a shelf: any card of the SKU, or the one that was picked."""
    return (offer.sku_id, pick, surcharges[offer.sku_id, pick]) if offer.kind == "pick" else (offer.sku_id, "", 0)


def with_surcharge(quoted: Quote, label: str, surcharge_fen: int) -> Quote:
    """A price with what a picked card costs more (自选加价)."""
    if not label:
        return quoted
    price_fen = quoted.price_fen + surcharge_fen
    step = {"what": "pick", "price_fen": price_fen, "label": label, "surcharge_fen": surcharge_fen}
    return Quote(price_fen, quoted.total_fen + surcharge_fen, (*quoted.steps, step))


def lines_of_pools(shelf: deque[Card], quantity: int, mint: Callable[[], UUID]) -> tuple[Line, ...]:
    """Take so many cards off the shelf's front, as one sale line for each pool they come from (design §7.2)."""
    cards = sorted((shelf.popleft() for _ in range(quantity)), key=lambda card: card.pool_id)
    return tuple(
        Line(pool_id, mint(), supplier_id, tuple(group))
        for (pool_id, supplier_id), group in groupby(cards, key=lambda card: (card.pool_id, card.supplier_id))
    )


def _refusal(checkout: Checkout, offer: Offer | None, world: World) -> Refusal | Overspent | None:
    if offer is None:
        return Refusal.NOT_FOR_SALE
    if offer.blocks:
        return Refusal.LICENCE_LAPSED
    if not 1 <= checkout.quantity <= min(offer.order_max, QUANTITY_MAX, 1 if offer.is_singly else QUANTITY_MAX):
        return Refusal.OVER_LIMIT
    if offer.is_throttled and world.sold.get(offer.seller_id, 0) + checkout.quantity > THROTTLED_PIECES_MAX:
        return Refusal.SELLER_LIMIT
    if checkout.consent_hash != world.consent_hash:
        return Refusal.NO_CONSENT
    body = catalog.page_body(offer, shown_list_price(offer, world.deals))
    if checkout.page_hash != catalog.page_hash(body):
        return Refusal.PAGE_CHANGED
    if isinstance(catalog.filled(offer.form, checkout.form), str):
        return Refusal.FORM_WRONG
    if offer.kind == "pick" or checkout.pick:
        surcharge_fen = world.surcharges.get((offer.sku_id, checkout.pick)) if offer.kind == "pick" else None
        if surcharge_fen is None:
            return Refusal.PICK_TAKEN
        if surcharge_fen != checkout.surcharge_fen:
            return Refusal.PAGE_CHANGED
    quoted = quote_of(checkout, offer, world)
    if channel_of(checkout, quoted, world) is None:
        return Refusal.CHANNEL_CLOSED
    # Last, because a page asks for name and number when it is the age that stands in the way, and for nothing else.
    return _over_limits(checkout, offer, world) or _too_young(checkout, offer, quoted, world)


def _too_young(checkout: Checkout, offer: Offer, quoted: Quote, world: World) -> Refusal | Overspent | None:
    spent_fen = 0 if checkout.holder is None else world.spent.get(checkout.holder.id, 0)
    return age_refusal(checkout.holder, offer, quoted.total_fen, spent_fen, biz_date(world.at))


def quote_of(checkout: Checkout, offer: Offer, world: World) -> Quote:
    """What this checkout costs, with what a picked card costs more."""
    ask = ask_of(offer, checkout.pick, world.surcharges)
    return with_surcharge(catalog.quote(offer.price_fen, offer.tiers, checkout.quantity), *ask[1:])


def channel_of(checkout: Checkout, quoted: Quote, world: World) -> str | None:
    """The channel instance this checkout is paid through; the same key is led to the same one while nothing changes."""
    chance = int(sha256_hex(checkout.key)[:8], 16)
    return payments.route(world.routes, checkout.pay, checkout.method, quoted.total_fen, chance)


def _over_limits(checkout: Checkout, offer: Offer, world: World) -> Refusal | None:
    for bucket in checkout.buyer.buckets:
        usage = world.usage[bucket]
        if usage.unpaid_orders >= UNPAID_ORDERS_MAX[bucket.partition(b":")[0]]:
            return Refusal.TOO_MANY_UNPAID
    if offer.buyer_max is not None:
        for bucket in checkout.buyer.identities:
            if world.usage[bucket].pieces.get(offer.sku_id, 0) + checkout.quantity > offer.buyer_max:
                return Refusal.BUYER_LIMIT
    address = world.usage[checkout.buyer.buckets[-1]]
    most = max(ADDRESS_PIECES_MIN, share(world.shelf_sizes.get(offer.sku_id, 0), ADDRESS_SHARE_BP))
    if address.held_pieces.get(offer.sku_id, 0) + checkout.quantity > max(most, offer.order_max):
        return Refusal.TOO_MANY_UNPAID
    return None


def shown_list_price(offer: Offer, deals: Sequence[Deal]) -> int | None:
    """The struck price, where deals prove it (C-35)."""
    of_sku = [deal for deal in deals if deal.sku_id == offer.sku_id]
    proven = catalog.has_struck_price(offer.list_price_fen, of_sku, offer.price_from)
    return offer.list_price_fen if proven else None


def _use(world: World, checkout: Checkout, offer: Offer) -> None:
    sku, quantity, usage = offer.sku_id, checkout.quantity, world.usage
    if offer.is_throttled:
        world.sold[offer.seller_id] = world.sold.get(offer.seller_id, 0) + quantity
    if checkout.holder is not None and cap_of(checkout.holder, offer, biz_date(world.at)) is not None:
        total_fen = quote_of(checkout, offer, world).total_fen
        world.spent[checkout.holder.id] = world.spent.get(checkout.holder.id, 0) + total_fen
    for bucket in checkout.buyer.buckets:
        before = usage[bucket]
        usage[bucket] = Usage(
            before.unpaid_orders + 1,
            {**before.held_pieces, sku: before.held_pieces.get(sku, 0) + quantity},
            {**before.pieces, sku: before.pieces.get(sku, 0) + quantity},
        )


def hold_seconds(longest: int, on_shelf: int) -> int:
    """How long an unpaid order holds its cards: the full time while there are plenty, less as the shelf empties."""
    if on_shelf >= PLENTY:
        return longest
    return min(longest, max(HOLD_SECONDS_MIN, longest * on_shelf // PLENTY))


def commission_fen(total_fen: int, offer: Offer) -> int:
    return share(total_fen, offer.commission_bp) if offer.is_third_party else 0
