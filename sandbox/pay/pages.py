"""The simulated cashiers' page and the tester's desk. Plain on purpose: nobody should take them for real ones."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from sandbox.pages import SHELL

TITLES = {"alipay": "支付宝", "wechat": "微信支付", "douyin": "抖音支付"}
SAID = {"PAID": "这笔交易已支付。", "CLOSED": "这笔交易已关闭或已过期。"}


def pay(trade: dict[str, Any]) -> str:
    """Who is paid, how much, and the outcomes a payer can bring about."""
    title = f"沙箱收银台 · {TITLES[trade['channel']]}"
    if trade["state"] == "OPEN":
        choice = (
            '<form method="post"><button class="ok" name="outcome" value="success">支付成功</button>'
            '<button name="outcome" value="later">不支付，返回商家</button></form>'
        )
    else:
        choice = f'<p>{SAID[trade["state"]]}</p><form method="post"><button name="outcome" value="later">返回商家</button></form>'
    body = (
        f'<p class="sub">{title} · 不会真的扣款</p><h1 style="font-size:18px;margin:0">{escape(trade["subject"])}</h1>'
        f'<p class="sub">单号 {escape(trade["trade_no"])}</p><div class="fen">¥{_yuan(trade["amount_fen"])}</div>{choice}'
    )
    return SHELL.format(title=title, body=body)


def admin(faults: dict[str, dict[str, Any]], trades: list[dict[str, Any]], calls: list[dict[str, Any]]) -> str:
    """The switches of each channel, the last trades, the last calls with their bytes."""
    forms = "".join(
        f'<form method="post"><h2>{TITLES[name]}</h2><input type="hidden" name="channel" value="{name}">'
        f'<textarea name="faults" rows="3" style="width:100%">{escape(json.dumps(told, ensure_ascii=False))}</textarea>'
        "<button>设置故障</button></form>"
        for name, told in faults.items()
    )
    rows = "".join(
        f'<li>{TITLES[one["channel"]]} <b class="num">{escape(one["trade_no"])}</b> ¥{_yuan(one["amount_fen"])} {one["state"]}'
        f' <a href="/pay/{one["id"]}">收银台</a></li>'
        for one in trades
    )
    told = "".join(
        f"<li><b>{one['channel']} {escape(one['call'])}</b> {one['status']}<br>"
        f'<span class="sub">{escape(one["told"].decode(errors="replace")[:400])}</span></li>'
        for one in calls
    )
    body = f"<h1>支付沙箱</h1>{forms}<h2>交易</h2><ul>{rows or '<li>还没有交易</li>'}</ul><h2>请求</h2><ul>{told}</ul>"
    return SHELL.format(title="支付沙箱", body=body)


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
