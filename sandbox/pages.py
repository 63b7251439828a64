"""The sandbox's page of messages. Plain on purpose: nobody should take them for a real cashier."""

from __future__ import annotations

from html import escape
from typing import Any

SHELL = """<!doctype html><html lang="zh-CN"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.55 -apple-system, "Segoe UI", Roboto, "PingFang SC", "Noto Sans CJK SC", sans-serif }}
body {{ max-width: 440px; margin: 0 auto; padding: 24px 16px }}
.sub {{ opacity: .7; font-size: 13px }}
.fen {{ font-size: 34px; font-weight: 600; margin: 6px 0 18px; font-variant-numeric: tabular-nums }}
button {{ width: 100%; min-height: 50px; margin-top: 10px; border: 1px solid; border-radius: 14px; font: inherit;
          font-weight: 600; background: transparent; color: inherit; cursor: pointer }}
button.ok {{ background: #1d54a5; border-color: transparent; color: #fff }}
li {{ padding: 12px 0; border-bottom: 1px solid rgb(128 128 128 / .3) }} ul {{ padding: 0; list-style: none }}
b.num {{ font-variant-numeric: tabular-nums }}
</style><body>{body}</body></html>"""


def messages(found: list[dict[str, Any]]) -> str:
    """The messages a phone would have received, newest first."""
    rows = "".join(
        f'<li><b class="num">{escape(one["phone"])}</b> <span class="sub">{escape(one["sent_at"][:19])}</span><br>'
        f"{escape(one['body'])}</li>"
        for one in found
    )
    return SHELL.format(
        title="沙箱短信", body=f"<h1 style='font-size:20px'>沙箱短信</h1><ul>{rows or '<li>还没有短信</li>'}</ul>"
    )
