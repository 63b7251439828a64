"""Where cards come from, as a chain of hashes: plain functions (compliance.md §2.5)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from kashu.cards.types import Step
from kashu.kernel.text import canonical_json

GENESIS = bytes(32)
BOUGHT = ("single_use", "pick", "shared_secret")  # kinds that come from somebody as they are sold
PROBED = ("single_use", "pick")  # kinds whose supplier can be asked about each card
OWN = "own_code"  # the kind that is made by us: nobody's authorisation is asked for it
NOTED = ("loaded", "on_sale", "withdrawn", "cancelled")  # moves of a batch that are steps of its chain
CHANGES = ("content", "slots")  # what changes a batch after it came: another secret, more of the same


def link(step: Step) -> bytes:
    """The hash of a step: of what it says and of the one before."""
    told = [step.pool_id, step.seq, step.at.isoformat(), step.event, step.actor, step.body]
    return hashlib.sha256(step.prev_hash + canonical_json(told).encode()).digest()


def is_frozen(steps: Sequence[Step]) -> bool:
    """Whether a batch was stopped and nobody has let it go on since."""
    last = next((step.event for step in reversed(steps) if step.event in ("frozen", "cleared")), "cleared")
    return last == "frozen"


def papers_of(steps: Sequence[Step]) -> Step | None:
    """The papers as they stand: the last step that names the purchase document."""
    return next((step for step in reversed(steps) if step.event == "purchased"), None)


def changes_of(steps: Sequence[Step]) -> list[Step]:
    """What changed a batch since a second person last confirmed it; an authorisation too, unless it goes on where one ended."""
    last = next((step.seq for step in reversed(steps) if step.event == "confirmed"), 0)
    return [step for step in steps if step.seq > last and (step.event in CHANGES or _is_newly_authorised(step))]


def receipt_of(steps: Sequence[Step]) -> Step | None:
    """The second person's confirmation, if it came after the papers as they stand and nothing has changed the batch since."""
    told = papers_of(steps)
    last = next((step for step in reversed(steps) if step.event == "confirmed"), None)
    if last is None or told is None or last.seq < told.seq or changes_of(steps):
        return None
    return last


def _is_newly_authorised(step: Step) -> bool:
    return step.event == "authorised" and not {"renews", "revoked"} & step.body.keys()


def sample_of(steps: Sequence[Step]) -> Step | None:
    """The last sample a supplier answered for, if it knew at least half of the cards: "unknown" proves nothing."""
    last = next((step for step in reversed(steps) if step.event == "probed"), None)
    return last if last is not None and 2 * int(last.body.get("unknown", 0)) <= int(last.body["cards"]) else None


def broken(steps: Sequence[Step]) -> int | None:
    """The number of the first step that is not as it was written, or follows nothing; None for a whole chain."""
    before, seq = GENESIS, 0
    for step in steps:
        if step.seq != seq + 1 or step.prev_hash != before or link(step) != step.hash:
            return step.seq
        before, seq = step.hash, step.seq
    return None
