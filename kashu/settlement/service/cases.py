"""A case on somebody's desk: handed on, resolved with its posting, taken back. Each is a deed in the trail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from kashu import audit, ledger, payments, sales
from kashu.audit import Actor, Approval, ApprovalRefusal, Deed
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.events import Fact, tell
from kashu.kernel.ids import new_id
from kashu.kernel.text import canonical_json
from kashu.ledger import REFUND_CLEARING, Posting
from kashu.payments import Judged, Notice, Refund, Verdict
from kashu.settlement import rules, store
from kashu.settlement.types import CASE, Case, CaseRefusal

ACT = "case.resolve"
NOTE_CHARS_MAX = 200
Done = tuple[str, UUID | None]  # the resolution and its reason in the books


def assign(db: Db, actor: Actor, case_id: UUID, owner: str, due_at: datetime, at: datetime) -> Case | CaseRefusal:
    """Hand a case to somebody, with a deadline."""
    assert_in_transaction(db)
    before = store.case(db, case_id, lock=True)
    if before is None:
        return CaseRefusal.NO_SUCH_CASE
    if store.assign(db, case_id, owner, due_at) == 0:
        return CaseRefusal.NOT_OPEN
    told = ({"owner": before.owner, "due_at": before.due_at}, {"owner": owner, "due_at": due_at})
    audit.record(db, [Deed(actor, "case.assign", "case", str(case_id), *told)], at)
    return replace(before, owner=owner, due_at=due_at)


def resolve(db: Db, actor: Actor, case_id: UUID, resolution: str, note: str, at: datetime) -> Case | CaseRefusal:
    """Resolve a case as one person may; what takes two is asked for (`ask_resolution`)."""
    assert_in_transaction(db)
    found = _fit(db, case_id, resolution)
    if isinstance(found, CaseRefusal):
        return found
    if _needs_two(db, found, resolution):
        return CaseRefusal.NEEDS_SECOND
    return _carry_out(db, actor, found, resolution, note, at)


def ask_resolution(
    db: Db, actor: Actor, case_id: UUID, told: tuple[str, str], *, solo_wait_seconds: int | None, at: datetime
) -> Approval | CaseRefusal | ApprovalRefusal:
    """Ask for (resolution, note) where two persons are needed."""
    assert_in_transaction(db)
    resolution, note = told
    found = _fit(db, case_id, resolution)
    if isinstance(found, CaseRefusal):
        return found
    if not _needs_two(db, found, resolution):
        return CaseRefusal.NEEDS_NO_SECOND
    body = {"resolution": resolution, "note": note[:NOTE_CHARS_MAX], "fen": found.difference_fen}
    return audit.ask(
        db, actor, ACT, ("case", str(case_id)), body, reason=note[:NOTE_CHARS_MAX],
        solo_wait_seconds=solo_wait_seconds, at=at,
    )  # fmt: skip


def confirm_resolution(
    db: Db, actor: Actor, case_id: UUID, approval_id: UUID, at: datetime, *, is_alone: bool
) -> Case | CaseRefusal | ApprovalRefusal:
    """The second person's yes: the case is resolved in the same transaction."""
    assert_in_transaction(db)
    asked = next((one for one in audit.open_approvals(db) if one.id == approval_id), None)
    if asked is None or (asked.act, asked.object_id) != (ACT, str(case_id)):
        return ApprovalRefusal.GONE
    found = _fit(db, case_id, str(asked.body["resolution"]))
    if isinstance(found, CaseRefusal):
        return found
    if found.difference_fen != asked.body["fen"]:  # what was agreed to is not what there is
        return CaseRefusal.NOT_FOR_THIS
    yes = audit.confirm(db, actor, approval_id, at, is_alone=is_alone)
    if isinstance(yes, ApprovalRefusal):
        return yes
    answer = _carry_out(db, actor, found, str(yes.body["resolution"]), str(yes.body["note"]), at)
    audit.finish(db, approval_id, at)
    return answer


def cancel_resolution(db: Db, actor: Actor, case_id: UUID, approval_id: UUID, at: datetime) -> ApprovalRefusal | None:
    """Take the wish back while it waits."""
    assert_in_transaction(db)
    asked = next((one for one in audit.open_approvals(db) if one.id == approval_id), None)
    if asked is None or (asked.act, asked.object_id) != (ACT, str(case_id)):
        return ApprovalRefusal.GONE
    return audit.cancel(db, actor, approval_id, at)


def reverse(db: Db, actor: Actor, case_id: UUID, note: str, at: datetime) -> Case | CaseRefusal:
    """Take a resolution back: its posting with the sides exchanged, and the case is open again."""
    assert_in_transaction(db)
    found = store.case(db, case_id, lock=True)
    if found is None:
        return CaseRefusal.NO_SUCH_CASE
    if found.state != "resolved":
        return CaseRefusal.NOT_RESOLVED
    kind = rules.RESOLUTIONS.get(found.resolution)
    if kind is None or kind.is_final:
        return CaseRefusal.NOT_REVERSIBLE
    if found.reason_id is not None:
        accounts = _accounts(db, found, found.resolution)
        ledger.post(db, rules.postings(found, found.resolution, accounts, found.reason_id, back=True), at)
    CASE.check("resolved", "open")
    store.move_case(db, case_id, "resolved", "open", ("", note[:NOTE_CHARS_MAX], None, ""), at)
    told = ({"resolution": found.resolution, "reason_id": found.reason_id}, {"state": "open"})
    audit.record(db, [Deed(actor, "case.reverse", "case", str(case_id), *told, note[:NOTE_CHARS_MAX])], at)
    again = store.case(db, case_id)
    assert again is not None
    return again


