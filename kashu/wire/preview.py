"""How a spooled card file would be read, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from itertools import islice

from kashu import cards
from kashu.cards import ENCODINGS, ROLES, SAMPLE_BYTES, SEPARATORS, Format, NewCard, Reject
from kashu.wire import spool
from kashu.wire.context import Context

ROWS = 10


def format_of(ctx: Context, name: str) -> Format:
    """The format a file seems to have."""
    first = next(iter(spool.read(ctx.spool, ctx.ring, name)), b"")
    return cards.detect(first[:SAMPLE_BYTES])


def with_changes(form: Format, changed: Mapping[str, str]) -> Format:
    """A format with what a person knows better; ValueError says what is not possible."""
    encoding = changed.get("encoding") or form.encoding
    separator = form.separator if not changed.get("separator") else changed["separator"].removeprefix("none")
    columns = tuple(one.strip() for one in changed["columns"].split(",")) if changed.get("columns") else form.columns
    header = form.has_header if not changed.get("has_header") else changed["has_header"] == "yes"
    if encoding not in ENCODINGS:
        raise ValueError(f"{encoding} is not an encoding read here: {', '.join(ENCODINGS)}")
    if separator not in SEPARATORS:
        raise ValueError(f"{separator} is not a separator read here: {', '.join(filter(None, SEPARATORS))}")
    if unknown := set(columns) - set(ROLES):
        raise ValueError(f"no column is called {', '.join(sorted(unknown))}; there are: {', '.join(ROLES)}")
    if columns.count("secret") != 1:
        raise ValueError("one column, and only one, is the secret")
    return replace(form, encoding=encoding, separator=separator, columns=columns, has_header=header)


def sample(ctx: Context, name: str, form: Format, today: date) -> list[NewCard | Reject]:
    """The first rows as they would be taken, for showing masked."""
    lines = _lines(ctx, name, form)
    first = 2 if form.has_header else 1
    return cards.parse(list(islice(lines, first - 1, first - 1 + ROWS)), first, form, today)


def count_lines(ctx: Context, name: str, form: Format) -> int:
    """How many lines there are to load."""
    total = sum(len(block) for block in cards.split(spool.read(ctx.spool, ctx.ring, name), form.encoding))
    return max(0, total - (1 if form.has_header else 0))


def _lines(ctx: Context, name: str, form: Format) -> Iterator[str | None]:
    for block in cards.split(spool.read(ctx.spool, ctx.ring, name), form.encoding):
        yield from block
