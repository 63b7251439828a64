"""Purchase accounts of B-end buyers: opened, priced, limited, topped up by two persons."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from kashu import audit, catalog, ledger, party, sales
from kashu.audit import ApprovalRefusal
from kashu.catalog import queries as catalog_queries
from kashu.kernel import clock
from kashu.kernel.clock import day_start
from kashu.kernel.db import Db
from kashu.kernel.ids import new_id
from kashu.kernel.money import parse_yuan
from kashu.kernel.paging import decode_cursor
from kashu.party import Party, SupplierRefusal
from kashu.sales import Account, AccountRefusal, ContractPrice, InvoiceRefusal, Topup
from kashu.web.console.desk import PAGE_ROWS, page_of, say, show, whole
from kashu.web.console.settings import TEXT_MAX
from kashu.web.people import EMAIL, FIRST, send_invitation
from kashu.web.rights import actor, is_alone, needs
from kashu.web.supplier.desk import REFUSALS as PEOPLE_REFUSALS
from kashu.wire import edge

LISTED = 50
TOPUP_FEN_MAX = 10**12
REFUSALS: dict[AccountRefusal | ApprovalRefusal, str] = {
    AccountRefusal.NOT_AN_ORGANISATION: "只有采购方组织可以开户。",
    AccountRefusal.HAS_ONE: "这家采购方已经有账户。",
    AccountRefusal.NO_SUCH_ACCOUNT: "没有这个账户。",
    AccountRefusal.NOT_ACTIVE: "账户已关闭，不能再改。",
    AccountRefusal.ALREADY_CREDITED: "这个银行流水号已经入账或在等待复核。",
    AccountRefusal.NO_SUCH_TOPUP: "没有这笔入账申请。",
    ApprovalRefusal.GONE: "申请已经处理过。",
    ApprovalRefusal.SAME_PERSON: "申请人不能自己复核，请另一位同事操作。",
    ApprovalRefusal.TOO_EARLY: "还在等待时间内，请稍后再确认。",
    ApprovalRefusal.ALREADY_ASKED: "同一银行流水号已经在等待复核。",
}


@require_GET
@needs("accounts.read")
def accounts(request: HttpRequest) -> HttpResponse:
    key = decode_cursor(request.GET.get("after", ""), 1)
    before = (whole(str(key[0]), 2**62) if key else None) or 2**62
    with edge.transaction() as db:
        found = sales.all_accounts(db, before, PAGE_ROWS + 1)
    return show(request, "accounts", "accounts", {"page": page_of(found, lambda one: (one.id,))})


@require_POST
@needs("accounts.edit")
@reauthentication_required
def open_account(request: HttpRequest) -> HttpResponse:
    """Register an organisation with its first person, and open its account."""
    told = {name: request.POST.get(name, "").strip()[:TEXT_MAX] for name in ("name", "uscc", "address", "contact")}
    if not told["name"] or not told["uscc"]:
        say(request, _("组织名称和统一社会信用代码都要填写。数据没有改动。"), is_bad=True)
        return redirect("console:accounts")
    with edge.transaction() as db:
        if party.is_name_taken(db, told["name"]):
            opened = None
        else:
            buyer = party.open_party(db, actor(request), Party(0, "buyer", **told, state="active"), clock.now())
            opened = sales.open_account(db, actor(request), buyer.id, clock.now())
    if not isinstance(opened, Account):
        say(request, _("已有同名组织。数据没有改动。"), is_bad=True)
        return redirect("console:accounts")
    say(request, _("采购账户已开立。接下来添加采购人员、约定价格、登记预付款。"))
    return redirect("console:account", account_id=opened.id)


@require_GET
@needs("accounts.read")
def account(request: HttpRequest, account_id: int) -> HttpResponse:
    return _page(request, account_id)


@require_POST
@needs("accounts.edit")
@reauthentication_required
def invite(request: HttpRequest, account_id: int) -> HttpResponse:
    """Send somebody the link to act for the organisation: its first person, who invites the others."""
    email = request.POST.get("email", "").strip().lower()
    if not EMAIL.match(email):
        return _page(request, account_id, error=_("邮箱没有填对。数据没有改动。"))
    with edge.transaction() as db:
        found = _found(db, account_id)
    refusal = (
        SupplierRefusal.WRONG_STATE if found.state == "closed" else send_invitation(request, found.party_id, email)
    )
    if refusal is not None:
        return _page(request, account_id, error=_(PEOPLE_REFUSALS[refusal]))
    say(request, _("邀请已发送，7 天内有效。"))
    return redirect("console:account", account_id=account_id)


@require_POST
@needs("accounts.edit")
def revoke_invitation(request: HttpRequest, account_id: int, invitation_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        found = _found(db, account_id)
        refusal = party.revoke_invitation(db, actor(request), found.party_id, invitation_id, clock.now())
    say(request, _("邀请已撤回。") if refusal is None else _(PEOPLE_REFUSALS[refusal]), is_bad=refusal is not None)
    return redirect("console:account", account_id=account_id)


@require_POST
@needs("accounts.edit")
def change_account(request: HttpRequest, account_id: int) -> HttpResponse:
    """Freeze, reopen or close an account; set its limits."""
    state, order_max = request.POST.get("state", ""), whole(request.POST.get("order_max", ""), 1_000)
    daily = request.POST.get("day_max", "").strip()
    day_max_fen = parse_yuan(daily) if daily else None
    if state not in ("active", "frozen", "closed") or not order_max or (daily and not day_max_fen):
        return _page(request, account_id, error=_("单笔上限为 1 到 1000 张，每日上限为元，可留空。数据没有改动。"))
    reason = request.POST.get("reason", "").strip()[:TEXT_MAX]
    with edge.transaction() as db:
        told = sales.change_account(
            db, actor(request), account_id, (state, order_max, day_max_fen), reason, clock.now()
        )
    return _after(request, account_id, told, _("账户已更新。"))


@require_POST
@needs("accounts.edit")
def set_price(request: HttpRequest, account_id: int) -> HttpResponse:
    """Agree on a contract price, from now until the end of a day or without an end."""
    price_fen, code = parse_yuan(request.POST.get("price", "")), request.POST.get("sku", "")
    until = request.POST.get("until", "").strip()
    at = clock.now()
    try:
        until_at = day_start(datetime.fromisoformat(until).date() + timedelta(days=1)) if until else None
    except (ValueError, OverflowError):
        until_at = at
    with edge.transaction() as db:
        sku = next((one for one in catalog_queries.skus(db) if one.code == code), None)
        if not price_fen or sku is None or (until_at is not None and until_at <= at):
            told: ContractPrice | AccountRefusal | None = None
        else:
            reason = request.POST.get("reason", "").strip()[:TEXT_MAX]
            price = ContractPrice(new_id(), account_id, sku.id, price_fen, at, until_at, "", at, reason)
            told = sales.set_contract_price(db, actor(request), price)
    if told is None:
        return _page(request, account_id, error=_("请选择规格，填写单价（元）；截止日期要在今天或以后。数据没有改动。"))
    return _after(request, account_id, told, _("合同价已生效。"))


@require_POST
@needs("accounts.topup")
@reauthentication_required
def ask_topup(request: HttpRequest, account_id: int) -> HttpResponse:
    """Ask to credit prepayment. A second person confirms; in solo mode the same one after the wait."""
    amount_fen = parse_yuan(request.POST.get("amount", ""))
    contract_no, bank = (request.POST.get(name, "").strip()[:64] for name in ("contract_no", "bank_reference"))
    if not amount_fen or amount_fen > TOPUP_FEN_MAX or not contract_no or not bank:
        return _page(request, account_id, error=_("金额、合同编号和银行流水号都要填写。数据没有改动。"))
    with edge.transaction() as db:
        platform = party.platform(db)
        wait = platform.solo_wait_seconds if platform.is_solo and is_alone("accounts.topup") else None
        told = sales.ask_topup(
            db, actor(request), account_id, (amount_fen, contract_no, bank), solo_wait_seconds=wait, at=clock.now()
        )
    return _after(request, account_id, told, _("已登记，等待复核入账。"))


@require_POST
@needs("accounts.topup")
@reauthentication_required
def credit_topup(request: HttpRequest, account_id: int, approval_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        told = sales.credit_topup(db, actor(request), approval_id, clock.now(), is_alone=is_alone("accounts.topup"))
    return _after(request, account_id, told, _("预付款已入账。"))


@require_POST
@needs("accounts.topup")
def cancel_topup(request: HttpRequest, account_id: int, approval_id: UUID) -> HttpResponse:
    with edge.transaction() as db:
        told = sales.cancel_topup(db, actor(request), approval_id, clock.now())
    return _after(request, account_id, told, _("申请已撤回。"))


@require_POST
@needs("accounts.edit")
def revoke_key(request: HttpRequest, account_id: int, key_id: str) -> HttpResponse:
    """End a buyer's API key, for instance one that has leaked."""
    with edge.transaction() as db:
        found, key = _found(db, account_id), party.api_key(db, key_id)
        mine = key is not None and key.party_id == found.party_id
        refused = party.revoke_key(db, actor(request), key_id, clock.now()) if mine else True
    say(request, _("这把密钥已经失效。") if refused else _("密钥已吊销，立即生效。"), is_bad=bool(refused))
    return redirect("console:account", account_id=account_id)


