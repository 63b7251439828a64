"""What stands in a seller's way now, and what that does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from kashu import party
from kashu.compliance import rules, store
from kashu.compliance.types import Cause, Effect, Event, Stand
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db


def standing(
    db: Db,
    seller_id: int,
    goods: str | None,
    at: datetime,
    of_cards: Collection[str] = (),
    supplier_id: int | None = None,
) -> Stand:
    """Everything that stands in a seller's way for goods of a kind, the grace of a re-verification told apart (C-10).

    `of_cards` are what the papers of its cards say (`pool_stops`), `supplier_id` is who brought them.
    """
    day = biz_date(at)
    stopped = {Cause(one) for one in [*store.of_seller(db, seller_id, goods, day), *of_cards]}
    found = [_of_party(db, one, at) for one in sorted({seller_id, supplier_id or seller_id})]
    causes = (stopped - {Cause.REVERIFY}).union(*(one.causes for one in found))
    return Stand(frozenset(causes), max(one.reverify_days for one in found))


def _of_party(db: Db, party_id: int, at: datetime) -> Stand:
    """What stands in a supplier's way by itself, whatever it sells; of its payouts as well (§2.1)."""
    day = biz_date(at)
    causes = {Cause(one) for one in store.of_party(db, party_id, day)} - {Cause.REVERIFY}
    late = store.reverify_days(db, party_id, day) or 0
    if late > 0:
        causes.add(Cause.REVERIFY)
    deposit = party.deposit_share_bp(db, party_id)
    if deposit is not None and deposit < rules.DEPOSIT_BP_MIN:
        causes.add(Cause.DEPOSIT)
    told = party.supplier(db, party_id)
    if told is None:
        return Stand(frozenset(causes))
    account = party.bank_account(db, party_id)
    of_itself = (
        (Cause.THROTTLED, told.state == "restricted"),
        (Cause.PAYOUTS, told.is_payout_held),
        (Cause.IDENTITY, rules.is_identity_over(party.documents(db, party_id), day)),
        (Cause.ACCOUNT, account is not None and account.state != "proven"),
    )
    return Stand(frozenset(causes | {cause for cause, is_so in of_itself if is_so}), max(0, late))


def stopped(db: Db, goods: Mapping[int, Sequence[str]], at: datetime) -> dict[int, set[Cause]]:
    """`standing` of many sellers, each with its kinds of goods, by a few statements however many they are.

    Those in whose way nothing stands are left out.
    """
    day, found = biz_date(at), defaultdict[int, set[Cause]](set)
    asked = [(seller_id, kind) for seller_id, kinds in goods.items() for kind in kinds]
    for seller_id, cause in store.of_sellers(db, asked, day):
        if cause != Cause.REVERIFY:  # its grace is told apart, as in `standing`
            found[seller_id].add(Cause(cause))
    for seller_id in store.late_sellers(db, goods, day):
        found[seller_id].add(Cause.REVERIFY)
    for seller_id, share_bp in party.deposit_shares_bp(db, goods).items():
        if share_bp < rules.DEPOSIT_BP_MIN:
            found[seller_id].add(Cause.DEPOSIT)
    return dict(found)


def missing_of_platform(db: Db, platform_id: int, at: datetime) -> list[str]:
    """The licences that the platform itself has to hold and show, and does not (C-01, C-02)."""
    held = store.licences(db, biz_date(at), platform_id)
    needed = {(one.licence, one.scope) for one in store.requirements(db) if one.who == "platform"} | {("business", "")}
    return [
        f"{kind} {scope}".strip() for kind, scope in sorted(needed)
        if not any(one.kind == kind and (not scope or scope in one.scope) for one in held)
    ]  # fmt: skip


def effect(
    db: Db, seller_id: int, goods: str | None, event: Event, at: datetime, of_cards: Collection[str] = (),
    supplier_id: int | None = None,
) -> Effect:  # fmt: skip
    """What happens at an event to a seller's goods of a kind, under the papers of these cards and of who brought them."""
    found = standing(db, seller_id, goods, at, of_cards, supplier_id)
    return rules.effect(found.causes, event, found.reverify_days)
