"""A title as it is meant, however it is written: width, case, scripts, signs, pictures, sounds. Tables: spelling.toml."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import Any

ROUNDS_MAX = 4
SYLLABLE_CHARS_MAX = 6
BEHIND_CHARS_MIN = 3
DIGITS = {
    "0": "ling",
    "1": "yi",
    "2": "er",
    "3": "san",
    "4": "si",
    "5": "wu",
    "6": "liu",
    "7": "qi",
    "8": "ba",
    "9": "jiu",
}
PIECES = re.compile(r"[a-z]+|[0-9]+|[^a-z0-9\s]")
SPELT_OUT = re.compile(r"(?<![a-z0-9])(?:[a-z0-9] )+[a-z0-9](?![a-z0-9])")
PARTED = re.compile(r"[a-z] [a-z]")
LEETED = re.compile(r"[a-z0-9@$]*(?:[a-z][0-9@$]|[0-9@$][a-z])[a-z0-9@$]*")
Vocabulary = dict[tuple[str, str], list["Word"]]
IDEOGRAPHS = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af"


@dataclass(frozen=True, slots=True)
class Unit:
    """A character, or a syllable in letters, with the sounds it may have; a lone letter stands for what begins with it."""

    text: str
    sounds: tuple[str, ...]
    is_parted: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """`by_letters`: to be found only where some of it is written in letters; it sounds like too much else."""

    text: str
    sounds: tuple[str, ...]
    by_letters: bool


def _tables() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("spelling.toml").read_text("utf-8"))


def _pairs(text: str) -> dict[int, str]:
    return {ord(pair[0]): pair[1:] for pair in text.split() if pair[0] != pair[1:]}


def _sounds_of_characters(syllables: str, others: str) -> dict[str, tuple[str, ...]]:
    """The first plane of GB 2312 stands in the order of its sounds; so the first character of each says all."""
    begins = [(pair[0].encode("gb2312"), pair[1:]) for pair in syllables.split()]
    found: dict[str, tuple[str, ...]] = {}
    for (first, sound), (until, _) in pairwise([*begins, (b"\xd7\xfa", "")]):
        for code in range(int.from_bytes(first), int.from_bytes(until)):
            raw = code.to_bytes(2)
            if 0xA1 <= raw[1] <= 0xFE:
                found[raw.decode("gb2312")] = (sound,)
    for pair in others.split():
        found[pair[0]] = (*found.get(pair[0], ()), pair[1:])
    return found


TABLES = _tables()
LETTERS = _pairs(TABLES["letters"]["alike"])
CHARACTERS = (
    LETTERS | _pairs(TABLES["characters"]["simplified"]) | dict.fromkeys(map(ord, TABLES["characters"]["fillers"]), " ")
)
CHARACTERS |= {
    code: chr(ord("a") + (code - base)) for base in (0x1F150, 0x1F170, 0x1F1E6) for code in range(base, base + 26)
}
LEET = {ord(pair[0]): pair[1] for pair in TABLES["letters"]["leet"].split()}
PICTURES = {ord(sign): word for sign, word in TABLES["pictures"].items()}
HALVES: dict[str, str] = dict(TABLES["characters"]["halves"])
HALVED = re.compile("|".join(" ?".join(one) for one in sorted(HALVES, key=len, reverse=True)))
ALIASES: dict[str, str] = TABLES["aliases"]
ALIASED = re.compile(
    "|".join(
        (r"(?<![a-z])" if one[0].isascii() else "") + re.escape(one) + (r"(?![a-z])" if one[-1].isascii() else "")
        for one in sorted(ALIASES, key=len, reverse=True)
    )
)
SOUNDS = _sounds_of_characters(TABLES["sounds"]["syllables"], TABLES["sounds"]["others"])
SYLLABLES = {pair[1:] for pair in TABLES["sounds"]["syllables"].split()}
KEPT = frozenset(TABLES["sounds"]["kept"].split())
BESIDE = re.compile(rf"(?<=[{IDEOGRAPHS}]) | (?=[{IDEOGRAPHS}])")
ADORNED = re.compile(rf"[^\x00-\x7f{IDEOGRAPHS[:3]}，。、！？：；（）【】《》“”·…—]")
NOISE = re.compile(rf"[^a-z0-9{IDEOGRAPHS}\s]+")


def readings(title: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The title as it stands, and as it may be meant: all different, the plain one first."""
    loose = loosened(title)
    found = [closed(loose)]
    pictured = title.translate(PICTURES)
    for spaced in (loose, loosened(pictured)) if pictured != title else (loose,):
        meant = aliased(spaced)
        found += [meant, sounded(meant, vocabulary)]
    if PARTED.search(loose):
        found.append(sounded(aliased(loose.replace(" ", "")), vocabulary))
    if LEETED.search(loose):
        plain = LEETED.sub(lambda run: run[0].translate(LEET), loosened(title, kept="@$"))
        found.append(sounded(aliased(plain), vocabulary))
    return tuple(dict.fromkeys(found))


