from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.kernel.text import canonical_json
from kashu.messages import rules, store
from kashu.messages.types import (
    CHANNEL_OF,
    PURPOSES,
    Answer,
    Arrival,
    Draft,
    Errand,
    Fault,
    Message,
    MessageRefusal,
    Outcome,
    Receipt,
    Sender,
    Template,
    Try,
)

ASK_GAPS_SECONDS = (30, 120, 600, 3_600, 21_600)  # asked about so long after it was sent, and after each asking
KEPT_DAYS = 7
FORGET_MAX = 500


def write(db: Db, ring: Keyring, drafts: Sequence[Draft], at: datetime) -> list[UUID]:
    """Write messages down, each for its purpose about its thing once for ever, and have them sent. Says which are new."""
    assert_in_transaction(db)
    written = []
    for draft in drafts:
        purpose, message_id = PURPOSES[draft.purpose], new_id()
        sealed = ring.seal_personal(canonical_json([draft.to, dict(draft.values)]), _place(message_id))
        kind = "phone" if purpose.channel == "sms" else "mail"
        message = Message(
            message_id, draft.purpose, draft.about, purpose.channel, sealed, ring.identity(kind, draft.to),
            rules.mask(purpose.channel, draft.to), dict(draft.refs), "queued", 0, None, "", draft.since or at, at,
            draft.expires_at or at + timedelta(seconds=purpose.keep_seconds), None, None, None, "",
        )  # fmt: skip
        if store.add(db, message):
            written.append(message_id)
    tell(db, [_send(one) for one in written], at)
    return written


def take(db: Db, ring: Keyring, message_id: UUID, at: datetime) -> Errand | None:
    """Give a message to the next sender: note it, and say what to bring. None: nothing to bring now.

    From here on its outcome is `unknown`. Whoever takes it must call the vendor and say `answered`; whoever dies in
    between leaves a message that is asked about, and is not sent a second time by chance.
    """
    assert_in_transaction(db)
    found = store.message(db, message_id)
    if found is None or found.state != "queued":
        return None
    store.lock_number(db, found.to_identity, at)
    message = store.message(db, message_id, lock=True)
    if message is None or message.state != "queued":
        return None
    if at >= message.expires_at:
        _end(db, message, "expired")
        return None
    to, values = json.loads(ring.open_personal(message.sealed, _place(message_id)))
    tries = store.tries(db, message_id)
    senders = [one for one in store.senders(db) if one.is_open and one.channel == message.channel]
    choice = rules.choose(senders, store.templates(db, message.purpose), tries, values)
    if choice is None:
        _end(db, message, tries[-1].trouble if tries else "no sender has a template for it")
        return None
    wait = choice.not_before if choice.not_before is not None and choice.not_before > at else _room(db, message, at)
    if wait is not None:
        if wait >= message.expires_at:
            _end(db, message, message.trouble or "limit")
        else:
            store.note(db, message_id, message.trouble or "limit")
            tell(db, [_send(message_id, wait)], at)
        return None
    number = message.tries + 1
    store.add_try(db, Try(message_id, number, choice.sender.id, "unknown", "", at, None, ""))
    assert store.take(db, message_id, choice.sender.id, number, at) == 1, "a queued message is taken once"
    tell(db, [_ask(message_id, number, 0, at)], at)
    taken = replace(message, state="unknown", sender_id=choice.sender.id, tries=number)
    return Errand(taken, number, choice.sender, choice.template, to, values, at)


def errand(db: Db, ring: Keyring, message_id: UUID, number: int) -> Errand | None:
    """A try again, to ask about it; None when the message has moved on, or there is nothing left to learn."""
    assert_in_transaction(db)
    message = store.message(db, message_id)
    if message is None or message.tries != number or message.state not in ("unknown", "sent") or not message.sealed:
        return None
    assert message.sender_id is not None, "a taken message has a sender"
    tried, sender = store.tries(db, message_id)[number - 1], store.sender(db, message.sender_id)
    template = store.latest_template(db, tried.sender_id, message.purpose)  # it may have been withdrawn since
    if sender is None or template is None:
        return None
    to, values = json.loads(ring.open_personal(message.sealed, _place(message_id)))
    return Errand(message, number, sender, template, to, values, tried.asked_at)


def answered(db: Db, told: Errand, answer: Answer, at: datetime) -> Arrival | None:
    """What the vendor said to the call. A definite no goes to the next sender; no word at all goes to nobody yet."""
    assert_in_transaction(db)
    message = store.lock_messages(db, [told.message.id])[told.message.id]
    tried = store.tries(db, message.id)[told.number - 1]
    if tried.state not in ("unknown", "taken"):
        return None  # a receipt was quicker
    state = "unknown" if answer.outcome is Outcome.UNKNOWN else answer.outcome.value
    tried = replace(tried, state=state, vendor_no=answer.vendor_no, answered_at=at, trouble=answer.trouble)
    early = store.receipt_of(db, tried.sender_id, answer.vendor_no) if answer.vendor_no else None
    if early is not None:
        tried = replace(tried, state="arrived" if early.has_arrived else "failed", trouble=early.code)
        answer = Answer(Outcome(tried.state), answer.vendor_no, early.code, early.at)
    store.settle_try(db, tried)
    if message.tries != told.number or message.state not in ("unknown", "sent"):
        return _arrived(db, message, tried, answer.at or at) if answer.outcome is Outcome.ARRIVED else None
    return _after(db, message, tried, answer, at)


