"""Who can pay how, where: the matrix of entries, systems and channels, and the choice between instances.

A cell says what the references say, or honestly that they do not. The store offers only what can pay there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kashu.payments.types import Method, Route

KINDS = ("douyin", "wechat", "alipay")
SYSTEMS = ("ios", "android", "harmony", "desktop")
AILING_TRIED_MIN = 5  # fewer calls in the last minutes say nothing about a channel's health


class Entry(StrEnum):
    """Where a page of ours is open."""

    DOUYIN = "douyin"  # Douyin's webview
    MINI_PROGRAM = "mini_program"  # a webview inside a Douyin mini-program
    WECHAT = "wechat"
    ALIPAY = "alipay"
    BROWSER = "browser"  # a phone's own browser
    DESKTOP = "desktop"


@dataclass(frozen=True, slots=True)
class Cell:
    """One answer of the matrix: `can` is yes, no or unknown; `ground` says who says so."""

    can: str
    method: Method | None
    ground: str


UNKNOWN = Cell("unknown", None, "no reference says so; not offered until somebody has paid there")
IOS = Cell(
    "unknown",
    None,
    "douyin-protocols G.9: virtual content on iOS has its own rule in mini-programs; of H5 nothing is said",
)
MATRIX: dict[tuple[Entry, str], Cell] = {
    (Entry.DOUYIN, "douyin"): Cell("yes", Method.H5, "douyin-protocols §0, E.4: H5 outside the mini-program"),
    (Entry.MINI_PROGRAM, "douyin"): Cell("no", None, "douyin-protocols C.2: a mini-program pays by tt.requestOrder"),
    (Entry.MINI_PROGRAM, "wechat"): Cell("no", None, "douyin-protocols C.2: a mini-program pays by tt.requestOrder"),
    (Entry.MINI_PROGRAM, "alipay"): Cell("no", None, "douyin-protocols C.2: a mini-program pays by tt.requestOrder"),
    (Entry.WECHAT, "wechat"): Cell("yes", Method.JSAPI, "payments.md §3.2: WeChat Pay v3, JSAPI inside WeChat"),
    (Entry.ALIPAY, "alipay"): Cell("yes", Method.H5, "payments.md §3.2: alipay.trade.wap.pay"),
    (Entry.BROWSER, "douyin"): Cell("yes", Method.H5, "douyin-protocols E.4: h5 answers h5_url"),
    (Entry.BROWSER, "wechat"): Cell("yes", Method.H5, "payments.md §3.2: WeChat Pay v3, H5 outside WeChat"),
    (Entry.BROWSER, "alipay"): Cell("yes", Method.H5, "payments.md §3.2: alipay.trade.wap.pay"),
    (Entry.DESKTOP, "douyin"): Cell("yes", Method.NATIVE, "douyin-protocols E.4: native answers code_url"),
    (Entry.DESKTOP, "wechat"): Cell("yes", Method.NATIVE, "payments.md §3.2: WeChat Pay v3, native"),
    (Entry.DESKTOP, "alipay"): Cell("yes", Method.NATIVE, "payments.md §3.2: alipay.trade.precreate"),
}
NO_SUCH = Cell("no", None, "this entry does not exist on this system")


def way(entry: Entry, system: str, kind: str) -> Cell:
    """Whether and how a channel can be paid with at an entry on a system."""
    if (entry is Entry.DESKTOP) != (system == "desktop") and entry is not Entry.WECHAT:
        return NO_SUCH
    if entry is Entry.WECHAT and system == "desktop":
        return UNKNOWN
    if (entry, system, kind) == (Entry.DOUYIN, "ios", "douyin"):
        return IOS
    if system == "harmony" and entry is not Entry.BROWSER:
        return UNKNOWN if MATRIX.get((entry, kind), UNKNOWN).can == "yes" else MATRIX.get((entry, kind), UNKNOWN)
    return MATRIX.get((entry, kind), UNKNOWN)


def route(routes: Sequence[Route], kind: str, method: str, amount_fen: int, chance: int) -> str | None:
    """The instance a payment goes through, by weight among those that may take it; None where none may.

    `chance` is any whole number: the same number chooses the same instance while nothing changes. Ailing instances are
    left out, unless all are: a sick channel is better than none.
    """
    able = [
        one
        for one in routes
        if one.kind == kind
        and method in one.methods
        and one.amount_fen_min <= amount_fen <= one.amount_fen_max
        and (one.day_fen_max is None or one.taken_fen + amount_fen <= one.day_fen_max)
    ]
    able = [one for one in able if not is_ailing(one)] or able
    if not able:
        return None
    at = chance % sum(one.weight for one in able)
    for one in able:
        at -= one.weight
        if at < 0:
            return one.channel_id
    raise AssertionError("the weights cover every chance")


def is_ailing(one: Route) -> bool:
    """More than half of the last minutes' calls came to nothing."""
    return one.tried >= AILING_TRIED_MIN and 2 * one.failed > one.tried
