"""Brands that a title names (§2.1): whose goods are sold as keys, and need an authorisation of their owner."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kashu.compliance.rules import spelling

DATA = Path(__file__).with_name("brands.toml")
OWNER_CHARS_MIN = 2
NEAR_CHARS = 10
CHINESE = re.compile("[\u4e00-\u9fff]{3,}")  # shorter names sound like too much else


@dataclass(frozen=True, slots=True)
class Brand:
    """`said` is how a title names it; `owner`, who else may stand in the field; `teaches`: lessons are what it sells."""

    name: str
    said: re.Pattern[str]
    owner: re.Pattern[str] | None
    teaches: bool

    def is_in(self, field: str) -> bool:
        """Whether a field names it: by its name or how that begins (网易 for 网易云音乐), as a title does, or by its owner."""
        is_name = self.name in field or (len(field) >= OWNER_CHARS_MIN and self.name.startswith(field))
        return is_name or any(one.search(field) for one in (self.said, self.owner) if one is not None)


@dataclass(frozen=True, slots=True)
class Brands:
    listed: tuple[Brand, ...]
    entitled: re.Pattern[str]
    lesson: re.Pattern[str]
    before: re.Pattern[str]
    after: re.Pattern[str]
    vocabulary: spelling.Vocabulary


@cache
def brands() -> Brands:
    """The list that ships with this release; its hash is part of the deny list's version."""
    raw = tomllib.loads(DATA.read_text("utf-8"))
    contexts = {name: re.compile(raw[name]) for name in ("entitled", "lesson", "before", "after")}
    listed = tuple(_brand(one) for one in raw["brand"])
    sounded = spelling.vocabulary({one.name for one in listed if CHINESE.fullmatch(one.name)})
    return Brands(listed, vocabulary=sounded, **contexts)


def unnamed(titles: Sequence[str], field: Sequence[str]) -> list[str]:
    """The brands that these readings of titles name and those of the field do not, in the order of the list."""
    known = brands()
    return [
        brand.name
        for brand in known.listed
        if any(_is_named(known, brand, title) for title in titles) and not any(brand.is_in(one) for one in field)
    ]


def _is_named(known: Brands, brand: Brand, title: str) -> bool:
    """A lesson about a brand, or what goes with it (`剪映教程`, `支持剪映`), is not its goods, unless it sells what the brand issues."""
    matches = list(brand.said.finditer(title))
    if not matches or known.entitled.search(title):
        return bool(matches)
    if not brand.teaches and known.lesson.search(title):
        return False
    return any(not _is_beside(known, title, one) for one in matches)


def _is_beside(known: Brands, title: str, match: re.Match[str]) -> bool:
    before, after = title[max(0, match.start() - NEAR_CHARS) : match.start()], title[match.end() :]
    return known.before.search(before) is not None or known.after.search(after[:NEAR_CHARS]) is not None


def _brand(raw: dict[str, str | bool]) -> Brand:
    name = spelling.normal(str(raw["name"]))
    owner = re.compile(str(raw["owner"])) if "owner" in raw else None
    return Brand(name, re.compile(str(raw.get("said", re.escape(name)))), owner, bool(raw.get("teaches")))
