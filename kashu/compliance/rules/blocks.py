"""What a lapse does at each point of a sale (compliance.md §2.3), as a table and two functions over it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

from kashu.compliance.types import Cause, Effect, Event
from kashu.party import Document

REVERIFY_MONTHS = 6  # C-10
REVERIFY_GRACE_DAYS = 30
DEPOSIT_BP_MIN = 5_000

_COLUMNS = (Event.LISTING, Event.PURCHASE, Event.HELD, Event.PAID, Event.DELIVERED, Event.PAYOUT)
_ROWS = {
    Cause.CATEGORY: "refuse refuse cancel choice honour hold_exposure",
    Cause.AUTHORISATION: "refuse refuse cancel refund recall hold",
    Cause.SUPPLIER: "refuse refuse cancel refund compensate freeze",
    # All selling stops (§2.1), no more: what was ordered of a business that is late with a paper is fulfilled.
    Cause.LAPSED: "refuse refuse cancel go_on honour freeze",
    Cause.REVERIFY: "refuse go_on go_on go_on honour hold",
    Cause.DEPOSIT: "refuse go_on go_on go_on honour top_up",
    Cause.TAKEDOWN: "refuse refuse cancel refund compensate freeze",  # C-14
    # A contract that was made binds whoever leaves or pauses (ECOM §34, §49): what was ordered is paid for and delivered.
    Cause.EXITING: "refuse refuse go_on go_on honour hold",
    Cause.SUSPENDED: "refuse refuse go_on go_on honour hold",
    Cause.THROTTLED: "refuse cap go_on go_on honour go_on",
    Cause.LISTED: "refuse refuse cancel refund compensate freeze",  # AML §40: nothing more is done with it
    Cause.PAYOUTS: "go_on go_on go_on go_on honour freeze",
    Cause.IDENTITY: "go_on go_on go_on go_on honour freeze",
    Cause.ACCOUNT: "go_on go_on go_on go_on honour freeze",
}
MATRIX = {
    (cause, event): Effect(told)
    for cause, row in _ROWS.items()
    for event, told in zip(_COLUMNS, row.split(), strict=True)
}
# Where several causes meet, the hardest of their effects counts.
_HARDEST = (
    Effect.REFUSE, Effect.CANCEL, Effect.REFUND, Effect.CHOICE, Effect.CAP, Effect.COMPENSATE, Effect.RECALL,
    Effect.FREEZE, Effect.HOLD, Effect.HOLD_EXPOSURE, Effect.TOP_UP, Effect.HONOUR, Effect.GO_ON,
)  # fmt: skip


def is_identity_over(papers: Iterable[Document], day: date) -> bool:
    """Whether the document that proved who stands behind a supplier has ended, and no other was accepted since."""
    accepted = [one for one in papers if (one.kind, one.state) == ("identity", "accepted")]
    return bool(accepted) and all(one.valid_to is not None and one.valid_to < day for one in accepted)


def effect(causes: Collection[Cause], event: Event, reverify_days: int = 0) -> Effect:
    """What happens at an event under these causes; `reverify_days` since the six months of verification were over.

    A missed re-verification stops purchases only after its grace (C-10); what was held or paid before goes on.
    """
    told = {MATRIX[cause, event] for cause in causes}
    if Cause.REVERIFY in causes and event is Event.PURCHASE and reverify_days > REVERIFY_GRACE_DAYS:
        told.add(Effect.REFUSE)
    return min(told, key=_HARDEST.index, default=Effect.HONOUR if event is Event.DELIVERED else Effect.GO_ON)
