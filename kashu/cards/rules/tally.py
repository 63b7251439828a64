"""What became of a batch's cards, as one hash: a Merkle tree over its events, as RFC 6962 builds them (§2.1)."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime

from kashu.cards.types import CardEvent, Checked, Step

BEGINNING_AT = datetime(1970, 1, 1, tzinfo=UTC)
NODE = b"\1"  # apart from a leaf, which begins with a zero byte: no node can be passed off as one


def root(leaves: Sequence[bytes]) -> bytes:
    """The hash that all of these lead to, in their order; an odd one at the end of a level goes up as it is."""
    level = list(leaves)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [hashlib.sha256(NODE + left + right).digest() for left, right in pairs] + level[len(level) & ~1 :]
    return level[0] if level else hashlib.sha256(b"").digest()


def tallies(steps: Sequence[Step]) -> list[Step]:
    """The steps that tell what became of the cards, in order."""
    return [step for step in steps if step.event == "tallied"]


def window(step: Step) -> tuple[datetime, datetime]:
    """From when until when a tally tells: the first instant, and the first after it."""
    return datetime.fromisoformat(step.body["since"]), datetime.fromisoformat(step.body["until"])


def tally_of(steps: Sequence[Step], at: datetime | None) -> Step | None:
    """The tally that what happened at an instant is in."""
    return next((one for one in tallies(steps) if at is not None and window(one)[0] <= at < window(one)[1]), None)


def stretches(told: Sequence[Step], most: int) -> list[list[Step]]:
    """Tallies in stretches of about so many events, so that the events of a large pool are read in parts."""
    found: list[list[Step]] = []
    many = most
    for step in told:
        here = sum(count for count in step.body.values() if isinstance(count, int))
        if many + here > most:
            found.append([])
            many = 0
        found[-1].append(step)
        many += here
    return found


def goes_on(steps: Sequence[Step], before: Checked | None) -> bool:
    """Whether a chain goes on from where it was when it was last looked at: a part that is gone or written anew breaks no link."""
    if before is None or before.seq == 0:
        return True
    return len(steps) >= before.seq and steps[before.seq - 1].hash == before.head


def mistold(told: Sequence[Step], events: Sequence[CardEvent]) -> int | None:
    """The number of the first of these tallies that the events do not bear out; None where all are as they were."""
    found: list[list[bytes]] = [[] for _ in told]
    begins = [window(step)[0] for step in told]
    for event in events:
        place = bisect_right(begins, event.at) - 1
        if place >= 0 and event.at < window(told[place])[1]:
            found[place].append(event.leaf)
    roots = zip(told, found, strict=True)
    return next((step.seq for step, leaves in roots if root(leaves).hex() != step.body["root"]), None)
