from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from kashu.compliance.store.alerts import RENEWED, UNRENEWED
from kashu.compliance.types import Goods, Licence, OpenCounts, Requirement
from kashu.kernel.db import Db, one, rows, run, value, values

LICENCE = """
SELECT licence.id, licence.party_id, licence.kind, licence.number, licence.subject, licence.scope, licence.territory,
       licence.valid_from, licence.valid_to, licence.state, licence.file_sha256, licence.findings, licence.reviewed_by,
       licence.renewal_at, licence.reported_year, licence.supersedes_id, licence.made_by, licence.made_at,
       party.name AS party
FROM compliance_licence AS licence JOIN party_party AS party ON party.id = licence.party_id
"""


COUNTS = f"""
SELECT (SELECT count(*)::int FROM compliance_licence WHERE state = 'in_review') AS licences,
       (SELECT count(*)::int FROM compliance_licence WHERE state = 'verified') AS held,
       (SELECT count(*)::int FROM compliance_authorisation WHERE state = 'in_review') AS links,
       (SELECT count(*)::int FROM compliance_licence AS licence
        WHERE state = 'verified' AND valid_to <= %(soon)s AND NOT {RENEWED})
           + (SELECT count(*)::int FROM compliance_authorisation AS old WHERE {UNRENEWED} AND old.valid_to <= %(soon)s) AS soon,
       (SELECT count(*)::int FROM compliance_takedown WHERE state = 'frozen') AS down,
       (SELECT count(*)::int FROM compliance_takedown WHERE state = 'frozen' AND due_at <= %(at)s) AS overdue
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
    """The verified one of that number, in its dates or out of them; of one and its renewal that is to come, the latter."""
    sql = f"""
    {LICENCE} WHERE licence.party_id = %s AND licence.kind = %s AND licence.number = %s AND licence.state = 'verified'
    ORDER BY licence.valid_to DESC LIMIT 1
    """
    return one(db, Licence, sql, [party_id, kind, number])


def licences(db: Db, day: date, party_id: int | None = None) -> list[Licence]:
    """Those in force on a day, of one party or of all: the platform's own first."""
    sql = f"""
    {LICENCE} WHERE licence.state = 'verified' AND %(day)s BETWEEN licence.valid_from AND licence.valid_to
      AND (%(party)s::bigint IS NULL OR licence.party_id = %(party)s)
    ORDER BY party.kind, party.id, licence.kind, licence.valid_to
    """
    return rows(db, Licence, sql, {"day": day, "party": party_id})  # type: ignore[arg-type]  # named parameters


def begun_renewals(db: Db, day: date) -> list[int]:
    """Verified licences that have begun by a day while something that they renew is verified still."""
    sql = """
    WITH RECURSIVE older AS (
        SELECT id AS renewal_id, supersedes_id AS id FROM compliance_licence
        WHERE state = 'verified' AND valid_from <= %s AND supersedes_id IS NOT NULL
        UNION
        SELECT older.renewal_id, licence.supersedes_id
        FROM older JOIN compliance_licence AS licence USING (id) WHERE licence.supersedes_id IS NOT NULL
    )
    SELECT DISTINCT renewal_id FROM older JOIN compliance_licence AS licence USING (id)
    WHERE licence.state = 'verified' ORDER BY renewal_id
    """
    return values(db, sql, [day])


def renewed_licences(db: Db) -> set[int]:
    """Verified licences whose end nobody has to hear of: a verified renewal follows."""
    return set(values(db, f"SELECT id FROM compliance_licence AS licence WHERE state = 'verified' AND {RENEWED}", []))


def licences_by(db: Db, licence_ids: Collection[int]) -> dict[int, Licence]:
    return {one.id: one for one in rows(db, Licence, f"{LICENCE} WHERE licence.id = ANY (%s)", [list(licence_ids)])}


def every_licence(
    db: Db,
    party_id: int | None,
    states: Sequence[str],
    most: int,
    after: tuple[date, int] | None = None,
    *,
    until: date | None = None,
) -> list[Licence]:
    """Licences in these states, the soonest to end first; from one on, and of those until a last day what nothing renews."""
    day, licence_id = after or (None, None)
    sql = f"""
    {LICENCE} WHERE licence.state = ANY (%s) AND (%s::bigint IS NULL OR licence.party_id = %s)
      AND (%s::date IS NULL OR (licence.valid_to, licence.id) > (%s, %s))
      AND (%s::date IS NULL OR (licence.valid_to <= %s AND NOT {RENEWED}))
    ORDER BY licence.valid_to, licence.id LIMIT %s
    """
    return rows(db, Licence, sql, [list(states), party_id, party_id, day, day, licence_id, until, until, most])


def open_counts(db: Db, day: date, soon: date, at: datetime) -> OpenCounts:
    """What waits or is due at the desk of compliance, all of it and not only what a page shows."""
    found = one(db, OpenCounts, COUNTS, {"day": day, "soon": soon, "at": at})  # type: ignore[arg-type]  # named parameters
    assert found is not None
    return found


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


def erase_files(db: Db, party_ids: Collection[int]) -> list[bytes]:
    """Empty the files that papers of these organisations rest on, and of no other that is still there; which they were."""
    sql = """
    WITH held AS (
        SELECT file_sha256, party_id FROM compliance_licence WHERE file_sha256 IS NOT NULL
        UNION ALL
        SELECT file_sha256, grantee_id FROM compliance_authorisation WHERE file_sha256 IS NOT NULL
    )
    UPDATE compliance_file AS file SET sealed = '', name = 'erased'
    WHERE file.sealed <> '' AND file.sha256 IN (SELECT file_sha256 FROM held WHERE party_id = ANY (%(parties)s))
      AND NOT EXISTS (
          SELECT FROM held LEFT JOIN party_supplier AS standing ON standing.party_id = held.party_id
          WHERE held.file_sha256 = file.sha256 AND held.party_id <> ALL (%(parties)s) AND standing.erased_at IS NULL)
    RETURNING file.sha256
    """
    return values(db, sql, {"parties": list(party_ids)})  # type: ignore[arg-type]  # named parameters


def erase_subjects(db: Db, party_ids: Collection[int]) -> None:
    """Whom licences name goes with whom they were of."""
    run(db, "UPDATE compliance_licence SET subject = '' WHERE party_id = ANY (%s) AND subject <> ''", [list(party_ids)])
