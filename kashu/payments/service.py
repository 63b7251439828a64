from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import pool_of
from kashu.kernel.seal import Keyring
from kashu.payments import rules, store
from kashu.payments.types import Channel, Judged, Notice, Payment, Verdict

OTHER_TRADE = "the gateway's number belongs to another trade"
Trade = tuple[str, str]  # channel and trade number


def open_channel(db: Db, ring: Keyring, actor: Actor, channel: Channel, private_key: str, at: datetime) -> Channel:
    """Set a channel up with its keys. One without keys cannot be opened: the table refuses it."""
    assert_in_transaction(db)
    sealed = ring.seal_personal(private_key, f"channel {channel.id}") if private_key else b""
    told = replace(channel, sealed_key=sealed)
    store.keep_channel(db, told)
    after = {"merchant": channel.merchant, "gateway": channel.gateway, "is_open": channel.is_open}
    audit.record(db, [Deed(actor, "channel.set", "channel", channel.id, after=after)], at)
    return told


def find(db: Db, notices: Sequence[Notice], *, lock: bool = False) -> dict[Trade, Payment]:
    """The payments these notices speak of, by channel and trade number; a trade of another channel is unknown."""
    told = {(pool_of(notice.trade_no), notice.channel_id, notice.trade_no) for notice in notices}
    ours = [(pool, channel, trade) for pool, channel, trade in told if pool is not None]
    return {(one.channel_id, one.trade_no): one for one in store.by_trade(db, ours, lock=lock)} if ours else {}


def judge(db: Db, notices: Sequence[Notice], payments: dict[Trade, Payment]) -> list[Judged]:
    """Say what each notice means, under the locks of their orders. A notice twice in one batch counts once."""
    assert_in_transaction(db)
    channels = store.channels(db)
    seen = store.seen(db, {(notice.channel_id, notice.event_id) for notice in notices})
    owners = store.transaction_owner(db, {(notice.channel_id, notice.gateway_no) for notice in notices})
    judged = []
    for notice in notices:
        payment = payments.get((notice.channel_id, notice.trade_no))
        verdict, detail = rules.judge(notice, payment, channels[notice.channel_id])
        if (notice.channel_id, notice.event_id) in seen:
            verdict, detail = Verdict.REPEATED, ""
        owner = owners.get((notice.channel_id, notice.gateway_no))
        if verdict in (Verdict.PAID, Verdict.PAID_TWICE) and payment is not None and owner is not None:
            # One number is one movement of money: told again it changes nothing, told of another trade it is false.
            verdict, detail = (Verdict.REPEATED, "") if owner == payment.id else (Verdict.QUARANTINED, OTHER_TRADE)
        judged.append(Judged(notice, verdict, payment, detail))
        seen.add((notice.channel_id, notice.event_id))
        if verdict in (Verdict.PAID, Verdict.PAID_TWICE) and payment is not None:
            owners[notice.channel_id, notice.gateway_no] = payment.id
        if verdict is Verdict.PAID and payment is not None:
            payments[notice.channel_id, notice.trade_no] = replace(
                payment, state="paid", gateway_no=notice.gateway_no, paid_at=notice.paid_at
            )
    return judged


def keep(db: Db, judged: Sequence[Judged], at: datetime) -> None:
    """Write the notices down with their verdicts, and mark what was paid, once."""
    assert_in_transaction(db)
    store.keep_events(db, judged, at)
    paid = [one for one in judged if one.verdict in (Verdict.PAID, Verdict.LATE)]
    moved = [one for one in judged if one.verdict in (Verdict.PAID, Verdict.LATE, Verdict.PAID_TWICE)]
    if moved:
        store.keep_transactions(db, moved)
    if paid:
        assert store.mark_paid(db, paid) == len(paid), "a payment is paid once"
    deeds = [
        Deed(
            Actor("channel", one.notice.channel_id),
            f"payment.{one.verdict}",
            "order" if one.payment else "trade",
            str(one.payment.order_id) if one.payment else one.notice.trade_no[:80],
            after={
                "amount_fen": one.notice.amount_fen,
                "gateway_no": one.notice.gateway_no,
                "source": one.notice.source,
            },
            reason=one.detail,
            pool_id=one.payment.pool_id if one.payment else 0,
        )
        for one in judged
        if one.verdict is not Verdict.REPEATED
    ]
    audit.record(db, deeds, at)


def create(db: Db, new: Collection[Payment]) -> None:
    """Open payments for placed orders."""
    assert_in_transaction(db)
    if new:
        store.create(db, list(new))
