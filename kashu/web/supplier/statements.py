"""A month of what is owed to a supplier: opening and closing balance, sums, each movement with its order; and as a file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kashu import ledger, party
from kashu.cards import queries as cards_queries
from kashu.cards.queries import PoolName
from kashu.kernel import clock
from kashu.kernel.clock import SHANGHAI, biz_date
from kashu.kernel.db import Db
from kashu.kernel.money import yuan
from kashu.ledger import Movement
from kashu.sales import queries
from kashu.web.console.desk import PAGE_ROWS, instant_cursor, page_of
from kashu.web.supplier.desk import Desk, at_desk, show
from kashu.wire import edge

AT_ONCE = 5_000
OLDEST = date(2020, 1, 1)
RECIPES = {
    "line_delivered": "成交（已扣佣金）",
    "line_returned": "退回",
    "refund_granted": "售后退款",
    "batch_received": "平台自营货款",
    "batch_returned": "自营退货",
    "slot_issued": "自营货款（按单）",
}


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in Shanghai: its first moment, and that of the next."""

    first: date

    @property
    def since(self) -> datetime:
        return datetime(self.first.year, self.first.month, 1, tzinfo=SHANGHAI)

    @property
    def until(self) -> datetime:
        return self.after.since

    @property
    def before(self) -> Month:
        return Month((self.first - timedelta(days=1)).replace(day=1))

    @property
    def after(self) -> Month:
        return Month((self.first + timedelta(days=31)).replace(day=1))

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Row:
    """A movement as its supplier reads it."""

    entry: Movement
    word: str
    number: str
    name: PoolName


@require_GET
@at_desk
def statement(request: HttpRequest, desk: Desk) -> HttpResponse:
    """What the books say is owed for sales and for cards of our own shelf in a month; what lies there as deposit."""
    month, code = _asked(request), f"payable:{desk.party.id}"
    with edge.transaction() as db:
        pools = cards_queries.pools_of_party(db, desk.party.id)
        opening = ledger.balance_at(db, code, pools, month.since)
        sums = ledger.sums(db, code, pools, month.since, month.until)
        before = instant_cursor(request) or (month.until, UUID(int=0))
        page = page_of(_rows(db, desk, pools, month, before, PAGE_ROWS + 1), _place)
        held = party.deposit(db, desk.party.id)
    told: dict[str, Any] = {
        "month": month,
        "is_now": month.until > clock.now(),
        "opening": opening,
        "sums": [(_(RECIPES.get(one.recipe, one.recipe)), one) for one in sums],
        "closing": opening + sum(one.amount_fen for one in sums),
        "page": page,
        "deposit": held,
    }
    return show(request, desk, "statement", "statement", told)


@require_GET
@at_desk
def statement_file(request: HttpRequest, desk: Desk) -> HttpResponseBase:
    """A month's statement as CSV, streamed, the newest movement first; its balances are the last lines."""
    month = _asked(request)
    headers = {
        "Content-Disposition": f'attachment; filename="kashu-statement-{month}.csv"',
        "Cache-Control": "no-store",
    }
    return StreamingHttpResponse(_lines(desk, month), content_type="text/csv; charset=utf-8", headers=headers)


def _lines(desk: Desk, month: Month) -> Iterator[str]:
    class Echo:
        def write(self, line: str) -> str:
            return line

    writer, code = csv.writer(Echo()), f"payable:{desk.party.id}"
    with edge.transaction() as db:
        pools = cards_queries.pools_of_party(db, desk.party.id)
        opening = ledger.balance_at(db, code, pools, month.since)
    yield "\ufeff" + writer.writerow([_("时间"), _("类型"), _("订单号"), _("规格"), _("批次"), _("金额（元）")])
    before, moved = (month.until, UUID(int=0)), 0
    while True:
        with edge.transaction() as db:
            found = _rows(db, desk, pools, month, before, AT_ONCE)
        for one in found:
            moved += one.entry.amount_fen
            when = f"{one.entry.posted_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
            yield writer.writerow(
                [when, one.word, one.number, one.name.sku, one.name.batch, _plain(one.entry.amount_fen)]
            )
        if len(found) < AT_ONCE:
            break
        before = found[-1].entry.posted_at, found[-1].entry.id
    for word, fen in ((_("期初余额"), opening), (_("本月变动"), moved), (_("期末余额"), opening + moved)):
        yield writer.writerow([str(month), word, "", "", "", _plain(fen)])


def _plain(fen: int) -> str:
    """An amount with the minus sign that spreadsheets read."""
    return yuan(fen).replace("\u2212", "-")


def _rows(db: Db, desk: Desk, pools: list[int], month: Month, before: tuple[datetime, UUID], most: int) -> list[Row]:
    before = min(before, (month.until, UUID(int=0)))
    found = ledger.movements(db, f"payable:{desk.party.id}", pools, month.since, before, most)
    numbers = queries.numbers_of(db, pools, [one.reason_id for one in found])
    names = cards_queries.names(db, {one.pool_id for one in found})
    return [
        Row(one, _(RECIPES.get(one.recipe, one.recipe)), numbers.get(one.reason_id, ""), names[one.pool_id])
        for one in found
    ]


def _place(one: Row) -> tuple[str, str]:
    return one.entry.posted_at.isoformat(), str(one.entry.id)


def _asked(request: HttpRequest) -> Month:
    """The month that is asked for; this one where none is, or one that has not come."""
    now = Month(biz_date(clock.now()).replace(day=1))
    try:
        asked = Month(date.fromisoformat(f"{request.GET.get('month', '')}-01"))
    except ValueError:
        return now
    return Month(max(min(asked.first, now.first), OLDEST))
