"""SQL of sanctions and appeals, lists and hits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from kashu.kernel.db import Db, columns, one, rows, run, value, values
from kashu.party.types import Appeal, Hit, ListVersion, Sanction

SANCTION = """
SELECT id, party_id, grade, ground, reason, evidence, begins_at, ends_at, is_public, state, imposed_by, ended_by,
       ended_at, reported_at
FROM party_sanction
"""
APPEAL = "SELECT id, sanction_id, words, state, made_by, made_at, answer, decided_by, decided_at FROM party_appeal"
HIT = """
SELECT hit.id, hit.party_id, hit.subject, hit.list_id, hit.version, entry.name AS listed, hit.matched, hit.state,
       hit.found_at, hit.reason, hit.decided_by, hit.decided_at
FROM party_hit AS hit
JOIN party_list_entry AS entry USING (list_id, version, digest)
"""
MATCHES = """
WITH newest AS (SELECT list_id, max(version) AS version FROM party_list GROUP BY list_id),
subject AS (SELECT * FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::bytea[]) AS s (party_id, subject, name, mark))
SELECT subject.party_id, subject.subject, entry.list_id, entry.version, entry.digest,
       CASE WHEN subject.mark = ANY (entry.marks) THEN 'id' ELSE 'name' END AS matched
FROM subject JOIN party_list_entry AS entry
  ON (subject.name <> '' AND entry.names @> ARRAY[subject.name]) OR (subject.mark IS NOT NULL AND entry.marks @> ARRAY[subject.mark])
