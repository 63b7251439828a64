"""SQL of reports to authorities: made, sent; and of why a seller need not register."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from kashu.kernel.db import Db, one, rows, run, value
from kashu.party.types.suppliers import Report

REPORT = """
SELECT made.id, made.kind, made.period, made.rows, made.sha256, made.made_by, made.made_at,
       coalesce(sent.authority, '') AS authority, coalesce(sent.receipt, '') AS receipt,
       coalesce(sent.sent_by, '') AS sent_by, sent.sent_at
FROM party_report AS made LEFT JOIN party_report_sent AS sent ON sent.report_id = made.id
"""


def reports(db: Db, most: int) -> list[Report]:
    """Those that were made, the newest first."""
    return rows(db, Report, f"{REPORT} ORDER BY made.made_at DESC, made.id DESC LIMIT %s", [most])


def report(db: Db, report_id: UUID) -> Report | None:
    return one(db, Report, f"{REPORT} WHERE made.id = %s", [report_id])


def report_sent(db: Db, kind: str, period: str) -> datetime | None:
    """When the report of a period was first sent; None while it was not, however often it was made."""
    sql = """
    SELECT min(sent.sent_at) FROM party_report AS made JOIN party_report_sent AS sent ON sent.report_id = made.id
    WHERE made.kind = %s AND made.period = %s
    """
    found: datetime | None = value(db, sql, [kind, period])
    return found


def add_report(db: Db, new: Report) -> None:
    sql = "INSERT INTO party_report (id, kind, period, rows, sha256, made_by, made_at) VALUES (%s, %s, %s, %s, %s, %s, %s)"
    run(db, sql, [new.id, new.kind, new.period, new.rows, new.sha256, new.made_by, new.made_at])


def add_sent(db: Db, report_id: UUID, told: tuple[str, str], by: str, at: datetime) -> bool:
    """`told` is the authority and its receipt; False where this file was noted as sent already."""
    sql = """
    INSERT INTO party_report_sent (report_id, authority, receipt, sent_by, sent_at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
    """
    return run(db, sql, [report_id, *told, by, at]) == 1


def first_supplier_at(db: Db) -> datetime | None:
    """When the first supplier came: there is nothing to report of before."""
    found: datetime | None = value(db, "SELECT min(applied_at) FROM party_supplier WHERE state <> 'applied'")
    return found


def add_exemption(db: Db, party_id: int, ground: str, by: str, at: datetime) -> None:
    sql = "INSERT INTO party_exemption (party_id, ground, declared_by, declared_at) VALUES (%s, %s, %s, %s)"
    run(db, sql, [party_id, ground, by, at])


def exemption(db: Db, party_id: int) -> tuple[str, datetime] | None:
    """What a seller last declared, and when."""
    sql = "SELECT ground, declared_at FROM party_exemption WHERE party_id = %s ORDER BY declared_at DESC LIMIT 1"
    return db.execute(sql, [party_id]).fetchone()  # type: ignore[return-value]  # two columns


def waits(db: Db, today: date, soon: date) -> list[tuple[str, int, int]]:
    """What waits for somebody, (name, how much, how much of it is late): hits on lists, appeals, blacklistings that the
    province was not told of, and verifications that are due by a day (C-10, as sales ask it: `compliance`)."""
    sql = """
    SELECT 'hits', count(*)::int, 0 FROM party_hit WHERE state = 'open'
    UNION ALL SELECT 'appeals', count(*)::int, 0 FROM party_appeal WHERE state = 'open'
    UNION ALL SELECT 'blacklisted', count(*)::int, 0 FROM party_sanction
    WHERE grade = 'blacklist' AND state = 'in_force' AND reported_at IS NULL
    UNION ALL SELECT 'reverify', count(*) FILTER (WHERE due_on < %s)::int, count(*) FILTER (WHERE due_on < %s)::int FROM (
        SELECT ((verified_at AT TIME ZONE 'Asia/Shanghai')::date + interval '6 months')::date AS due_on
        FROM party_supplier WHERE state IN ('active', 'restricted', 'suspended')) AS verified
    """
    return db.execute(sql, [soon, today]).fetchall()  # type: ignore[return-value]  # three columns
