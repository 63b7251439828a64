from __future__ import annotations

import base64
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.kernel import rsa
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import pool_of
from kashu.kernel.seal import Keyring
from kashu.payments import rules, store
from kashu.payments.types import Channel, ChannelRefusal, Judged, Key, NewKey, Notice, Payment, Refund, Verdict

TOLD = (
    "kind", "title", "payee", "merchant", "app_id", "gateway", "methods", "weight", "amount_fen_min", "amount_fen_max",
    "day_fen_max", "confirm_fen", "is_open",
)  # fmt: skip
SERIAL_CHARS_MAX = 128

OTHER_TRADE = "the gateway's number belongs to another trade"
OPEN_KEY_CHARS, OPEN_KEY_BASE64_CHARS = 32, 44  # the latter is Douyin Pay's other form (E.3)
APP_SECRET_CHARS_MAX = 64
TAKEN_SLOTS = 16


def set_channel(db: Db, actor: Actor, channel: Channel, at: datetime) -> ChannelRefusal | None:
    """Set a channel up, or change it. What is open has to have its keys; they are added before."""
    assert_in_transaction(db)
    if channel.kind not in rules.KINDS:
        return ChannelRefusal.NO_SUCH_KIND
    known = store.channels(db).get(channel.id)
    if known is not None and known.kind != channel.kind:
        return ChannelRefusal.OTHER_KIND
    is_other = known is not None and (known.merchant, known.app_id) != (channel.merchant, channel.app_id)
    if is_other and store.is_used(db, channel.id):
        return ChannelRefusal.IN_USE
    if known is not None:
        signs, verifies = known.sign_serial, known.verify_serial
        channel = replace(channel, keys=known.keys, sign_serial=signs, verify_serial=verifies)
    if channel.is_open and not _is_whole(channel, at):
        return ChannelRefusal.WITHOUT_KEYS
    store.keep_channel(db, channel)
    after = {name: getattr(channel, name) for name in TOLD}
    audit.record(db, [Deed(actor, "channel.set", "channel", channel.id, after=after)], at)
    return None


def add_key(db: Db, ring: Keyring, actor: Actor, channel_id: str, new: NewKey, at: datetime) -> ChannelRefusal | None:
    """Add a key to a channel. A new key of ours to sign with is the one that signs from now on; older ones stay."""
    assert_in_transaction(db)
    channel = store.channels(db).get(channel_id)
    if channel is None:
        return ChannelRefusal.NO_SUCH_CHANNEL
    if not _can_be(channel.kind, new):
        return ChannelRefusal.NOT_A_KEY
    public, sealed = (
        (new.text, b"") if new.use == "verify" else ("", ring.seal_personal(new.text, f"channel {channel_id}"))
    )
    store.keep_key(db, Key(channel_id, new.use, new.serial, public, sealed, at, None))
    if new.use in ("sign", "verify"):
        store.use_key(db, channel_id, new.use, new.serial)
    told = {"use": new.use, "serial": new.serial}
    audit.record(db, [Deed(actor, "channel.key_added", "channel", channel_id, after=told)], at)
    return None


def use_key(db: Db, actor: Actor, channel_id: str, use: str, serial: str, at: datetime) -> ChannelRefusal | None:
    """Go back to another key that is in force: to sign with, or as the one of theirs that calls name."""
    assert_in_transaction(db)
    channel = store.channels(db).get(channel_id)
    if channel is None:
        return ChannelRefusal.NO_SUCH_CHANNEL
    if use not in ("sign", "verify") or serial not in {one.serial for one in channel.keys_for(use, at)}:
        return ChannelRefusal.NO_SUCH_KEY
    store.use_key(db, channel_id, use, serial)
    told = {"use": use, "serial": serial}
    audit.record(db, [Deed(actor, "channel.key_used", "channel", channel_id, after=told)], at)
    return None


def end_key(db: Db, actor: Actor, channel_id: str, use: str, serial: str, at: datetime) -> ChannelRefusal | None:
    """A key is believed no longer. The one that is in use cannot end: another has to take its place first."""
    assert_in_transaction(db)
    channel = store.channels(db).get(channel_id)
    if channel is None:
        return ChannelRefusal.NO_SUCH_CHANNEL
    in_use = {"sign": channel.sign_serial, "verify": channel.verify_serial}.get(use)
    if in_use == serial or (use == "open" and len(channel.keys_for("open", at)) < 2):
        return ChannelRefusal.KEY_IN_USE
    if not store.end_key(db, channel_id, use, serial, at):
        return ChannelRefusal.NO_SUCH_KEY
    told = {"use": use, "serial": serial}
    audit.record(db, [Deed(actor, "channel.key_ended", "channel", channel_id, after=told)], at)
    return None