JOIN newest ON newest.list_id = entry.list_id AND newest.version = entry.version
"""


def sanctions(
    db: Db, party_id: int, *, before: tuple[datetime, UUID] | None = None, most: int | None = None
) -> list[Sanction]:
    """Every measure against a supplier, the newest first; from before one on, and at most so many."""
    at, sanction_id = before or (None, None)
    sql = f"""{SANCTION} WHERE party_id = %s AND (%s::timestamptz IS NULL OR (begins_at, id) < (%s, %s))
    ORDER BY begins_at DESC, id DESC LIMIT %s"""
    return rows(db, Sanction, sql, [party_id, at, at, sanction_id, most])


def sanctions_by(db: Db, sanction_ids: Collection[UUID]) -> dict[UUID, Sanction]:
    return {one.id: one for one in rows(db, Sanction, f"{SANCTION} WHERE id = ANY (%s)", [list(sanction_ids)])}


def sanction(db: Db, sanction_id: UUID) -> Sanction | None:
    return one(db, Sanction, f"{SANCTION} WHERE id = %s", [sanction_id])


def public_sanctions(db: Db) -> list[Sanction]:
    """Those that are published, in force or not."""
    return rows(db, Sanction, f"{SANCTION} WHERE is_public AND state <> 'overturned' ORDER BY begins_at DESC LIMIT 500")


def unreported(db: Db, *, after: tuple[datetime, UUID] | None = None, most: int | None = None) -> list[Sanction]:
    """Blacklistings in force that the province has not been told of (C-15), the oldest first."""
    at, sanction_id = after or (None, None)
    sql = f"""{SANCTION} WHERE grade = 'blacklist' AND state = 'in_force' AND reported_at IS NULL
    AND (%s::timestamptz IS NULL OR (begins_at, id) > (%s, %s)) ORDER BY begins_at, id LIMIT %s"""
    return rows(db, Sanction, sql, [at, at, sanction_id, most])


def over_sanctions(db: Db, at: datetime) -> list[Sanction]:
    """Those in force whose term is over."""
    return rows(
        db, Sanction, f"{SANCTION} WHERE state = 'in_force' AND ends_at <= %s ORDER BY ends_at, id LIMIT 200", [at]
    )


def add_sanction(db: Db, new: Sanction) -> None:
    sql = """
    INSERT INTO party_sanction (id, party_id, grade, ground, reason, evidence, begins_at, ends_at, is_public, state, imposed_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'in_force', %s)
    """
    told = [new.id, new.party_id, new.grade, new.ground, new.reason, new.evidence, new.begins_at, new.ends_at]
    run(db, sql, [*told, new.is_public, new.imposed_by])


def end_sanction(db: Db, sanction_id: UUID, state: str, by: str, at: datetime) -> None:
    sql = "UPDATE party_sanction SET state = %s, ended_by = %s, ended_at = %s WHERE id = %s AND state = 'in_force'"
    assert run(db, sql, [state, by, at, sanction_id]) == 1, "a sanction ends once"


def report_sanction(db: Db, sanction_id: UUID, at: datetime) -> int:
    sql = "UPDATE party_sanction SET reported_at = %s WHERE id = %s AND reported_at IS NULL AND grade = 'blacklist'"
    return run(db, sql, [at, sanction_id])


def appeals(db: Db, party_id: int | None = None, *, is_open: bool = False) -> list[Appeal]:
    sql = f"""{APPEAL} WHERE (%s::bigint IS NULL OR sanction_id IN (SELECT id FROM party_sanction WHERE party_id = %s))
    AND (NOT %s OR state = 'open') ORDER BY made_at DESC LIMIT 500"""
    return rows(db, Appeal, sql, [party_id, party_id, is_open])


def open_appeals(db: Db, after: tuple[datetime, UUID] | None, most: int) -> list[Appeal]:
    """Those nobody has answered, the oldest first."""
    at, appeal_id = after or (None, None)
    sql = f"""{APPEAL} WHERE state = 'open' AND (%s::timestamptz IS NULL OR (made_at, id) > (%s, %s))
    ORDER BY made_at, id LIMIT %s"""
    return rows(db, Appeal, sql, [at, at, appeal_id, most])


def appeals_of(db: Db, sanction_ids: Collection[UUID]) -> list[Appeal]:
    """Every appeal against these measures, the newest first."""
    return rows(db, Appeal, f"{APPEAL} WHERE sanction_id = ANY (%s) ORDER BY made_at DESC, id", [list(sanction_ids)])


def appeal(db: Db, appeal_id: UUID, *, lock: bool = False) -> Appeal | None:
    return one(db, Appeal, f"{APPEAL} WHERE id = %s{' FOR UPDATE' if lock else ''}", [appeal_id])


def add_appeal(db: Db, appeal_id: UUID, sanction_id: UUID, words: str, by: str, at: datetime) -> bool:
    """False where one is open already."""
    sql = """
    INSERT INTO party_appeal (id, sanction_id, words, state, made_by, made_at) VALUES (%s, %s, %s, 'open', %s, %s)
    ON CONFLICT DO NOTHING
    """
    return run(db, sql, [appeal_id, sanction_id, words, by, at]) == 1


def decide_appeal(db: Db, appeal_id: UUID, state: str, answer: str, by: str, at: datetime) -> None:
    sql = """
    UPDATE party_appeal SET state = %s, answer = %s, decided_by = %s, decided_at = %s WHERE id = %s AND state = 'open'
    """
    assert run(db, sql, [state, answer, by, at, appeal_id]) == 1, "an appeal is decided once"


def lists(db: Db) -> list[ListVersion]:
    """The newest version of every list."""
    sql = """
    SELECT DISTINCT ON (list_id) list_id, version, sha256, entries, loaded_by, loaded_at FROM party_list
    ORDER BY list_id, version DESC
    """
    return rows(db, ListVersion, sql)


def add_list(db: Db, new: ListVersion) -> None:
    sql = "INSERT INTO party_list (list_id, version, sha256, entries, loaded_by, loaded_at) VALUES (%s, %s, %s, %s, %s, %s)"
    run(db, sql, [new.list_id, new.version, new.sha256, new.entries, new.loaded_by, new.loaded_at])


def add_entries(
    db: Db, list_id: str, version: int, entries: Sequence[tuple[bytes, str, list[str], list[bytes]]]
) -> None:
    """(digest, name, normalised names, marks of numbers) of each."""
    sql = """
    INSERT INTO party_list_entry (list_id, version, digest, name, names, marks) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING
    """
    with db.cursor() as cursor:
        cursor.executemany(sql, [(list_id, version, *entry) for entry in entries])


def matches(
    db: Db, subjects: Sequence[tuple[int, str, str, bytes | None]]
) -> list[tuple[int, str, str, int, bytes, str]]:
    """Entries of the newest lists that are like (party, subject, normalised name, mark)."""
    return db.execute(MATCHES, columns(subjects, 4)).fetchall()  # type: ignore[return-value]  # six columns


def add_hits(db: Db, new: Sequence[tuple[UUID, int, str, str, int, bytes, str]], at: datetime) -> list[UUID]:
    """Write hits down; those that were known, open or decided, stay as they are. The ids of the new ones."""
    sql = """
    INSERT INTO party_hit (id, party_id, subject, list_id, version, digest, matched, state, found_at)
    SELECT id, party_id, subject, list_id, version, digest, matched, 'open', %b
    FROM unnest(%b::uuid[], %b::bigint[], %b::text[], %b::text[], %b::int[], %b::bytea[], %b::text[])
        AS h (id, party_id, subject, list_id, version, digest, matched)
    ON CONFLICT DO NOTHING RETURNING id
    """
    return values(db, sql, [at, *columns(new, 7)])


def hits(db: Db, party_id: int | None = None, *, is_open: bool = False) -> list[Hit]:
    sql = f"""{HIT} WHERE (%s::bigint IS NULL OR hit.party_id = %s) AND (NOT %s OR hit.state = 'open')
    ORDER BY hit.found_at DESC, hit.id LIMIT 500"""
    return rows(db, Hit, sql, [party_id, party_id, is_open])


def all_hits(db: Db, before: tuple[bool, datetime, UUID] | None, most: int) -> list[Hit]:
    """Every hit, those that wait first, each the newest first."""
    is_open, at, hit_id = before or (None, None, None)
    sql = f"""{HIT} WHERE %s::boolean IS NULL OR (hit.state = 'open', hit.found_at, hit.id) < (%s, %s, %s)
    ORDER BY hit.state = 'open' DESC, hit.found_at DESC, hit.id DESC LIMIT %s"""
    return rows(db, Hit, sql, [is_open, is_open, at, hit_id, most])


def hit(db: Db, hit_id: UUID, *, lock: bool = False) -> Hit | None:
    return one(db, Hit, f"{HIT} WHERE hit.id = %s{' FOR UPDATE OF hit' if lock else ''}", [hit_id])


def decide_hit(db: Db, hit_id: UUID, before: str, after: str, told: tuple[str, str], at: datetime) -> None:
    """`told` is who decided, and why."""
    sql = """
    UPDATE party_hit SET state = %s, decided_by = %s, reason = %s, decided_at = %s WHERE id = %s AND state = %s
    """
    assert run(db, sql, [after, *told, at, hit_id, before]) == 1, "a hit is decided once"


def is_listed(db: Db, party_id: int) -> bool:
    """Whether a hit on a supplier is open or was found true."""
    sql = "SELECT count(*) FROM party_hit WHERE party_id = %s AND state <> 'cleared'"
    return bool(value(db, sql, [party_id]))


def hit_states(db: Db, party_id: int) -> set[str]:
    return set(values(db, "SELECT DISTINCT state FROM party_hit WHERE party_id = %s", [party_id]))


def screened(db: Db, party_ids: Collection[int], versions: dict[str, int], at: datetime) -> None:
    sql = """
    INSERT INTO party_screening (party_id, screened_at, versions) SELECT unnest(%s::bigint[]), %s, %s
    ON CONFLICT (party_id) DO UPDATE SET screened_at = excluded.screened_at, versions = excluded.versions
    """
    run(db, sql, [sorted(party_ids), at, Jsonb(versions)])


def screened_at(db: Db, party_id: int) -> datetime | None:
    found: datetime | None = value(db, "SELECT screened_at FROM party_screening WHERE party_id = %s", [party_id])
    return found