def vocabulary(by_letters: Iterable[str]) -> Vocabulary:
    """The words to be found by their sound, under their first two sounds or the letters these begin with."""
    wanted = dict.fromkeys(by_letters, True) | dict.fromkeys(TABLES["sounds"]["words"].split(), False)
    found: Vocabulary = {}
    for text, needs_letters in sorted(wanted.items(), key=lambda one: -len(one[0])):
        if all(sign in SOUNDS for sign in text):
            word = Word(text, tuple(SOUNDS[sign][0] for sign in text), needs_letters)
            first, second = word.sounds[:2]
            for key in {(first, second), (first[0], second), (first, second[0]), (first[0], second[0])}:
                found.setdefault(key, []).append(word)
    return found


def normal(title: str) -> str:
    """The title without what decorates or disguises it. Normal text is its own normal."""
    return closed(loosened(title))


def closed(loose: str) -> str:
    """Without the spaces beside characters: only words in letters and numbers need them."""
    return BESIDE.sub("", loose)


def loosened(title: str, kept: str = "") -> str:
    """Normal text with one space where something parted the words."""
    text = title
    for _ in range(ROUNDS_MAX):
        before, text = text, _loosened(text, kept)
        if text == before:
            break
    return text


def _loosened(title: str, kept: str) -> str:
    text = title.casefold()
    if ADORNED.search(text):
        parts = unicodedata.normalize("NFKD", text)
        bare = "".join(sign for sign in parts if unicodedata.category(sign) not in ("Mn", "Me", "Cf"))
        text = unicodedata.normalize("NFKC", bare).casefold()
    text = text.translate(CHARACTERS)
    text = re.sub(r"100\s?%", "百分百", text)
    text = re.sub(r"(?<=[0-9])\.(?=[0-9])", "点", text)
    text = NOISE.sub(lambda run: run[0] if kept and run[0] in kept else " ", text)
    text = HALVED.sub(lambda run: HALVES[run[0].replace(" ", "")], " ".join(text.split()))
    return SPELT_OUT.sub(lambda run: run[0].replace(" ", ""), text)


def aliased(loose: str) -> str:
    """Nicknames and mixed spellings as what they mean: first in the words as parted, then across what parts them."""
    words = ALIASED.sub(lambda run: ALIASES[run[0]], loose)
    return ALIASED.sub(lambda run: ALIASES[run[0]], closed(words)) if words != loose or " " in words else words


def guessed(title: str, vocabulary: Vocabulary) -> str:
    """The boldest reading: every word that may be meant by its sound, one right character being enough."""
    return sounded(aliased(loosened(title)), vocabulary, boldly=True)


def sounded(text: str, vocabulary: Vocabulary, *, boldly: bool = False) -> str:
    """The text with every word that is written by its sound put as the word."""
    units = list(_units(text))
    out, at = "", 0
    while at < len(units):
        word = _word_at(units, at, vocabulary, boldly=boldly)
        is_parted = units[at].is_parted and not word and units[at].text.isascii() and out[-1:].isascii()
        out += (" " if is_parted else "") + (word.text if word else units[at].text)
        at += len(word.sounds) if word else 1
    return out


def _units(text: str) -> Iterator[Unit]:
    for found in PIECES.finditer(text):
        piece, is_parted = found[0], text[found.start() - 1 : found.start()] == " "
        if piece[0].isdigit():
            yield Unit(piece, (DIGITS[piece],) if len(piece) == 1 else (), is_parted)
        elif piece.isascii():
            parts = _syllables(piece)
            for part in parts:
                yield Unit(part, (part,) if part in SYLLABLES or len(part) == 1 else (), is_parted and part is parts[0])
        else:
            yield Unit(piece, SOUNDS.get(piece, ()))


def _syllables(run: str) -> list[str]:
    """A run of letters as syllables, the longest first, behind what is none. From its end, so that it is linear."""
    sizes = [0] * len(run) + [SYLLABLE_CHARS_MAX]
    for at in range(len(run) - 2, -1, -1):
        for size in range(min(SYLLABLE_CHARS_MAX, len(run) - at), 1, -1):
            if sizes[at + size] and run[at : at + size] in SYLLABLES:
                sizes[at] = size
                break
    at = next((place for place in range(len(run)) if sizes[place]), len(run))
    if at > 0 and len(run) - at < BEHIND_CHARS_MIN:
        return [run]
    parts = [run[:at]] if at else []
    while at < len(run):
        parts.append(run[at : at + sizes[at]])
        at += sizes[at]
    return parts


def _word_at(units: list[Unit], at: int, vocabulary: Vocabulary, *, boldly: bool) -> Word | None:
    if at + 1 < len(units):
        for key in product(units[at].sounds, units[at + 1].sounds):
            for word in vocabulary.get(key, ()):
                here = units[at : at + len(word.sounds)]
                if len(here) == len(word.sounds) and _is_meant(word, here, boldly=boldly):
                    return word
    return None


def _is_meant(word: Word, units: list[Unit], *, boldly: bool) -> bool:
    """Whether it sounds like the word, and some of it is in letters or, for many words, a character is the same."""
    if not all(_sounds_like(unit, sound) for unit, sound in zip(units, word.sounds, strict=True)):
        return False
    if any(len(unit.text) > 1 and unit.text.isascii() for unit in units):
        return True
    same = any(unit.text == sign for unit, sign in zip(units, word.text, strict=True))
    return same and (boldly or not word.by_letters) and "".join(unit.text for unit in units) not in KEPT


def _sounds_like(unit: Unit, sound: str) -> bool:
    return sound in unit.sounds or (
        len(unit.text) == 1 and unit.text.isalpha() and unit.text.isascii() and sound[0] == unit.text
    )
