from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from kashu.compliance.types import Alert, Goods, Licence, Requirement
from kashu.kernel.db import Db, columns, one, rows, run, value

LICENCE = """
SELECT licence.id, licence.party_id, licence.kind, licence.number, licence.subject, licence.scope, licence.territory,
       licence.valid_from, licence.valid_to, licence.state, licence.file_sha256, licence.findings, licence.reviewed_by,
       licence.renewal_at, licence.reported_year, licence.supersedes_id, licence.made_by, licence.made_at,
       party.name AS party
FROM compliance_licence AS licence JOIN party_party AS party ON party.id = licence.party_id
"""


def goods(db: Db) -> list[Goods]:
    return rows(
        db,
        Goods,
        "SELECT code, name, class AS class_, minors, is_shut, ground FROM compliance_goods ORDER BY is_shut, code",
    )


def requirements(db: Db) -> list[Requirement]:
    sql = "SELECT goods, who, third, licence, scope, ground, is_national FROM compliance_requirement ORDER BY goods, who, licence, scope"
    return rows(db, Requirement, sql)


def licence(db: Db, licence_id: int, *, lock: bool = False) -> Licence | None:
    return one(
        db, Licence, f"{LICENCE} WHERE licence.id = %s{' FOR NO KEY UPDATE OF licence' if lock else ''}", [licence_id]
    )


def licence_of_number(db: Db, party_id: int, kind: str, number: str) -> Licence | None:
    """The verified one of that number, in its dates or out of them."""
    sql = f"{LICENCE} WHERE licence.party_id = %s AND licence.kind = %s AND licence.number = %s AND licence.state = 'verified'"
    return one(db, Licence, sql, [party_id, kind, number])


def licences(db: Db, day: date, party_id: int | None = None) -> list[Licence]:
    """Those in force on a day, of one party or of all: the platform's own first."""
    sql = f"""
    {LICENCE} WHERE licence.state = 'verified' AND %(day)s BETWEEN licence.valid_from AND licence.valid_to
      AND (%(party)s::bigint IS NULL OR licence.party_id = %(party)s)
    ORDER BY party.kind, party.id, licence.kind, licence.valid_to
    """
    return rows(db, Licence, sql, {"day": day, "party": party_id})  # type: ignore[arg-type]  # named parameters


def every_licence(db: Db, party_id: int | None, states: Sequence[str], most: int) -> list[Licence]:
    """Licences in these states, the soonest to end first."""
    sql = f"""
    {LICENCE} WHERE licence.state = ANY (%s) AND (%s::bigint IS NULL OR licence.party_id = %s)
    ORDER BY licence.valid_to, licence.id LIMIT %s
    """
    return rows(db, Licence, sql, [list(states), party_id, party_id, most])


def waiting(db: Db, party_id: int) -> int:
    """How many licences and authorisations of a party wait to be decided."""
    sql = """
    SELECT (SELECT count(*) FROM compliance_licence WHERE party_id = %s AND state = 'in_review')
         + (SELECT count(*) FROM compliance_authorisation WHERE grantee_id = %s AND state = 'in_review')
    """
    found: int = value(db, sql, [party_id, party_id])
    return found


def add_licence(db: Db, new: Licence, at: datetime) -> int | None:
    """The id, or None where the same licence waits already."""
    sql = """
    INSERT INTO compliance_licence (party_id, kind, number, subject, scope, territory, valid_from, valid_to, state,
                                    file_sha256, supersedes_id, made_by, made_at, moved_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id
    """
    told = [new.party_id, new.kind, new.number, new.subject, new.scope, new.territory, new.valid_from, new.valid_to]
    found: int | None = value(db, sql, [*told, new.state, new.file_sha256, new.supersedes_id, new.made_by, at, at])
    return found


def move_licence(db: Db, licence_id: int, before: str, after: str, at: datetime) -> None:
    sql = "UPDATE compliance_licence SET state = %s, moved_at = %s WHERE id = %s AND state = %s"
    assert run(db, sql, [after, at, licence_id, before]) == 1, "a state moves from the state it was seen in"


def note_licence(
    db: Db, licence_id: int, *, findings: Sequence[str] | None = None, reviewer: str | None = None
) -> None:
    sql = """
    UPDATE compliance_licence SET findings = coalesce(%s, findings),
        reviewed_by = CASE WHEN %s::text IS NULL THEN reviewed_by ELSE array_append(reviewed_by, %s) END
    WHERE id = %s
    """
    run(db, sql, [None if findings is None else list(findings), reviewer, reviewer, licence_id])


def note_renewal(db: Db, licence_id: int, at: datetime | None, reported_year: int | None) -> None:
    """Note that a renewal was filed, or a year's report given."""
    sql = "UPDATE compliance_licence SET renewal_at = coalesce(%s, renewal_at), reported_year = coalesce(%s, reported_year) WHERE id = %s"
    run(db, sql, [at, reported_year, licence_id])


def raise_alerts(db: Db, found: Sequence[Alert], at: datetime) -> list[Alert]:
    """Write down alerts; those that are new or have grown worse are returned."""
    sql = """
    INSERT INTO compliance_alert AS known (licence_id, what, severity, due_on, raised_at)
    SELECT licence_id, what, severity, due_on, %s
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::date[]) AS new (licence_id, what, severity, due_on)
    ORDER BY licence_id, what
    ON CONFLICT (licence_id, what) DO UPDATE SET severity = excluded.severity, raised_at = excluded.raised_at
    WHERE known.severity <> excluded.severity
    RETURNING licence_id, what, severity, due_on
    """
    told = [(one.licence_id, one.what, one.severity, one.due_on) for one in found]
    return rows(db, Alert, sql, [at, *columns(told, 4)])


def alerts(db: Db, most: int, party_id: int | None = None) -> list[Alert]:
    """The alerts of licences in force, of one party or of all, the soonest due first."""
    sql = """
    SELECT alert.licence_id, alert.what, alert.severity, alert.due_on FROM compliance_alert AS alert
    JOIN compliance_licence AS licence ON licence.id = alert.licence_id AND licence.state = 'verified'
    WHERE %s::bigint IS NULL OR licence.party_id = %s
    ORDER BY alert.due_on, alert.licence_id, alert.what LIMIT %s
    """
    return rows(db, Alert, sql, [party_id, party_id, most])


def keep_file(
    db: Db, sha256: bytes, name: str, media_type: str, size: int, sealed: bytes, by: str, at: datetime
) -> None:
    sql = """
    INSERT INTO compliance_file (sha256, name, media_type, bytes, sealed, kept_by, kept_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (sha256) DO NOTHING
    """
    run(db, sql, [sha256, name, media_type, size, sealed, by, at])


def file(db: Db, sha256: bytes) -> tuple[str, str, bytes] | None:
    """A file's name, media type and sealed content."""
    sql = "SELECT name, media_type, sealed FROM compliance_file WHERE sha256 = %s"
    return db.execute(sql, [sha256]).fetchone()  # type: ignore[return-value]  # three columns