def asked(db: Db, told: Errand, answer: Answer, turn: int, at: datetime) -> Arrival | None:
    """What the vendor said when it was asked. Its silence goes to another sender only where a second copy is harmless."""
    assert_in_transaction(db)
    found = store.message(db, told.message.id)
    is_open = found is not None and found.tries == told.number and found.state in ("unknown", "sent")
    if not is_open:
        return None
    if found is not None and found.state == "sent" and answer.outcome is Outcome.REFUSED:
        answer = replace(answer, outcome=Outcome.UNKNOWN)  # it said that it took it: a missing record unsays nothing
    if answer.outcome is not Outcome.UNKNOWN:
        if answer.outcome is Outcome.TAKEN:
            _ask_again(db, told, turn, at)
        return answered(db, told, answer, at)
    message = store.lock_messages(db, [told.message.id])[told.message.id]
    if message.state == "unknown" and rules.may_double(PURPOSES[message.purpose], told.asked_at, at):
        store.move(db, message, "queued", {"trouble": "no word from the last sender"})
        tell(db, [_send(message.id)], at)
        return None
    _ask_again(db, told, turn, at)
    return None


def give_up(db: Db, told: Errand, why: str, at: datetime) -> None:
    """It is not brought after all, and the vendor was not called."""
    assert_in_transaction(db)
    message = store.lock_messages(db, [told.message.id])[told.message.id]
    tried = store.tries(db, message.id)[told.number - 1]
    store.settle_try(db, replace(tried, state="refused", answered_at=at, trouble=why))
    assert store.move(db, message, "refused", {"trouble": why}) == 1, "nobody else has it"


def take_receipts(db: Db, sender_id: str, told: Sequence[Receipt], at: datetime) -> list[Arrival]:
    """What a vendor says later. Told twice it changes nothing; an arrival stands against any failure, early or late."""
    assert_in_transaction(db)
    store.keep_receipts(db, sender_id, told, at)
    spoken_of = store.tries_told(db, sender_id, told)
    messages = store.lock_messages(db, {tried.message_id for tried in spoken_of.values()})
    arrivals = []
    for place, receipt in enumerate(told):
        if place not in spoken_of:
            continue
        # Read again under the lock: an earlier receipt of this batch, or the answer to the call, may have moved them.
        number, message_id = spoken_of[place].number, spoken_of[place].message_id
        tried, message = store.tries(db, message_id)[number - 1], messages[message_id]
        state = "arrived" if receipt.has_arrived else "failed"
        if tried.state in ("arrived", state):
            continue
        tried = replace(tried, state=state, vendor_no=receipt.vendor_no, answered_at=at, trouble=receipt.code)
        store.settle_try(db, tried)
        if receipt.has_arrived:
            found = _arrived(db, message, tried, receipt.at)
        elif message.tries == tried.number and message.state in ("unknown", "sent"):
            found = _after(db, message, tried, Answer(Outcome.FAILED, receipt.vendor_no, receipt.code), at)
        else:
            found = None
        arrivals += [found] if found is not None else []
        fresh = store.message(db, message_id)
        assert fresh is not None
        messages[message_id] = fresh
    return arrivals


def forget(db: Db, at: datetime) -> int:
    """Numbers and values are kept a week; of the message remains what was sent when, to whose end of a number."""
    assert_in_transaction(db)
    store.forget_numbers(db, at - timedelta(seconds=2 * rules.WINDOW_SECONDS))
    return store.forget(db, at - timedelta(days=KEPT_DAYS), FORGET_MAX)


def carriers(db: Db, purpose: str) -> list[Template]:
    """The templates by which open senders would bring this."""
    return store.templates(db, purpose)


def set_sender(db: Db, ring: Keyring, actor: Actor, told: Sender, secret: str, at: datetime) -> MessageRefusal | None:
    """Open an account at a vendor, or change it; an empty secret keeps the one it has."""
    assert_in_transaction(db)
    before = store.sender(db, told.id)
    if CHANNEL_OF.get(told.kind, told.channel) != told.channel or (before is not None and before.kind != told.kind):
        return MessageRefusal.WRONG_CHANNEL
    sealed = before.sealed_secret if before is not None else b""
    if secret:
        sealed = ring.seal_personal(secret, f"message sender {told.id}")
    store.keep_sender(db, replace(told, sealed_secret=sealed))
    names = ("kind", "title", "sign_name", "endpoint", "region", "app", "key_id", "place", "is_open")
    shown = [None if one is None else {name: getattr(one, name) for name in names} for one in (before, told)]
    deed = Deed(actor, "message_sender.set", "message_sender", told.id, before=shown[0], after=shown[1])
    audit.record(db, [deed], at)
    return None


