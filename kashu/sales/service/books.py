"""What a delivery needs besides its order: the accounts it is booked on, and how long its goods are warranted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from kashu import catalog, ledger
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.sales.types import SaleLine

PAGES_MAX = 4_096
_PAGES: dict[bytes, int] = {}


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
            days[line.page_hash] = _warranty_days(db, line.page_hash)
    return {line.id: biz_date(at) + timedelta(days=days[line.page_hash]) for line in lines}


def _warranty_days(db: Db, page_hash: bytes) -> int:
    """A page under its hash never changes, so a process asks for it once."""
    found = _PAGES.get(page_hash)
    if found is None:
        page = catalog.page(db, page_hash)
        if page is None:
            return 0
        if len(_PAGES) >= PAGES_MAX:
            _PAGES.clear()
        found = _PAGES[page_hash] = int(page["warranty_days"])
    return found