def _fit(db: Db, case_id: UUID, resolution: str) -> Case | CaseRefusal:
    """The case, locked, if it can end that way."""
    found = store.case(db, case_id, lock=True)
    if found is None:
        return CaseRefusal.NO_SUCH_CASE
    if found.state != "open":
        return CaseRefusal.NOT_OPEN
    kind = rules.RESOLUTIONS.get(resolution)
    if kind is None or found.kind not in kind.kinds:
        return CaseRefusal.NOT_FOR_THIS
    return found


def _needs_two(db: Db, case: Case, resolution: str) -> bool:
    bill = store.bill(db, case.bill_id)
    assert bill is not None
    return rules.needs_two(resolution, bill.source)


def _carry_out(db: Db, actor: Actor, case: Case, resolution: str, note: str, at: datetime) -> Case | CaseRefusal:
    if resolution == "settled":
        done: Done | CaseRefusal = _settle(db, case, at)
    elif resolution == "refunded":
        done = _send_back(db, case, at)
    elif rules.RESOLUTIONS[resolution].account is None:
        done = resolution, None
    else:
        done = resolution, new_id()
        ledger.post(db, rules.postings(case, resolution, _accounts(db, case, resolution), done[1] or case.id), at)
    if isinstance(done, CaseRefusal):
        return done
    CASE.check("open", "resolved")
    tidy = note[:NOTE_CHARS_MAX]
    store.move_case(db, case.id, "open", "resolved", (resolution, tidy, done[1], actor.name), at)
    after = {"resolution": resolution, "fen": case.difference_fen, "reason_id": done[1]}
    deed = Deed(actor, "case.resolve", "case", str(case.id), {"state": "open"}, after, tidy)
    audit.record(db, [deed], at)
    again = store.case(db, case.id)
    assert again is not None
    return again


def _settle(db: Db, case: Case, at: datetime) -> Done | CaseRefusal:
    """What the channel's bill says is taken as its answer to a query would be."""
    if case.line_kind == "refund":
        return _settle_refund(db, case, at)
    notice = _notice(db, case)
    if payments.judge(db, [notice])[0].verdict is Verdict.QUARANTINED:
        return CaseRefusal.QUARANTINED
    [verdict] = sales.settle(db, [notice], at)
    assert verdict is not Verdict.QUARANTINED, "judged a moment ago"
    return "settled", case.order_id


def _settle_refund(db: Db, case: Case, at: datetime) -> Done | CaseRefusal:
    refund = None if case.refund_id is None else payments.refund(db, case.pool_id, case.refund_id)
    if refund is None:
        return CaseRefusal.NOT_ALL_KNOWN
    if refund.state not in ("requested", "unknown") or -refund.amount_fen != case.theirs_fen:
        return CaseRefusal.NOT_FOR_THIS
    sales.refunded(db, case.pool_id, refund.id, at)
    return "settled", refund.id


def _send_back(db: Db, case: Case, at: datetime) -> Done | CaseRefusal:
    """Suspense first, then a refund by the original route against it. A notice that comes after all is a repeated one."""
    if case.payment_id is None or case.order_id is None or case.line_kind != "payment":
        return CaseRefusal.NOT_ALL_KNOWN
    notice, amount_fen = _notice(db, case), case.theirs_fen or 0
    payment = payments.find(db, notice)
    if payment is None:
        return CaseRefusal.NOT_ALL_KNOWN
    if amount_fen > payment.amount_fen:  # no more goes back than a payment's amount; the rest stays a suspense
        return CaseRefusal.TOO_MUCH
    if payments.judge(db, [notice])[0].verdict is Verdict.REPEATED:
        return CaseRefusal.NOT_FOR_THIS
    reason_id, (channel, suspense) = new_id(), _accounts(db, case, "refunded")
    ledger.post(db, rules.postings(case, "refunded", (channel, suspense), reason_id), at)
    told = Judged(notice, Verdict.PAID_TWICE, payment, "sent back from reconciliation")
    audit.record(db, payments.keep(db, [told], at), at)
    refund = Refund(
        case.pool_id, new_id(), payment.id, case.order_id, case.gateway_no, amount_fen, "reconciliation", "requested",
        0, at, None, "",
    )  # fmt: skip
    payments.request_refunds(db, [refund], {payment.id: payment})
    sides: Mapping[int, int] = {suspense: -amount_fen, REFUND_CLEARING: amount_fen}
    ledger.post(
        db, [Posting(case.pool_id, refund.id, "refund_requested", one, fen) for one, fen in sides.items()], at
    )  # fmt: skip
    tell(db, [Fact("refund.send", {"pool_id": refund.pool_id, "refund_id": refund.id}, refund.pool_id)], at)
    return "refunded", reason_id


def _notice(db: Db, case: Case) -> Notice:
    assert case.theirs_fen is not None
    channel = payments.channels(db)[case.channel_id]
    told = {"bill": case.bill_id, "day": case.day, "line": case.line_no, "fen": case.theirs_fen}
    return Notice(
        case.channel_id, f"bill:{case.id}", case.trade_no, case.gateway_no, case.theirs_fen, "CNY", channel.merchant,
        case.at, canonical_json(told).encode(), "query", app_id=channel.app_id,
    )  # fmt: skip


def _accounts(db: Db, case: Case, resolution: str) -> tuple[int, int]:
    """The channel's account, and the one against which it is moved."""
    account = rules.RESOLUTIONS[resolution].account
    assert account is not None
    code, kind, name = account
    counter = ledger.account(db, code.format(case.channel_id), kind, name.format(case.channel_id))
    return sales.psp_account(db, case.channel_id), counter
