"""The learned second look: a title that resembles what was refused waits for a person. Weights: bench/train_review.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kashu.compliance.rules import spelling

GRAM_CHARS_MAX = 3
WINDOW_CHARS = 24
TOLD_MAX = 3
DATA = Path(__file__).with_name("learned.txt")


@dataclass(frozen=True, slots=True)
class Learned:
    """Hundredths: what each gram adds to the bias; a window that reaches the threshold is looked at.

    Where no window is above `relief`, words that prove nothing by themselves are no reason to look; where none is above
    `doubt`, what would be denied for its words is looked at first.
    """

    bias: int
    threshold: int
    weights: Mapping[str, int]
    relief: int = -(10**6)
    doubt: int = -(10**6)


@cache
def learned() -> Learned:
    return read(DATA.read_text("utf-8"))


def read(text: str) -> Learned:
    """From lines of a weight and the grams that have it; the first line is bias, threshold, relief and doubt."""
    first, *lines = text.splitlines()
    bias, threshold, relief, doubt = map(int, first.split())
    rows = (line.split(" ") for line in lines)
    return Learned(bias, threshold, {gram: int(weight) for weight, *grams in rows for gram in grams}, relief, doubt)


def resembling(reading: str, by: Learned) -> tuple[str, ...]:
    """The grams that weigh most in the worst window of a reading, if that resembles what was refused; else none.

    Not the mean of the title: good words far from the bad ones do not make up for them.
    """
    total, worst = _worst(reading, by)
    if total < by.threshold:
        return ()
    heavy = sorted(grams(worst), key=lambda gram: (-by.weights.get(gram, 0), gram))
    return tuple(gram for gram in heavy[:TOLD_MAX] if by.weights.get(gram, 0) > 0) or (worst[:GRAM_CHARS_MAX],)


def score(reading: str, by: Learned) -> int:
    """That of its worst window."""
    return _worst(reading, by)[0]


def told(title: str) -> str:
    """The reading that is learned from: nicknames as what they mean, no spaces."""
    return spelling.aliased(spelling.loosened(title)).replace(" ", "")


def grams(text: str) -> frozenset[str]:
    sizes = range(1, GRAM_CHARS_MAX + 1)
    return frozenset(text[at : at + size] for size in sizes for at in range(len(text) - size + 1))


def _worst(reading: str, by: Learned) -> tuple[int, str]:
    return max(((_score(window, by), window) for window in _windows(reading)), key=lambda one: one[0])


def _windows(text: str) -> Iterator[str]:
    yield from (text[at : at + WINDOW_CHARS] for at in range(max(1, len(text) - WINDOW_CHARS + 1)))


def _score(window: str, by: Learned) -> int:
    return by.bias + sum(by.weights.get(gram, 0) for gram in grams(window))
