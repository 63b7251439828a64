"""Learns the second look from the tuning titles and the phrases, and says by cross-validation what it is worth.

Logistic regression over the presence of 1- to 3-grams, one pass after the other in an order that is always the same.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from bench.bench_review import CORPUS, figures
from kashu import compliance
from kashu.compliance.rules import learned, listing

PHRASES = Path(__file__).with_name("review_phrases.txt")
FOLDS = 5
ROUNDS = 15
STEP = 0.3
DECAY = 3e-4
WEIGHT_MIN = 8
LIMITS = range(-100, 201, 10)
NEVER = 10**6
BARS = {"denied_never_allowed": 0.98, "precision": 0.9, "lawful_allowed": 0.9}
# Chosen by cross-validation over the tuning titles; docs/algorithms/listing-review.md says how.
KEPT = {"threshold": 50, "relief": -100, "doubt": -80}
Sample = tuple[frozenset[str], bool]
Row = dict[str, str]


def main() -> None:
    rows = [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines() if line.strip()]
    rows = [row for row in rows if not row["held"] and row["label"] in ("allow", "deny")]
    extra = list(phrases(PHRASES.read_text("utf-8")))
    limits = chosen(rows, crossed(rows, extra))
    model = replace(fitted([sample(row) for row in rows] + extra), **limits)
    learned.DATA.write_text(written(model), "utf-8")
    print(f"{limits}, {len(model.weights)} grams, {learned.DATA.stat().st_size} bytes")


def crossed(rows: list[Row], extra: list[Sample]) -> list[int]:
    """The score of each title by what was learned from the other folds."""
    models = [fitted([sample(row) for row in rows if fold_of(row) != fold] + extra) for fold in range(FOLDS)]
    listed = compliance.deny_list()
    return [learned.score(listing.told(listed, row["title"]), models[fold_of(row)]) for row in rows]


def chosen(rows: list[Row], scores: list[int]) -> dict[str, int]:
    """The limits, with what they do by cross-validation, and what other thresholds would."""
    listed = compliance.deny_list()
    found = [{one.id: one for one in compliance.judge(row["title"], looks=False).reasons} for row in rows]
    lessons = [listing.knowledge(listed, listing.told(listed, row["title"])) for row in rows]

    def bars(**limits: int) -> dict[str, dict[str, float]]:
        by = learned.Learned(0, weights={}, **limits)
        told: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for row, reasons, score, is_lesson in zip(rows, found, scores, lessons, strict=True):
            after = listing.weighed(reasons, score, by, listed.soft, is_lesson=is_lesson)
            for part in ("all", f"hand {row['hand']}"):
                told[part].append((row["label"], strictest(after)))
        return {part: figures(told[part]) for part in sorted(told)}

    alone = {"threshold": NEVER, "relief": -NEVER, "doubt": -NEVER}
    print("the rules alone", shown(bars(**alone)["all"]))
    for one in LIMITS:
        by_hand = bars(**{**KEPT, "threshold": one})
        print(f"{one} {shown(by_hand['all'])}, worst hand {margin(by_hand):+.4f}")
    for part, of in bars(**KEPT).items():
        print("kept", part, shown(of))
    return KEPT


def margin(by_hand: dict[str, dict[str, float]]) -> float:
    """How far the worst hand is above the bar that it is nearest to, or below it."""
    return min(of[bar] - least for of in by_hand.values() for bar, least in BARS.items())


def strictest(found: dict[str, compliance.Reason]) -> str:
    return max(
        (reason.verdict for reason in found.values()),
        key=listing.SEVERITY.__getitem__,
        default=compliance.Verdict.ALLOW,
    ).value


def shown(told: dict[str, float]) -> str:
    return ", ".join(f"{key} {value:.4f}" for key, value in told.items())


def sample(row: Row) -> Sample:
    return learned.grams(learned.told(row["title"])), row["label"] == "deny"


def phrases(text: str) -> Iterable[Sample]:
    for line in text.splitlines():
        if line[:1] in ("+", "-"):
            for phrase in line[1:].split("/"):
                yield learned.grams(learned.told(phrase)), line[0] == "-"


def fold_of(row: Row) -> int:
    return int(hashlib.sha256(row["title"].encode()).hexdigest(), 16) % FOLDS


def fitted(samples: list[Sample]) -> learned.Learned:
    weights: defaultdict[str, float] = defaultdict(float)
    bias = 0.0
    order = [(sorted(grams), is_denied) for grams, is_denied in samples if grams]
    chance = random.Random(1)
    for turn in range(ROUNDS):
        chance.shuffle(order)
        for grams, is_denied in order:
            total = bias + sum(weights[gram] for gram in grams)
            wrong = is_denied - 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))
            step = STEP / (1 + turn * 0.2) * wrong / math.sqrt(len(grams))
            bias += step * STEP
            for gram in grams:
                weights[gram] = weights[gram] * (1 - DECAY) + step
    rounded = {gram: round(weight * 100) for gram, weight in weights.items()}
    kept = {gram: weight for gram, weight in rounded.items() if abs(weight) >= WEIGHT_MIN}
    return learned.Learned(round(bias * 100), 0, kept)


def written(model: learned.Learned) -> str:
    lines: defaultdict[int, list[str]] = defaultdict(list)
    for gram in sorted(model.weights):
        lines[model.weights[gram]].append(gram)
    return (
        "\n".join(
            [
                f"{model.bias} {model.threshold} {model.relief} {model.doubt}",
                *(f"{one} {' '.join(lines[one])}" for one in sorted(lines)),
            ]
        )
        + "\n"
    )


if __name__ == "__main__":
    main()