def _can_be(kind: str, new: NewKey) -> bool:
    if len(new.serial) > SERIAL_CHARS_MAX:
        return False
    try:
        if new.use == "sign":
            rsa.private(new.text)
        elif new.use == "verify":
            rsa.public(new.text)
        elif new.use == "open":
            key = new.text.encode()
            in_base64 = kind == "douyin" and len(key) == OPEN_KEY_BASE64_CHARS
            return len(base64.b64decode(key, validate=True) if in_base64 else key) == OPEN_KEY_CHARS
        else:
            return new.use == "app" and 0 < len(new.text.encode()) <= APP_SECRET_CHARS_MAX
    except ValueError:
        return False
    return True


def _is_whole(channel: Channel, at: datetime) -> bool:
    """Whether a channel has every key its kind needs."""
    needed = {"sign", "verify"} if channel.kind == "alipay" else {"sign", "verify", "open"}
    if channel.kind == "wechat" and "jsapi" in channel.methods:
        needed.add("app")  # who pays inside WeChat is told by the official account only
    return bool(channel.merchant and channel.app_id) and all(channel.keys_for(use, at) for use in needed)


def find(db: Db, notice: Notice) -> Payment | None:
    """The payment this notice speaks of, locked; a trade of another channel is unknown."""
    found = store.by_trade(db, trades([notice]))
    return found[0] if found else None


def judge(db: Db, notices: Sequence[Notice]) -> list[Judged]:
    """Say what each notice means, under the locks of their orders. A notice twice in one batch counts once.

    The payments themselves are not locked: what moves beside us ends among the states that may become paid.
    """
    assert_in_transaction(db)
    found = store.standing(db, {_trace(notice): pool_of(notice.trade_no) for notice in notices})
    seen = {trace[:2] for trace, standing in found.items() if standing.is_seen}
    owners = {(channel, number): one.owner for (channel, _, number, _), one in found.items()}
    paid: dict[UUID, Payment] = {}
    judged = []
    for notice in notices:
        standing = found[_trace(notice)]
        payment = standing.payment and paid.get(standing.payment.id, standing.payment)
        verdict, detail = rules.judge(notice, replace(standing, payment=payment))
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
            number, paid_at = notice.gateway_no, notice.paid_at
            paid[payment.id] = replace(payment, state="paid", gateway_no=number, paid_at=paid_at)
    return judged


def trades(notices: Sequence[Notice]) -> set[tuple[int, str, str]]:
    """The trades (pool, channel, number) these notices speak of; a number that no pool of ours is in is none."""
    told = {(pool_of(notice.trade_no), notice.channel_id, notice.trade_no) for notice in notices}
    return {(pool, channel, trade) for pool, channel, trade in told if pool is not None}


def _trace(notice: Notice) -> store.Trace:
    return notice.channel_id, notice.event_id, notice.gateway_no, notice.trade_no


def keep(db: Db, judged: Sequence[Judged], at: datetime) -> list[Deed]:
    """Write the notices down with their verdicts, and mark what was paid, once. The deeds are the caller's to record."""
    assert_in_transaction(db)
    store.keep_events(db, judged, at)
    paid = [one for one in judged if one.verdict in (Verdict.PAID, Verdict.LATE)]
    twice = [one for one in judged if one.verdict is Verdict.PAID_TWICE]
    if paid or twice:
        store.keep_transactions(db, [*paid, *twice])
        store.note_taken(db, _taken([*paid, *twice]), os.getpid() % TAKEN_SLOTS)
    # Another payment of an order that was paid already is paid all the same, before its money goes back.
    paid += [one for one in twice if one.payment is not None and one.payment.state != "paid"]
    if paid:
        store.mark_paid(db, paid)
    return [
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


def _taken(moved: Sequence[Judged]) -> dict[tuple[str, date], tuple[int, int]]:
    told: dict[tuple[str, date], tuple[int, int]] = {}
    for one in moved:
        key = one.notice.channel_id, biz_date(one.notice.paid_at)
        times, fen = told.get(key, (0, 0))
        told[key] = times + 1, fen + one.notice.amount_fen
    return told


def request_refunds(db: Db, new: Sequence[Refund], paid: Mapping[UUID, Payment]) -> None:
    """Write down what is to go back, under numbers that stay. The caller has looked that so much is left."""
    assert_in_transaction(db)
    channels = {payment_id: one.channel_id for payment_id, one in paid.items()}
    assert store.request_refunds(db, new, channels) == len(new), "no more goes back than came"


def create(db: Db, new: Collection[Payment]) -> None:
    """Open payments for placed orders."""
    assert_in_transaction(db)
    if new:
        store.create(db, list(new))
