"""What makes postings a booking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kashu.ledger.types import Posting


def unbalanced(postings: Sequence[Posting]) -> dict[tuple[object, str], int]:
    """The reasons whose postings do not add up to nothing. A booking has none."""
    sums: Counter[tuple[object, str]] = Counter()
    for posting in postings:
        sums[posting.reason_id, posting.recipe] += posting.amount_fen
    return {reason: total for reason, total in sums.items() if total}


def without_zeros(postings: Sequence[Posting]) -> list[Posting]:
    return [posting for posting in postings if posting.amount_fen]