def add_template(db: Db, actor: Actor, told: Template, at: datetime) -> int | list[Fault] | MessageRefusal:
    """Use a text from now on, in the place of the one in use. What the linter has against it is the answer."""
    assert_in_transaction(db)
    sender = store.sender(db, told.sender_id)
    if sender is None:
        return MessageRefusal.NO_SUCH_SENDER
    faults = rules.lint(sender.kind, sender.sign_name, told)
    if faults:
        return faults
    if PURPOSES[told.purpose].channel != sender.channel:
        return MessageRefusal.WRONG_CHANNEL
    store.withdraw_templates(db, told.sender_id, told.purpose)
    template_id = store.add_template(db, told, at)
    after = {"sender": told.sender_id, "purpose": told.purpose, "template": told.template_id, "text": told.text}
    audit.record(db, [Deed(actor, "message_template.add", "message_template", str(template_id), after=after)], at)
    return template_id


def withdraw_template(db: Db, actor: Actor, template_id: int, at: datetime) -> MessageRefusal | None:
    """Use a text no more."""
    assert_in_transaction(db)
    found = store.template(db, template_id)
    if found is None or found.state != "approved":
        return MessageRefusal.NO_SUCH_TEMPLATE
    assert store.withdraw_templates(db, found.sender_id, found.purpose) == 1, "locked"
    audit.record(db, [Deed(actor, "message_template.withdraw", "message_template", str(template_id))], at)
    return None


def open_sandbox(db: Db, ring: Keyring, actor: Actor, site: str, at: datetime) -> None:
    """For development: where there is no sender at all, the sandbox's box is one, for phones and for mail."""
    assert_in_transaction(db)
    if store.senders(db):
        return
    for channel in ("sms", "mail"):
        told = Sender(f"sandbox-{channel}", "sandbox", channel, "沙箱", "卡枢", "", "", "", "", b"", 100, True)
        assert set_sender(db, ring, actor, told, "", at) is None, "a new sender fits"
    for one in rules.sandbox_templates(site):
        assert isinstance(add_template(db, actor, one, at), int), "our own texts pass our own linter"


def _room(db: Db, message: Message, at: datetime) -> datetime | None:
    """When the number may get this message; None says now. One that was counted is not counted again."""
    if message.channel != "sms" or message.taken_at is not None:
        return None
    taken = store.taken_since(db, message.to_identity, at - timedelta(seconds=rules.WINDOW_SECONDS))
    return rules.free_at(PURPOSES[message.purpose], taken, at)


def _after(db: Db, message: Message, tried: Try, answer: Answer, at: datetime) -> Arrival | None:
    """Move a message by what became of its last try."""
    if answer.outcome is Outcome.ARRIVED:
        return _arrived(db, message, tried, answer.at or at)
    if answer.outcome is Outcome.TAKEN:
        if message.state == "unknown":
            store.move(db, message, "sent", {"vendor_no": tried.vendor_no, "sent_at": at, "trouble": ""})
    elif answer.outcome is Outcome.UNKNOWN:
        store.note(db, message.id, answer.trouble)
    elif answer.is_final:
        _end(db, message, answer.trouble)
    else:
        store.move(db, message, "queued", {"trouble": answer.trouble})
        tell(db, [_send(message.id)], at)
    return None


def _arrived(db: Db, message: Message, tried: Try, when: datetime) -> Arrival | None:
    if message.state == "arrived":
        return None
    rules.MESSAGE.check(message.state, "arrived")
    told = {"arrived_at": when, "trouble": "", "vendor_no": tried.vendor_no, "sender_id": tried.sender_id}
    if message.sent_at is None:
        told["sent_at"] = tried.asked_at
    assert store.move(db, message, "arrived", told) == 1, "locked"
    sender = store.sender(db, tried.sender_id)
    assert sender is not None
    return Arrival(sender.kind, max(0.0, (when - message.since).total_seconds()))


def _end(db: Db, message: Message, why: str) -> None:
    """Nobody brings it: it failed where somebody had taken it, and was refused where nobody had."""
    had_it = any(one.state != "refused" for one in store.tries(db, message.id))
    after = "failed" if had_it else "refused"
    rules.MESSAGE.check(message.state, after)
    assert store.move(db, message, after, {"trouble": why[:200]}) == 1, "locked"


def _ask_again(db: Db, told: Errand, turn: int, at: datetime) -> None:
    if turn + 1 < len(ASK_GAPS_SECONDS):
        tell(db, [_ask(told.message.id, told.number, turn + 1, at)], at)


def _send(message_id: UUID, due_at: datetime | None = None) -> Fact:
    return Fact("message.send", {"message_id": message_id}, due_at=due_at)


def _ask(message_id: UUID, number: int, turn: int, at: datetime) -> Fact:
    due_at = at + timedelta(seconds=ASK_GAPS_SECONDS[turn])
    return Fact("message.ask", {"message_id": message_id, "number": number, "turn": turn}, due_at=due_at)


def _place(message_id: UUID) -> str:
    return f"message {message_id}"
