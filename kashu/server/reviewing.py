"""`kashu review`: titles in, verdicts out, line by line. No database, no settings, no server."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import IO

from rich.console import Console
from rich.markup import escape

from kashu import compliance
from kashu.compliance import Judgement

LINE_BYTES_MAX = 1 << 16
COLOURS = {"allow": "green", "queue": "yellow", "deny": "red"}
BREAKS = {ord(sign): f"\\u{ord(sign):04x}" for sign in "\x7f\x85\u2028\u2029"}


def review(source: IO[bytes], target: IO[bytes]) -> None:
    """Answer each line with one JSON object as it comes: `title`, `class`, `verdict`, `reasons`."""
    for title, unread in titles(source):
        judged = compliance.judge(title)
        told = {
            "title": title,
            "class": judged.goods_class.value,
            "verdict": "queue" if unread and judged.verdict == "allow" else judged.verdict.value,
            "reasons": [*map(str, judged.reasons), *unread],
        }
        target.write(json.dumps(told, ensure_ascii=False).translate(BREAKS).encode() + b"\n")
        target.flush()


def show(source: IO[bytes], out: Console) -> None:
    """The same for people: the verdict, the title, and under it why."""
    for title, unread in titles(source):
        judged: Judgement = compliance.judge(title)
        verdict = "queue" if unread and judged.verdict == "allow" else judged.verdict.value
        out.print(f"[{COLOURS[verdict]}]{verdict:5}[/]  {escape(title)}", highlight=False, soft_wrap=True)
        for reason in (*map(str, judged.reasons), *unread):
            out.print(f"       [dim]{escape(reason)}[/]", highlight=False, soft_wrap=True)


def titles(source: IO[bytes]) -> Iterator[tuple[str, list[str]]]:
    """Each line that is not blank, with what kept us from reading all of it as it was sent."""
    while raw := source.readline(LINE_BYTES_MAX):
        unread = []
        if len(raw) == LINE_BYTES_MAX and not raw.endswith(b"\n"):
            unread.append(f"text.too_long [1.11] A line is read up to {LINE_BYTES_MAX} bytes (C): cut")
            _skip(source)
        text, is_utf8 = _text(raw.rstrip(b"\r\n"), is_cut=bool(unread))
        if not is_utf8:
            unread.append("text.encoding [1.11] A title is UTF-8 (C): read as GB18030")
        if text.strip().strip("\ufeff"):
            yield text.removeprefix("\ufeff"), unread


def _skip(source: IO[bytes]) -> None:
    while raw := source.readline(LINE_BYTES_MAX):
        if raw.endswith(b"\n"):
            return


def _text(raw: bytes, *, is_cut: bool) -> tuple[str, bool]:
    """What the bytes say: UTF-8 where they can be, a cut last character aside; else GB18030, what is wrong replaced."""
    for cut in range(4 if is_cut else 1):
        try:
            return raw[: len(raw) - cut].decode(), True
        except UnicodeDecodeError:
            continue
    return raw.decode("gb18030", "replace"), False


def main(*, as_json: bool) -> None:
    """Until the input ends, or nobody listens any more."""
    try:
        if as_json:
            review(sys.stdin.buffer, sys.stdout.buffer)
        else:
            show(sys.stdin.buffer, Console())
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
