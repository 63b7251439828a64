"""Where a page of ours is open, as a browser says it. A browser may say anything: this chooses a cashier, nothing more."""

from __future__ import annotations

from kashu import payments
from kashu.payments import Entry

AGENT_CHARS_MAX = 512
# In this order: Douyin's webview also says it is a browser, and a mini-program also says it is Douyin's.
MARKS = (
    (Entry.MINI_PROGRAM, ("ToutiaoMicroApp",)),
    (Entry.DOUYIN, ("aweme", "BytedanceWebview", "BytedanceLocale", "NewsArticle")),
    (Entry.WECHAT, ("MicroMessenger",)),
    (Entry.ALIPAY, ("AlipayClient",)),
)


def entry_of(agent: str) -> tuple[Entry, str]:
    """The entry and the system of a User-Agent."""
    agent = agent[:AGENT_CHARS_MAX]
    if any(mark in agent for mark in ("iPhone", "iPad", "iPod")):
        system = "ios"
    elif "OpenHarmony" in agent or "HarmonyOS" in agent:
        system = "harmony"
    elif "Android" in agent:
        system = "android"
    else:
        system = "desktop"
    for entry, marks in MARKS:
        if any(mark.lower() in agent.lower() for mark in marks):
            return entry, system
    return (Entry.DESKTOP if system == "desktop" else Entry.BROWSER), system


def method_of(agent: str, kind: str) -> str:
    """How a channel is paid with where this browser is; empty where it is not offered."""
    cell = payments.way(*entry_of(agent), kind)
    return cell.method.value if cell.method is not None else ""
