"""Reports to authorities (C-11, C-12): a file that was made is a file; the duty is done when it was sent and taken."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kashu import audit
from kashu.audit import Actor, Deed
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.ids import new_id
from kashu.kernel.seal import Keyring
from kashu.party import store
from kashu.party.service.moves import record
from kashu.party.store import reports
from kashu.party.store.reports import exemption, first_supplier_at, report, report_sent, waits
from kashu.party.store.reports import reports as every
from kashu.party.types import SupplierRefusal
from kashu.party.types.suppliers import Report

__all__ = [
    "GROUNDS",
    "Report",
    "declare_exempt",
    "every",
    "exemption",
    "first_supplier_at",
    "keep",
    "note_sent",
    "number_of_head",
    "report",
    "report_sent",
    "waits",
]

GROUNDS = {
    "farm": "个人销售自产农副产品",
    "craft": "个人销售家庭手工业产品",
    "labour": "个人利用自己的技能从事依法无须取得许可的便民劳务活动",
    "petty": "个人从事零星小额交易活动（年交易额累计不超过 10 万元）",
    "law": "依照法律、行政法规不需要办理市场主体登记",
}  # ECOM §10, NETTRADE §8
SENT_CHARS_MAX = 200


def keep(db: Db, actor: Actor, kind: str, period: str, told: tuple[int, str], at: datetime) -> Report:
    """Note that a file was made, (rows, hash): what was in it is told by its hash."""
    assert_in_transaction(db)
    made = Report(new_id(), kind, period, *told, actor.name, at)
    reports.add_report(db, made)
    after = {"kind": kind, "period": period, "rows": made.rows, "sha256": made.sha256}
    audit.record(db, [Deed(actor, "report.made", "report", str(made.id), after=after)], at)
    return made


def note_sent(
    db: Db, actor: Actor, report_id: UUID, authority: str, receipt: str, at: datetime
) -> Report | SupplierRefusal:
    """Note that a file was sent: to whom, and what they gave for it. Without a receipt it was not (C-11)."""
    assert_in_transaction(db)
    if report(db, report_id) is None:
        return SupplierRefusal.GONE
    if not authority or not receipt or max(len(authority), len(receipt)) > SENT_CHARS_MAX:
        return SupplierRefusal.NO_REASON
    if not reports.add_sent(db, report_id, (authority, receipt), actor.name, at):
        return SupplierRefusal.GONE
    after = {"authority": authority, "receipt": receipt}
    audit.record(db, [Deed(actor, "report.sent", "report", str(report_id), after=after)], at)
    found = report(db, report_id)
    assert found is not None
    return found


def declare_exempt(db: Db, actor: Actor, party_id: int, ground: str, at: datetime) -> SupplierRefusal | None:
    """A seller who is not registered declares why they need not be (ECOM §10)."""
    assert_in_transaction(db)
    found = store.supplier(db, party_id, lock=True)
    if found is None or found.is_registered:
        return SupplierRefusal.WRONG_STATE
    if ground not in GROUNDS:
        return SupplierRefusal.NO_REASON
    reports.add_exemption(db, party_id, ground, actor.name, at)
    record(db, actor, "supplier.exempt", party_id, None, {"ground": ground}, ("", ""), at)
    return None


def number_of_head(db: Db, ring: Keyring, actor: Actor, party_id: int, reason: str, at: datetime) -> str:
    """The ID number of who stands behind a seller without registration, for a report; the trail has it first (C-52)."""
    assert_in_transaction(db)
    head = next((one for one in store.principals(db, party_id) if one.role == "legal_representative"), None)
    if head is None:
        return ""
    told = {"principal": str(head.id)}
    audit.record(db, [Deed(actor, "supplier.principal.show", "party", str(party_id), after=told, reason=reason)], at)
    return ring.open_personal(head.id_number, f"principal {head.id}")
