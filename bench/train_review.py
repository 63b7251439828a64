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
from pathlib import Path

from bench.bench_review import CORPUS, figures
from kashu import compliance
from kashu.compliance.rules import learned, listing

PHRASES = Path(__file__).with_name("review_phrases.txt")
FOLDS = 5
ROUNDS = 15
STEP = 0.3
DECAY = 3e-4
WEIGHT_MIN = 4
LAWFUL_MIN = 0.96
THRESHOLDS = range(0, 201, 10)
Sample = tuple[frozenset[str], bool]
Row = dict[str, str]


def main() -> None:
    rows = [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines() if line.strip()]
    rows = [row for row in rows if not row["held"] and row["label"] in ("allow", "deny")]
    extra = list(phrases(PHRASES.read_text("utf-8")))
    threshold = chosen(rows, crossed(rows, extra))
    model = fitted([sample(row) for row in rows] + extra)
    learned.DATA.write_text(written(model, threshold), "utf-8")
    print(f"threshold {threshold}, {len(model.weights)} grams, {learned.DATA.stat().st_size} bytes")


def crossed(rows: list[Row], extra: list[Sample]) -> list[int]:
    """The score of each title by what was learned from the other folds."""
    models = [fitted([sample(row) for row in rows if fold_of(row) != fold] + extra) for fold in range(FOLDS)]
    return [scored(row["title"], models[fold_of(row)]) for row in rows]


def scored(title: str, model: learned.Learned) -> int:
    """As the review has it: what is not compared is below every threshold."""
    reading = listing.compared(compliance.deny_list(), title)
    return min(THRESHOLDS) - 1 if reading is None else learned.score(reading, model)


def chosen(rows: list[Row], scores: list[int]) -> int:
    """The lowest threshold that leaves the lawful titles alone. Those of another hand lose to the rules too."""
    verdicts = [ruled(row["title"]) for row in rows]
    told = list(zip((row["label"] for row in rows), verdicts, scores, strict=True))
    bars = {}
    for one in THRESHOLDS:
        bars[one] = figures([(label, looked(verdict, score, one)) for label, verdict, score in told])
        alone = figures([(label, looked("allow", score, one)) for label, _, score in told])["denied_never_allowed"]
        shown = ", ".join(f"{key} {value:.4f}" for key, value in bars[one].items())
        print(f"{one}: {shown}; of the denied, the look alone stops {alone:.4f}")
    return next(one for one in THRESHOLDS if bars[one]["lawful_allowed"] >= LAWFUL_MIN)


def ruled(title: str) -> str:
    """The verdict of the rules alone."""
    return compliance.judge(title, looks=False).verdict.value


def looked(verdict: str, score: int, threshold: int) -> str:
    return "queue" if verdict == "allow" and score >= threshold else verdict


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


def written(model: learned.Learned, threshold: int) -> str:
    lines: defaultdict[int, list[str]] = defaultdict(list)
    for gram in sorted(model.weights):
        lines[model.weights[gram]].append(gram)
    return "\n".join([f"{model.bias} {threshold}", *(f"{one} {' '.join(lines[one])}" for one in sorted(lines))]) + "\n"


if __name__ == "__main__":
    main()