@require_POST
@needs("accounts.topup")
def decide_invoice(request: HttpRequest, account_id: int, invoice_id: UUID) -> HttpResponse:
    """Note the number of an issued invoice; without one it was refused."""
    number = request.POST.get("number", "").strip()[:64]
    with edge.transaction() as db:
        invoice = next((one for one in sales.invoices(db, account_id, LISTED) if one.id == invoice_id), None)
        told = (
            sales.decide_invoice(db, actor(request), invoice, number, clock.now())
            if invoice
            else InvoiceRefusal.NO_SUCH_INVOICE
        )
    say(request, _("发票申请已处理。") if told is None else _("这张发票申请已经处理过。"), is_bad=told is not None)
    return redirect("console:account", account_id=account_id)


def _after(
    request: HttpRequest, account_id: int, told: Account | ContractPrice | Topup | AccountRefusal | ApprovalRefusal | None, done: str
) -> HttpResponse:  # fmt: skip
    if isinstance(told, AccountRefusal | ApprovalRefusal):
        say(request, f"{_(REFUSALS[told])}{_('数据没有改动。')}", is_bad=True)
    else:
        say(request, done)
    return redirect("console:account", account_id=account_id)


def _page(request: HttpRequest, account_id: int, *, error: str = "") -> HttpResponse:
    with edge.transaction() as db:
        found = _found(db, account_id)
        skus = catalog_queries.skus(db)
        told: dict[str, Any] = {
            "account": found,
            "party": party.party(db, found.party_id),
            "many": len(party.members(db, found.party_id)),
            "people": party.people(db, found.party_id, FIRST, LISTED),
            "waiting": party.invitations(db, found.party_id),
            "prices": sales.contract_prices(db, account_id, LISTED),
            "skus": skus,
            "sku_names": {one.id: one for one in skus},
            "topups": sales.topups(db, account_id, LISTED),
            "keys": party.api_keys(db, found.party_id),
            "entries": ledger.statement(db, account_id, None, 20),
            "invoices": sales.invoices(db, account_id, LISTED),
            "trail": audit.entries_of(db, 0, "account", str(account_id)),
            "in_force": sales.prices(db, [account_id], [one.id for one in skus], clock.now()),
        }
        told["codes"] = catalog.codes(db, [one.sku_id for one in told["prices"]])
    told |= {"error": error, "now": clock.now()}
    response = show(request, "account", "accounts", told, 422 if error else 200)
    response.headers["Cache-Control"] = "no-store"
    return response


def _found(db: Db, account_id: int) -> Account:
    found = sales.accounts(db, [account_id]).get(account_id)
    if found is None:
        raise Http404
    return found
