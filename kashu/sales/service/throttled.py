"""限流 (C-15, C-60): so many pieces a day, of everything a supplier sells itself or brings for others to sell."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from kashu.cards import Rooms
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.sales import rules, store


def sold_today(db: Db, party_ids: Collection[int], at: datetime) -> dict[int, int]:
    """What throttled suppliers have sold this day, which nobody adds to until this transaction ends.

    One lock for all of them, after every buyer's: what they sell is little, and one lock has no order to keep. Who has
    sold all of its day waits for nobody.
    """
    sold = store.sold_on(db, party_ids, biz_date(at))
    if any(sold[one] < rules.THROTTLED_PIECES_MAX for one in party_ids):
        store.lock_buckets(db, [rules.THROTTLED])
        sold = store.sold_on(db, party_ids, biz_date(at))
    return sold


def rooms(db: Db, at: datetime, sold: Mapping[int, int] | None = None) -> Rooms:
    """What throttled suppliers may still sell this day, of which these are known to have sold so much.

    It is asked where cards of one are met, and so nothing of who meets none.
    """
    known = {one: rules.THROTTLED_PIECES_MAX - many for one, many in (sold or {}).items()}
    return Rooms(lambda one: rules.THROTTLED_PIECES_MAX - sold_today(db, [one], at)[one], known)
