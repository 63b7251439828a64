"""How an order moves, and what each of its moments books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from kashu.kernel.states import moves
from kashu.ledger import (
    ACCOUNT_KEYED,
    COGS,
    COMMISSION_INCOME,
    INVENTORY,
    ORDER_LIABILITY,
    REFUND_CLEARING,
    SALES,
    Posting,
)
from kashu.payments import Refund
from kashu.sales.types import Bought, Credit, Order, SaleLine, Topup

ORDER = moves(
    "order",
    placed="paid delivered expired cancelled refunding",
    paid="delivered refunding refunded",
    delivered="completed refunding disputed",
    completed="refunding disputed",
    expired="paid delivered refunding",
    cancelled="paid delivered refunding",
    disputed="completed refunding",
    refunding="refunded",
    refunded="",
)


def paid_postings(order: Order, psp_account: int) -> list[Posting]:
    """order_paid: the gateway holds the money for us, we owe the order."""
    return _booking(
        order.pool_id, order.id, "order_paid", {psp_account: -order.total_fen, ORDER_LIABILITY: order.total_fen}
    )


def delivered_postings(line: SaleLine, payable_account: int, *, back: bool = False) -> list[Posting]:
    """line_delivered: what we owed becomes income (自营) or the supplier's, less our commission (第三方).

    `back` undoes it under its own recipe when an unseen card returns.
    """
    if line.is_third_party:
        sides = {
            ORDER_LIABILITY: -line.total_fen,
            payable_account: line.total_fen - line.commission_fen,
            COMMISSION_INCOME: line.commission_fen,
        }
    else:
        sides = {
            ORDER_LIABILITY: -line.total_fen,
            SALES: line.total_fen,
            COGS: -line.cost_fen,
            INVENTORY: line.cost_fen,
        }
    if back:
        return _booking(line.pool_id, line.id, "line_returned", {one: -fen for one, fen in sides.items()})
    return _booking(line.pool_id, line.id, "line_delivered", sides)


def purchased_postings(bought: Bought) -> list[Posting]:
    """line_purchased: the buyer's prepayment becomes income, the card leaves the stock. Keyed by account, then by pool."""
    told = []
    for line in bought.lines:
        total_fen = bought.price_fen * line.quantity
        payer = bought.purchase.account_id
        told.append(Posting(ACCOUNT_KEYED, line.id, "line_purchased", payer, -total_fen, bought.number))
        sides = {SALES: total_fen, COGS: -line.cost_fen, INVENTORY: line.cost_fen}
        told += _booking(line.pool_id, line.id, "line_purchased", sides)
    return told


def prepaid_postings(bought: Bought) -> list[Posting]:
    """purchase_paid: the buyer's prepayment is owed to an order that is to be issued (直充, 代充)."""
    return _owed(
        bought.purchase.account_id, bought.pool_id, bought.id, ("purchase_paid", bought.number), bought.total_fen
    )


def returned_postings(order: Order) -> list[Posting]:
    """purchase_returned: an order could not be issued, and its money is its account's again."""
    assert order.account_id is not None
    return _owed(order.account_id, order.pool_id, order.id, ("purchase_returned", order.number), -order.total_fen)


def _owed(account_id: int, pool_id: int, order_id: UUID, told: tuple[str, str], fen: int) -> list[Posting]:
    recipe, memo = told
    return [
        Posting(ACCOUNT_KEYED, order_id, recipe, account_id, -fen, memo),
        Posting(pool_id, order_id, recipe, ORDER_LIABILITY, fen),
    ]


def topup_postings(topup: Topup, bank_account: int) -> list[Posting]:
    """topup_credited: the buyer's money lies in our bank and is owed to the buyer's account (合同预付款)."""
    sides = {topup.account_id: topup.amount_fen, bank_account: -topup.amount_fen}
    return [
        Posting(ACCOUNT_KEYED, topup.id, "topup_credited", account, fen, topup.bank_reference)
        for account, fen in sides.items()
    ]


def refund_postings(refund: Refund, against: int) -> list[Posting]:
    """refund_requested: money leaves `against` (the order's liability, or the gateway when paid twice)."""
    return _booking(
        refund.pool_id, refund.id, "refund_requested", {against: -refund.amount_fen, REFUND_CLEARING: refund.amount_fen}
    )


def granted_postings(refund: Refund, lines: Sequence[SaleLine], payables: Mapping[int, int]) -> list[Posting]:
    """refund_granted: part of what an order brought goes back; each line bears its share, the last one what is left over.

    Self-operated goods give income back, third-party ones the supplier's part and our commission. The voided card stays
    a cost: it cannot be sold again.
    """
    total_fen, told, left_fen = sum(line.total_fen for line in lines), [], refund.amount_fen
    for at, line in enumerate(lines):
        fen = left_fen if at == len(lines) - 1 else refund.amount_fen * line.total_fen // total_fen
        left_fen -= fen
        if line.is_third_party:
            ours = fen * line.commission_fen // line.total_fen
            sides = {payables[line.seller_id]: -(fen - ours), COMMISSION_INCOME: -ours, REFUND_CLEARING: fen}
        else:
            sides = {SALES: -fen, REFUND_CLEARING: fen}
        told += _booking(line.pool_id, refund.id, "refund_granted", sides)
    return told


def credited_postings(credit: Credit, number: str, lines: Sequence[SaleLine]) -> list[Posting]:
    """purchase_granted: part of what a purchase brought is its account's again; each line gives its share of the income.

    Accounts buy self-operated goods only. The voided card stays a cost: it cannot be sold again.
    """
    assert not any(line.is_third_party for line in lines)
    total_fen, left_fen = sum(line.total_fen for line in lines), credit.amount_fen
    told = [Posting(ACCOUNT_KEYED, credit.id, "purchase_granted", credit.account_id, credit.amount_fen, number)]
    for at, line in enumerate(lines):
        fen = left_fen if at == len(lines) - 1 else credit.amount_fen * line.total_fen // total_fen
        left_fen -= fen
        told.append(Posting(line.pool_id, credit.id, "purchase_granted", SALES, -fen))
    return told


def refunded_postings(refund: Refund, psp_account: int) -> list[Posting]:
    """refund_done: the gateway has given it back."""
    return _booking(
        refund.pool_id, refund.id, "refund_done", {REFUND_CLEARING: -refund.amount_fen, psp_account: refund.amount_fen}
    )


def _booking(pool_id: int, reason_id: UUID, recipe: str, sides: Mapping[int, int]) -> list[Posting]:
    return [Posting(pool_id, reason_id, recipe, account, fen) for account, fen in sides.items()]
