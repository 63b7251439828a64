"""The review of titles against the labelled corpus: how often it is right, and how fast it is on one core.

The corpus was written by several hands, blind to the review and to one another. Some set out to slip through, or wrote
lawful titles that look worse than they are. A part of each hand is held back and never tuned on; `held` is all of those
parts together, and each is told by itself as well."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from kashu import compliance

CORPUS = Path(__file__).with_name("review_corpus.jsonl")
ROUNDS = 5


def main(rounds: int = ROUNDS) -> None:
    rows = [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines() if line.strip()]
    judged = [(row, compliance.judge(row["title"]).verdict.value) for row in rows]
    told = []
    hands = sorted({row["hand"] for row in rows})
    parts = [("tuned", False, set(hands)), ("held", True, set(hands)), *((f"held_{one}", True, {one}) for one in hands)]
    for name, held, of in parts:
        part = [(row["label"], verdict) for row, verdict in judged if row["held"] is held and row["hand"] in of]
        bars = figures(part)
        print(f"{name}: {len(part)} titles, {', '.join(f'{key} {value:.4f}' for key, value in bars.items())}")
        if name in ("tuned", "held"):
            told += [f"{name}_{key}={value:.4f}" for key, value in bars.items()]
    for row, verdict in judged:
        if row["label"] != verdict and not row["held"]:  # a held-back title that is read is held back no more
            print(f"  {row['label']} → {verdict}: {row['title']}")
    print("review", *told, f"titles_per_second={speed([row['title'] for row in rows], rounds):.0f}")


def figures(part: list[tuple[str, str]]) -> dict[str, float]:
    """Denied never allowed; precision of deny; lawful allowed."""
    denied = [verdict for label, verdict in part if label == "deny"]
    lawful = [verdict for label, verdict in part if label == "allow"]
    refused = [label for label, verdict in part if verdict == "deny"]
    return {
        "denied_never_allowed": share(sum(verdict != "allow" for verdict in denied), len(denied)),
        "precision": share(refused.count("deny"), len(refused)),
        "lawful_allowed": share(lawful.count("allow"), len(lawful)),
    }


def share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def speed(titles: list[str], rounds: int) -> float:
    """Titles a second of CPU time, the best of so many rounds."""
    best = 0.0
    for _ in range(rounds):
        begun = time.process_time()
        for title in titles:
            compliance.judge(title)
        best = max(best, len(titles) / (time.process_time() - begun))
    return best


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
