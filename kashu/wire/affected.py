"""The orders of goods that were taken down (C-14), or of cards under a fallen authorisation (§2.5), as a file: nothing of the buyers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID

from kashu import sales
from kashu.compliance import Affected, Authorisation, Takedown
from kashu.kernel.clock import SHANGHAI
from kashu.kernel.db import Db
from kashu.kernel.money import yuan
from kashu.sales import AffectedOrder
from kashu.wire import reports
from kashu.wire.reports import Report

HEAD = ("订单号", "状态", "数量", "金额（元）", "购买方", "下单时间", "支付时间", "送达时间")
HEAD_UNDER = (*HEAD, "涉及卡密", "收货日", "处理")
STATES = {
    "placed": "待支付",
    "paid": "已付款待交付",
    "delivered": "已交付",
    "completed": "已完成",
    "refunding": "退款中",
    "refunded": "已退款",
    "disputed": "售后中",
}
FAR = (datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))
STEP = 5_000
ROWS_MAX = 100_000


def of_takedown(db: Db, takedown: Takedown) -> Report:
    """Every order of goods that were taken down, the newest first."""
    rows = [_row(one) for one in _every(lambda before: sales.affected_orders(db, takedown, before, STEP))]
    return _file(f"takedown-{takedown.id}", HEAD, rows, sales.affected(db, takedown))


def of_authorisation(db: Db, link: Authorisation, under: list[int]) -> Report:
    """Every order of cards that are or were under an authorisation or one below it, and what is to be done about each."""
    found = list(_every(lambda before: sales.orders_under(db, under, before, STEP)))
    late = {one for start in range(0, len(found), STEP) for one in sales.recalled(db, found[start : start + STEP])}
    rows = []
    for one in found:
        what = "" if link.revoked_on is None else "召回并赔付" if one.id in late else "照常兑现"
        rows.append((*_row(one), str(one.cards), f"{one.received_on:%Y-%m-%d}", what))
    return _file(f"authorisation-{link.id}", HEAD_UNDER, rows, sales.affected_under(db, under))


def _file(name: str, head: tuple[str, ...], rows: list[tuple[str, ...]], total: Affected) -> Report:
    """A table; where there are too many for one file, its last line says so."""
    left = total.orders + total.unpaid - len(rows)
    if left > 0:
        rows.append((f"其余 {left} 笔没有列出", *[""] * (len(head) - 1)))
    return reports.table(name, head, rows)


def _every(next_of: Callable[[tuple[datetime, UUID]], list[AffectedOrder]]) -> Iterator[AffectedOrder]:
    """The newest first, `ROWS_MAX` at most."""
    before, left = FAR, ROWS_MAX
    while left > 0 and (found := next_of(before)[:left]):
        yield from found
        before, left = (found[-1].placed_at, found[-1].id), left - len(found)


def _row(one: AffectedOrder) -> tuple[str, ...]:
    state = STATES.get(one.state, "已取消（已付款）")
    buyer = "个人" if one.account_id is None else "采购账户"
    times = (_stamp(one.placed_at), _stamp(one.paid_at), _stamp(one.delivered_at))
    return (one.number, state, str(one.quantity), yuan(one.total_fen), buyer, *times)


def _stamp(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
