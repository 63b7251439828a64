"""The look is kept by checks: contrast from the tokens, one dark block, no stray colours, small files, exact words."""

from __future__ import annotations

import gzip
import re

import pytest

from kashu.server.assets import STATIC, flatten

CORE = (STATIC / "kashu.css").read_text()
SHEETS = {
    name: (STATIC / name).read_text()
    for name in ("kashu.css", "kashu-console.css", "kashu-store.css", "kashu-desk.css")
}
GROUNDS = ("--bg", "--surface", "--sunken")
PAIRS = [
    (text, ground, 4.5) for text in ("--ink", "--ink-2", "--ink-3", "--brand-ink", "--seal-ink") for ground in GROUNDS
]
PAIRS += [(f"--{tone}-ink", f"--{tone}-soft", 4.5) for tone in ("brand", "seal", "ok", "warn", "bad", "info")]
PAIRS += [("--ink-2", f"--{tone}-soft", 4.5) for tone in ("brand", "seal", "ok", "warn", "bad", "info")]
PAIRS += [("--on-brand", "--brand", 4.5), ("--bg", "--ink", 4.5), ("--brand", "--surface", 3.0)]
FORBIDDEN = ("最终解释权", "概不退款", "手慢无", "仅剩最后", "秒到", "史低", "疯抢", "您", "亲，", "！")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground", "least"), PAIRS)
def test_text_can_be_read_on_its_ground(theme, text, ground, least):
    """WCAG 2.2, 1.4.3 and 1.4.11."""
    tokens = colours(block(":root {")) | (colours(block(":root[data-theme=dark]")) if theme == "dark" else {})
    assert ratio(tokens[text], tokens[ground]) >= least


def test_the_two_dark_blocks_are_one():
    assert block(":root:not([data-theme=light])").split() == block(":root[data-theme=dark]").split()


@pytest.mark.parametrize("name", ["kashu-console.css", "kashu-store.css", "kashu-desk.css"])
def test_only_the_tokens_define_colours(name):
    assert re.findall(r"#[0-9a-fA-F]{3,6}\b", SHEETS[name].replace("url(", "")) == []


def test_the_shops_sheet_knows_no_layers_and_stays_small():
    flat = flatten(CORE + SHEETS["kashu-store.css"])
    assert "@layer" not in flat
    assert flat.count("{") == flat.count("}")
    assert len(gzip.compress(flat.encode())) < 9_000
    assert len(gzip.compress((STATIC / "kashu.js").read_bytes())) < 2_500


def test_no_template_has_inline_script_or_handlers():
    for path in (STATIC.parent / "templates").rglob("*.html"):
        html = path.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", html), path
        assert not re.search(r"\son\w+=|hx-on|javascript:|hx-vals=['\"]js:", html), path
        if "trace" not in html and "legend" not in html:
            assert not re.search(r"\sstyle=", html), path


def test_the_words_are_those_of_the_house():
    for path in (STATIC.parent / "templates").rglob("*.html"):
        html = path.read_text()
        assert [word for word in FORBIDDEN if word in html] == [], path


def block(name):
    start = CORE.index(name)
    opening, depth = CORE.index("{", start), 0
    for at in range(opening, len(CORE)):
        depth += {"{": 1, "}": -1}.get(CORE[at], 0)
        if depth == 0:
            return CORE[opening + 1 : at]
    raise ValueError


def colours(text):
    return dict(re.findall(r"(--[\w-]+):\s*(#[0-9a-fA-F]{3,6})\b", text))


def luminance(told):
    digits = told.lstrip("#")
    digits = "".join(c * 2 for c in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one, two):
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)
