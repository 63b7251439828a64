"""Purchase accounts: contract prepayment of organisations (design §5). No consumer ever has one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from kashu import audit, ledger, party
from kashu.audit import Actor, Approval, ApprovalRefusal, Deed
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import new_id
from kashu.kernel.text import tidy_reference
from kashu.sales import rules, store
from kashu.sales.types import Account, AccountRefusal, ContractPrice, Topup

TOPUP = "account.topup"
BANK = ("bank", "asset", "银行存款（对公）")


def open_account(db: Db, actor: Actor, party_id: int, at: datetime) -> Account | AccountRefusal:
    """Open the purchase account of an organisation, guarded above zero."""
    assert_in_transaction(db)
    found = party.party(db, party_id)
    if found is None or found.kind != "buyer":
        return AccountRefusal.NOT_AN_ORGANISATION
    if store.account_of(db, party_id) is not None:
        return AccountRefusal.HAS_ONE
    account_id = ledger.account(db, f"prepaid:{party_id}", "liability", f"合同预付款 {found.name}")
    ledger.guard(db, account_id)
    store.open_account(db, account_id, party_id, biz_date(at), actor.name, at)
    audit.record(db, [Deed(actor, "account.open", "account", str(account_id), after={"party": party_id})], at)
    return store.accounts(db, [account_id])[account_id]


def change_account(
    db: Db, actor: Actor, account_id: int, changed: tuple[str, int, int | None], reason: str, at: datetime
) -> Account | AccountRefusal:
    """Freeze, reopen or close an account, or change its limits: (state, cards in one order, fen in one day)."""
    assert_in_transaction(db)
    before = store.accounts(db, [account_id], lock=True).get(account_id)
    if before is None:
        return AccountRefusal.NO_SUCH_ACCOUNT
    if store.change_account(db, account_id, *changed) == 0:
        return AccountRefusal.NOT_ACTIVE
    told = [
        {"state": state, "order_max": order_max, "day_max_fen": day_max_fen}
        for state, order_max, day_max_fen in ((before.state, before.order_max, before.day_max_fen), changed)
    ]
    audit.record(db, [Deed(actor, "account.change", "account", str(account_id), told[0], told[1], reason)], at)
    return store.accounts(db, [account_id])[account_id]


def set_contract_price(db: Db, actor: Actor, price: ContractPrice) -> ContractPrice | AccountRefusal:
    """Agree on a price from an instant on; given id, author and instant of writing are ignored."""
    assert_in_transaction(db)
    if price.account_id not in store.accounts(db, [price.account_id]):
        return AccountRefusal.NO_SUCH_ACCOUNT
    new = replace(price, id=new_id(), set_by=actor.name)
    store.set_contract_price(db, new)
    after = {"sku": new.sku_id, "price_fen": new.price_fen, "from_at": new.from_at, "until_at": new.until_at}
    deed = Deed(actor, "account.price", "account", str(new.account_id), after=after, reason=new.reason)
    audit.record(db, [deed], new.set_at)
    return new


def ask_topup(
    db: Db,
    actor: Actor,
    account_id: int,
    paid: tuple[int, str, str],
    *,
    solo_wait_seconds: int | None,
    at: datetime,
) -> Topup | AccountRefusal | ApprovalRefusal:
    """Ask to credit prepayment that came in: (fen, contract number, bank reference). A second person confirms it."""
    assert_in_transaction(db)
    account = store.accounts(db, [account_id]).get(account_id)
    if account is None or account.state == "closed":
        return AccountRefusal.NO_SUCH_ACCOUNT if account is None else AccountRefusal.NOT_ACTIVE
    amount_fen, contract_no = paid[:2]
    bank_reference = tidy_reference(paid[2])
    body = {"amount_fen": amount_fen, "contract_no": contract_no, "bank_reference": bank_reference}
    thing = ("topup", bank_reference)
    asked = audit.ask(
        db,
        actor,
        TOPUP,
        thing,
        body,
        reason=f"{account.party} {contract_no}",
        solo_wait_seconds=solo_wait_seconds,
        at=at,
    )
    if isinstance(asked, ApprovalRefusal):
        return asked
    new = Topup(new_id(), account_id, amount_fen, contract_no, bank_reference, asked.id, "asked", actor.name, at, None)
    if not store.add_topup(db, new):
        return _taken_back(db, actor, asked, at)
    return new


def credit_topup(
    db: Db, actor: Actor, approval_id: UUID, at: datetime, *, is_alone: bool
) -> Topup | AccountRefusal | ApprovalRefusal:
    """Confirm a top-up and credit it: as the second person, or after the wait in solo mode."""
    assert_in_transaction(db)
    found = store.topup(db, approval_id)
    if found is None:
        return AccountRefusal.NO_SUCH_TOPUP
    if store.accounts(db, [found.account_id], lock=True)[found.account_id].state == "closed":
        return AccountRefusal.NOT_ACTIVE
    told = audit.confirm(db, actor, approval_id, at, is_alone=is_alone)
    if isinstance(told, ApprovalRefusal):
        return told
    bank = ledger.account(db, *BANK)
    ledger.post(db, rules.topup_postings(found, bank), at)
    store.move_topup(db, found.id, "credited", at)
    audit.finish(db, approval_id, at)
    after = {"amount_fen": found.amount_fen, "contract_no": found.contract_no, "bank_reference": found.bank_reference}
    audit.record(db, [Deed(actor, "account.credited", "account", str(found.account_id), after=after)], at)
    tell(db, [Fact("topup.credited", {"account_id": found.account_id, "topup_id": found.id})], at)
    return replace(found, state="credited", credited_at=at)


def cancel_topup(db: Db, actor: Actor, approval_id: UUID, at: datetime) -> ApprovalRefusal | None:
    """Take a top-up back before it is credited."""
    assert_in_transaction(db)
    refusal = audit.cancel(db, actor, approval_id, at)
    if refusal is not None:
        return refusal
    found = store.topup(db, approval_id, lock=True)
    assert found is not None
    store.move_topup(db, found.id, "cancelled", None)
    return None


def _taken_back(db: Db, actor: Actor, asked: Approval, at: datetime) -> AccountRefusal:
    audit.cancel(db, actor, asked.id, at)
    return AccountRefusal.ALREADY_CREDITED
