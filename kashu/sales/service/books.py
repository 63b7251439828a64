"""What a delivery needs besides its order: the accounts it is booked on, and how long its goods are warranted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from kashu import catalog, ledger
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.sales.types import SaleLine


def psp_account(db: Db, channel_id: str) -> int:
    """The account of what a gateway holds for us."""
    return ledger.account(db, f"psp:{channel_id}", "asset", f"支付通道在途 {channel_id}")


def payable_account(db: Db, seller_id: int) -> int:
    """The account of what a third-party seller is owed."""
    return ledger.account(db, f"payable:{seller_id}", "liability", f"应付供应商 {seller_id}")


def warranties(db: Db, lines: Sequence[SaleLine], at: datetime) -> dict[UUID, date]:
    """The last day of each line's warranty, by the page it was bought from."""
    days: dict[bytes, int] = {}
    for line in lines:
        if line.page_hash not in days:
            page = catalog.page(db, line.page_hash)
            days[line.page_hash] = page["warranty_days"] if page else 0
    return {line.id: biz_date(at) + timedelta(days=days[line.page_hash]) for line in lines}
