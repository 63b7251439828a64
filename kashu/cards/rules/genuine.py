"""When a batch is too often found bad to go on selling it: a plain function of what was sold and what failed.

What is believed of a batch before anything is known of it is Beta(1, 100): about one bad card in a hundred. After n sold and
f failed it is Beta(1 + f, 100 + n - f). It stops where more than nine parts in ten of that lie above one in a hundred.
Both parameters are whole numbers, so the tail is a short sum of a binomial distribution (DLMF 8.17.5).
"""

from __future__ import annotations

GOOD_BEFORE = 100
BAD_RATE = 0.01
SURE = 0.9


def is_bad(sold: int, failed: int) -> bool:
    """Whether a batch of which so many were sold, and so many of them failed, is to stop."""
    return failed > 0 and chance_of_bad(sold, failed) > SURE


def chance_of_bad(sold: int, failed: int) -> float:
    """How likely it is that more than one in a hundred of a batch's cards is bad."""
    draws = GOOD_BEFORE + sold
    term = total = (1 - BAD_RATE) ** draws
    for k in range(failed):
        term *= (draws - k) / (k + 1) * BAD_RATE / (1 - BAD_RATE)
        total += term
    return total
