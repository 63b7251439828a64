"""Bulk purchases: up to a million cards, bought in steps, each step a purchase of its own under a key of its own.

What a step has bought is bought, whatever happens to the worker; the next one goes on where the row says it is. What
cannot be had any more (money, cards) ends the buying early and is said. Then the cards are packed into a sealed file.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from uuid import UUID

from kashu import audit, catalog
from kashu.audit import SYSTEM, Actor, Deed
from kashu.cards import Opened
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.sales import rules, store
from kashu.sales.service.purchases import receipts, sell
from kashu.sales.types import Bulk, Invoice, InvoiceRefusal, Purchase, Receipt, SellRefusal

BULK_MAX = 1_000_000
BULK_OPEN_MAX = 5  # of an account, bought or packed at this moment
STEP_CARDS = 1_000
FILE_DAYS = 7
PIECE_BYTES = 1_048_576


def ask_bulk(
    db: Db, ring: Keyring, actor: Actor, asked: Purchase, password: str, at: datetime, *, file_kind: str = "csv"
) -> Bulk | SellRefusal:
    """Take a bulk purchase on: it is checked as far as one can now, and bought by a job.

    Same key and same body give the first one again, as with any purchase.
    """
    assert_in_transaction(db)
    account = store.accounts(db, [asked.account_id], lock=True).get(asked.account_id)
    earlier, taken = store.earlier_purchases(db, [asked])
    if asked.identity in earlier:
        told, pool_id, bulk_id = earlier[asked.identity]
        found = store.bulk(db, bulk_id) if told == asked.asked and pool_id == 0 else None
        return found or SellRefusal.IDEMPOTENCY_MISMATCH
    if account is None or account.state != "active":
        return SellRefusal.ACCOUNT_CLOSED
    offer = catalog.offers(db, [asked.code], at).get(asked.code)
    if offer is None:
        return SellRefusal.NOT_FOR_SALE
    if offer.blocks:
        return SellRefusal.LICENCE_LAPSED
    if offer.is_third_party:
        return SellRefusal.NEEDS_SPLIT_PAYMENT
    if offer.is_singly or not 1 <= asked.quantity <= BULK_MAX:
        return SellRefusal.OVER_LIMIT
    if (asked.account_id, asked.reference) in taken:
        return SellRefusal.REFERENCE_TAKEN
    if store.bulks_open(db, account.id) >= BULK_OPEN_MAX:
        return SellRefusal.TOO_MANY_OPEN
    contract = store.prices(db, [account.id], [offer.sku_id], at).get((account.id, offer.sku_id))
    if account.balance_fen < rules.quote(offer, contract, min(asked.quantity, STEP_CARDS)).total_fen:
        return SellRefusal.SHORT_OF_FUNDS
    bulk_id = new_id()
    sealed = ring.seal_personal(password, f"bulk {bulk_id}")
    new = Bulk(
        bulk_id, account.id, asked.code, asked.quantity, asked.reference, "running", 0, 0, 0, "", sealed, 0, "",
        actor.name, at, None, file_kind,
    )  # fmt: skip
    store.add_bulk(db, new)
    store.keep_bulk_key(db, store.scope_of(account.id), asked.key, asked.asked, bulk_id, at)
    if asked.reference:
        store.keep_bulk_reference(db, account.id, asked.reference, bulk_id)
    after = {"code": asked.code, "quantity": asked.quantity, "account": account.id, "by": asked.by}
    audit.record(db, [Deed(actor, "bulk.ask", "bulk", str(bulk_id), after=after)], at)
    tell(db, [Fact("bulk.buy", {"bulk_id": bulk_id})], at)
    return new


def buy_step(db: Db, ring: Keyring, bulk_id: UUID, at: datetime) -> bool:
    """Buy the next cards of a bulk purchase; False when nothing is left to buy."""
    assert_in_transaction(db)
    found = store.bulk(db, bulk_id, lock=True)
    if found is None or found.state != "running":
        return False
    account = store.accounts(db, [found.account_id])[found.account_id]
    many = min(STEP_CARDS, account.order_max, found.quantity - found.bought)
    key = f"bulk {found.id} {found.steps}"
    [told] = sell(db, ring, [Purchase(found.account_id, key, key, found.code, many, by=f"bulk {found.id}")], at)
    if isinstance(told, Receipt):
        order = store.order_of_key(db, found.account_id, key)
        store.add_step(db, found, order, many, told.total_fen)
        if found.bought + many < found.quantity:
            return True
    stopped_by = told.value if isinstance(told, SellRefusal) else ""
    store.end_buying(db, bulk_id, stopped_by)
    audit.record(db, [Deed(SYSTEM, "bulk.bought", "bulk", str(bulk_id), reason=stopped_by)], at)
    return False


def bulk_password(db: Db, ring: Keyring, bulk_id: UUID) -> str | None:
    """The password a file is to be sealed with; None when it is not to be packed (any more)."""
    found = store.bulk(db, bulk_id)
    if found is None or found.state != "packing" or found.sealed_password is None:
        return None
    return ring.open_personal(found.sealed_password, f"bulk {bulk_id}")


def bulk_cards(db: Db, ring: Keyring, bulk_id: UUID, after: int) -> tuple[int, list[Opened]]:
    """The cards of the step after one; the number of that step, -1 after the last."""
    assert_in_transaction(db)
    for no, pool_id, order_id in store.steps(db, bulk_id, after, 1):
        [told] = receipts(db, ring, [(pool_id, order_id)])
        return no, list(told.cards)
    return -1, []


def keep_file(db: Db, bulk_id: UUID, pieces: Iterator[bytes], sha256: str, size: int, at: datetime) -> None:
    """Keep the packed file, in pieces, and forget its password."""
    assert_in_transaction(db)
    store.drop_pieces(db, bulk_id)
    for no, content in enumerate(pieces):
        store.add_piece(db, bulk_id, no, content)
    store.end_packing(db, bulk_id, size, sha256, at)
    audit.record(db, [Deed(SYSTEM, "bulk.packed", "bulk", str(bulk_id), after={"sha256": sha256, "bytes": size})], at)
    tell(db, [Fact("bulk.done", {"bulk_id": bulk_id})], at)


def forget_files(db: Db, at: datetime) -> int:
    """Forget files after their days; the cards can still be read purchase by purchase."""
    assert_in_transaction(db)
    old = list(store.old_files(db, at - timedelta(days=FILE_DAYS), 10))
    for bulk_id in old:
        store.drop_pieces(db, bulk_id)
    return len(old)


def ask_invoice(
    db: Db, actor: Actor, account_id: int, told: tuple[date, str, str], at: datetime
) -> Invoice | InvoiceRefusal:
    """Ask for an invoice over a month that is over: (its first day, title, tax number)."""
    assert_in_transaction(db)
    month, title, tax_no = told
    after = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    if after > biz_date(at):
        return InvoiceRefusal.MONTH_NOT_OVER
    if store.is_being_issued(db, account_id, after):
        return InvoiceRefusal.STILL_ISSUING
    amount_fen = store.bought_in(db, account_id, month, after)
    if amount_fen <= 0:
        return InvoiceRefusal.NOTHING_BOUGHT
    new = Invoice(new_id(), account_id, month, title, tax_no, amount_fen, "asked", "", actor.name, at, "", None)
    if not store.add_invoice(db, new):
        return InvoiceRefusal.ASKED_BEFORE
    deed = Deed(actor, "invoice.ask", "account", str(account_id), after={"month": month, "amount_fen": amount_fen})
    audit.record(db, [deed], at)
    return new


def decide_invoice(db: Db, actor: Actor, invoice: Invoice, number: str, at: datetime) -> InvoiceRefusal | None:
    """Note that an invoice was issued under a number, or (no number) that it was refused."""
    assert_in_transaction(db)
    state = "issued" if number else "refused"
    if store.decide_invoice(db, invoice.id, state, number, actor.name, at) == 0:
        return InvoiceRefusal.NO_SUCH_INVOICE
    deed = Deed(actor, f"invoice.{state}", "account", str(invoice.account_id), after={"number": number})
    audit.record(db, [deed], at)
    return None
