"""The orders of goods that were taken down, as a file for an authority (C-14): orders and amounts, nothing of the buyers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from kashu import sales
from kashu.compliance import Takedown
from kashu.kernel.clock import SHANGHAI
from kashu.kernel.db import Db
from kashu.kernel.money import yuan
from kashu.sales import AffectedOrder
from kashu.wire import reports
from kashu.wire.reports import Report

HEAD = ("订单号", "状态", "数量", "金额（元）", "购买方", "下单时间", "支付时间", "送达时间")
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


def orders(db: Db, takedown: Takedown) -> Report:
    """Every affected order, the newest first; where there are too many for one file, its last line says so."""
    rows = [_row(one) for one, _ in zip(_every(db, takedown), range(ROWS_MAX), strict=False)]
    total = sales.affected(db, takedown)
    left = total.orders + total.unpaid - len(rows)
    if left > 0:
        rows.append((f"其余 {left} 笔没有列出", *[""] * (len(HEAD) - 1)))
    return reports.table(f"takedown-{takedown.id}", HEAD, rows)


def _every(db: Db, takedown: Takedown) -> Iterator[AffectedOrder]:
    before = FAR
    while found := sales.affected_orders(db, takedown, before, STEP):
        yield from found
        before = (found[-1].placed_at, found[-1].id)


def _row(one: AffectedOrder) -> tuple[str, ...]:
    state = STATES.get(one.state, "已取消（已付款）")
    buyer = "个人" if one.account_id is None else "采购账户"
    times = (_stamp(one.placed_at), _stamp(one.paid_at), _stamp(one.delivered_at))
    return (one.number, state, str(one.quantity), yuan(one.total_fen), buyer, *times)


def _stamp(instant: datetime | None) -> str:
    return "" if instant is None else f"{instant.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
