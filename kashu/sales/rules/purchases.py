"""What becomes of a purchase, as plain functions.

Purchases of one batch are played one after another. What an order needs is looked at in a fixed order: account, offer,
limits, reference, money, and only then cards, so that an order that cannot pay claims nothing.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from kashu import catalog
from kashu.cards import Card
from kashu.catalog import Deal, Offer, Quote
from kashu.kernel import ids
from kashu.sales.rules.checkout import ask_of, lines_of_pools, shown_list_price, with_surcharge
from kashu.sales.types import Account, Ask, Bought, ContractPrice, Purchase, SellRefusal


@dataclass(frozen=True, slots=True)
class Market:
    """What the decisions look at. Nothing of it is used up: every play begins with it as it was."""

    offers: Mapping[str, Offer]
    deals: Sequence[Deal]
    accounts: Mapping[int, Account]
    prices: Mapping[tuple[int, int], ContractPrice]
    references: frozenset[tuple[int, str]]
    surcharges: Mapping[tuple[int, str], int]
    at: datetime
    today: date

    def ask(self, purchase: Purchase) -> Ask:
        """What this purchase takes off a shelf."""
        return ask_of(self.offers[purchase.code], purchase.pick, self.surcharges)


Accepted = tuple[Purchase, Quote]
Identity = tuple[int, str]
Outcome = Accepted | SellRefusal | int  # a number: what the purchase at that place became; the key is the same


def accept(purchases: Sequence[Purchase], market: Market, shelves: Mapping[Ask, int]) -> list[Outcome]:
    """Play the purchases in order. `shelves` says how many cards there are, where their end is known."""
    spent: Counter[int] = Counter()
    taken: Counter[Ask] = Counter()
    references = set(market.references)
    done: dict[Identity, int] = {}
    outcomes: list[Outcome] = []
    for place, purchase in enumerate(purchases):
        if purchase.identity in done:
            outcomes.append(done[purchase.identity])
            continue
        found = _one(purchase, market, spent, references, taken)
        if not isinstance(found, SellRefusal):
            ask = market.ask(purchase)
            if ask in shelves and taken[ask] + purchase.quantity > shelves[ask]:
                found = SellRefusal.PICK_TAKEN if ask[1] else SellRefusal.OUT_OF_STOCK
            else:
                done[purchase.identity] = place
                taken[ask] += purchase.quantity
                spent[purchase.account_id] += found[1].total_fen
                references |= {(purchase.account_id, purchase.reference)} if purchase.reference else set()
        outcomes.append(found)
    return outcomes


def wanted(outcomes: Sequence[Outcome], market: Market) -> dict[Ask, int]:
    """How many cards the accepted purchases need, by what they ask for."""
    need: Counter[Ask] = Counter()
    for found in outcomes:
        if isinstance(found, tuple):
            need[market.ask(found[0])] += found[0].quantity
    return dict(sorted(need.items()))


def deliver(
    outcomes: Sequence[Outcome], market: Market, shelf: Mapping[Ask, deque[Card]], mint: Callable[[], UUID]
) -> list[Bought | SellRefusal]:
    """Give the accepted purchases their cards, in order; a twin gets what the first of its key got."""
    told: list[Bought | SellRefusal] = []
    for found in outcomes:
        if isinstance(found, SellRefusal):
            told.append(found)
        elif isinstance(found, int):
            told.append(told[found])
        else:
            told.append(_give(*found, market, shelf, mint))
    return told


def _give(
    purchase: Purchase, quoted: Quote, market: Market, shelf: Mapping[Ask, deque[Card]], mint: Callable[[], UUID]
) -> Bought:
    offer = market.offers[purchase.code]
    lines = lines_of_pools(shelf[market.ask(purchase)], purchase.quantity, mint)
    pool_id = lines[0].pool_id
    form = catalog.filled(offer.form, purchase.form)
    assert not isinstance(form, str), "it was accepted"
    return Bought(
        pool_id, mint(), ids.new_number(pool_id), quoted.price_fen, quoted.total_fen, quoted.steps, lines, offer,
        shown_list_price(offer, market.deals), purchase, market.at, form,
    )  # fmt: skip


def _one(
    purchase: Purchase,
    market: Market,
    spent: Mapping[int, int],
    references: set[tuple[int, str]],
    taken: Mapping[Ask, int],
) -> Accepted | SellRefusal:
    account = market.accounts.get(purchase.account_id)
    if account is None or account.state != "active":
        return SellRefusal.ACCOUNT_CLOSED
    offer = market.offers.get(purchase.code)
    if offer is None:
        return SellRefusal.NOT_FOR_SALE
    if offer.blocks:
        return SellRefusal.LICENCE_LAPSED
    if offer.minors != "free":  # an organisation has no age, and who it buys for is unknown (C-70)
        return SellRefusal.NOT_FOR_SALE
    if offer.is_third_party:  # prepayment to us may not pay a third party: that would be clearing without a licence
        return SellRefusal.NEEDS_SPLIT_PAYMENT
    if not 1 <= purchase.quantity <= (1 if offer.is_singly else account.order_max):
        return SellRefusal.OVER_LIMIT
    if isinstance(catalog.filled(offer.form, purchase.form), str):
        return SellRefusal.FORM_WRONG
    surcharge_fen = market.surcharges.get((offer.sku_id, purchase.pick)) if offer.kind == "pick" else 0
    if surcharge_fen is None or (purchase.pick and offer.kind != "pick"):
        return SellRefusal.PICK_TAKEN
    if purchase.pick and taken.get(market.ask(purchase)):  # sold a moment ago: it is looked for no more
        return SellRefusal.PICK_TAKEN
    if purchase.reference and (purchase.account_id, purchase.reference) in references:
        return SellRefusal.REFERENCE_TAKEN
    contract = market.prices.get((account.id, offer.sku_id))
    quoted = with_surcharge(quote(offer, contract, purchase.quantity), purchase.pick, surcharge_fen)
    already = spent.get(account.id, 0)
    today_fen = account.spent_today(market.today) + already + quoted.total_fen
    if account.day_max_fen is not None and today_fen > account.day_max_fen:
        return SellRefusal.OVER_LIMIT
    if account.balance_fen - already < quoted.total_fen:
        return SellRefusal.SHORT_OF_FUNDS
    return purchase, quoted


def quote(offer: Offer, contract: ContractPrice | None, quantity: int) -> Quote:
    """What an account pays: the contract price, or the public wholesale price where that is lower."""
    public = catalog.quote(offer.price_fen, offer.tiers, quantity)
    if contract is None or contract.price_fen >= public.price_fen:
        return public
    off = {"what": "contract", "price_fen": contract.price_fen, "contract": str(contract.id),
           "off_fen": offer.price_fen - contract.price_fen, "borne_by": "platform"}  # fmt: skip
    return Quote(
        contract.price_fen, contract.price_fen * quantity, ({"what": "base", "price_fen": offer.price_fen}, off)
    )
