"""What waits at the desk without a clock of its own in the books: reports to authorities, verifications, hits, appeals, reviews, chains."""

from __future__ import annotations

from datetime import datetime, timedelta

from kashu import cards, compliance, party
from kashu.aftersale import ClockCount
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db
from kashu.wire import reports

TITLES = {
    "authority": ("报送供应商身份信息：1 月、7 月", "/desk/reports"),
    "tax": ("报送供应商收入信息：每季度后一个月内", "/desk/reports"),
    "own": ("报送平台基本信息：开展业务 30 日内", "/desk/reports"),
    "reverify": ("供应商复核：每六个月", "/desk/suppliers"),
    "hits": ("名单命中：待处理", "/desk/screening"),
    "appeals": ("处罚申诉：待处理", "/desk/appeals"),
    "blacklisted": ("黑名单：待报告省级主管部门", "/desk/appeals"),
    "chains": ("批次记录与写入时不符：待查明", "/desk/provenance#wrong"),
    "reviews": ("上架复核：待处理", "/desk/reviews"),
}
REVERIFY_SOON = timedelta(days=30)


def counts(db: Db, at: datetime) -> dict[str, ClockCount]:
    """How much of each waits, and how much of it is past its day: all of it, whatever a page shows."""
    today = biz_date(at)
    found = [ClockCount(name, many, late) for name, many, late in party.reports.waits(db, today, today + REVERIFY_SOON)]
    found.append(ClockCount("reviews", compliance.reviews_waiting(db), 0))
    wrong = cards.count_wrong_chains(db)
    found.append(ClockCount("chains", wrong, wrong))
    duties = [one for one in reports.duties(db, today) if one.sent_at is None]
    for kind in ("authority", "tax", "own"):
        open_of = [one for one in duties if one.kind == kind]
        found.append(ClockCount(kind, len(open_of), sum(one.is_missed(today) for one in open_of)))
    return {one.name: one for one in found}
