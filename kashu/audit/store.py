from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from kashu.audit.types import Approval, Deed, Entry, Head, Proof, SealedEntry
from kashu.kernel.db import Db, one, rows, run, values, write
from kashu.kernel.ids import new_id

RECORD = """
INSERT INTO audit_entry
    (pool_id, id, at, actor_kind, actor, verb, object_kind, object_id, before, after, reason)
SELECT * FROM unnest(%b::bigint[], %b::uuid[], %b::timestamptz[], %b::text[], %b::text[], %b::text[],
                     %b::text[], %b::text[], %b::jsonb[], %b::jsonb[], %b::text[])
"""

# Commit order, not clock order: an entry whose transaction is still open may carry an earlier instant, and a chain
# that had passed it by could never take it in. What is older than every open transaction can no longer change.
UNSEALED = """
SELECT pool_id, id, xact::text::bigint AS xact, at, actor_kind, actor, verb, object_kind, object_id,
       before, after, reason
FROM audit_entry
WHERE (xact, id) > (%s::text::xid8, %s) AND xact < pg_snapshot_xmin(pg_current_snapshot())
ORDER BY xact, id LIMIT %s
"""

LAST_SEAL = """
SELECT seq, hash, xact::text::bigint AS xact, entry_id FROM audit_seal ORDER BY seq DESC LIMIT 1
"""

SEAL = """
INSERT INTO audit_seal (seq, pool_id, entry_id, xact, hash)
SELECT seq, pool_id, entry_id, xact::text::xid8, hash
FROM unnest(%s::bigint[], %s::bigint[], %s::uuid[], %s::bigint[], %s::bytea[])
    AS link (seq, pool_id, entry_id, xact, hash)
"""

CHAIN = """
SELECT seal.seq, seal.hash, entry.pool_id, entry.id, entry.xact::text::bigint AS xact, entry.at, entry.actor_kind,
       entry.actor, entry.verb, entry.object_kind, entry.object_id, entry.before, entry.after, entry.reason
FROM audit_seal AS seal JOIN audit_entry AS entry ON entry.pool_id = seal.pool_id AND entry.id = seal.entry_id
WHERE seal.seq > %s ORDER BY seal.seq LIMIT %s
"""

ORPHANS = """
SELECT seal.seq::text FROM audit_seal AS seal
LEFT JOIN audit_entry AS entry ON entry.pool_id = seal.pool_id AND entry.id = seal.entry_id
WHERE entry.id IS NULL ORDER BY seal.seq LIMIT 20
"""

# An entry the sealer walked past without a seal was slipped in afterwards.
SLIPPED_IN = """
SELECT entry.verb || ' ' || entry.object_kind || ' ' || entry.object_id FROM audit_entry AS entry
LEFT JOIN audit_seal AS seal ON seal.pool_id = entry.pool_id AND seal.entry_id = entry.id
WHERE seal.seq IS NULL AND (entry.xact, entry.id) <= (%s::text::xid8, %s) LIMIT 20
"""

ENTRY = """
SELECT pool_id, id, xact::text::bigint AS xact, at, actor_kind, actor, verb, object_kind, object_id,
       before, after, reason
FROM audit_entry
"""

PROOFS = """
SELECT entry.pool_id, entry.id, entry.xact::text::bigint AS xact, entry.at, entry.actor_kind, entry.actor, entry.verb,
       entry.object_kind, entry.object_id, entry.before, entry.after, entry.reason,
       seal.seq, seal.hash, previous.hash AS chained_from
FROM audit_entry AS entry
LEFT JOIN audit_seal AS seal ON seal.pool_id = entry.pool_id AND seal.entry_id = entry.id
LEFT JOIN audit_seal AS previous ON previous.seq = seal.seq - 1
WHERE entry.pool_id = %s AND entry.object_kind = %s AND entry.object_id = ANY (%s) ORDER BY entry.at, entry.id LIMIT %s
"""

HEADS_OVER = """
SELECT DISTINCT head.seq, head.hash, head.signed_at, head.signature
FROM unnest(%s::bigint[]) AS told (seq)
CROSS JOIN LATERAL (SELECT * FROM audit_head WHERE seq >= told.seq ORDER BY seq LIMIT 1) AS head
ORDER BY head.seq
"""

APPROVAL = """
SELECT id, act, object_kind, object_id, body, reason, state, is_solo, asked_by, asked_at, not_before,
       approved_by, approved_at, done_at
FROM audit_approval
"""


def record(db: Db, deeds: Sequence[Deed], at: datetime) -> None:
    write(
        db,
        RECORD,
        [
            [deed.pool_id for deed in deeds],
            [new_id() for _ in deeds],
            [at for _ in deeds],
            [deed.actor.kind for deed in deeds],
            [deed.actor.name for deed in deeds],
            [deed.verb for deed in deeds],
            [deed.object_kind for deed in deeds],
            [deed.object_id for deed in deeds],
            [None if deed.before is None else Jsonb(dict(deed.before)) for deed in deeds],
            [None if deed.after is None else Jsonb(dict(deed.after)) for deed in deeds],
            [deed.reason for deed in deeds],
        ],
    )


def last_seal(db: Db) -> tuple[int, bytes, int, UUID] | None:
    found: tuple[int, bytes, int, UUID] | None = db.execute(LAST_SEAL).fetchone()  # type: ignore[assignment]
    return found


def unsealed(db: Db, after: tuple[int, UUID], most: int) -> list[Entry]:
    return rows(db, Entry, UNSEALED, [str(after[0]), after[1], most])


def seal(db: Db, links: Sequence[tuple[int, Entry, bytes]]) -> None:
    columns = zip(*((seq, e.pool_id, e.id, e.xact, digest) for seq, e, digest in links), strict=True)
    run(db, SEAL, [list(column) for column in columns])


def sign(db: Db, head: Head) -> None:
    sql = "INSERT INTO audit_head (seq, hash, signed_at, signature) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
    run(db, sql, [head.seq, head.hash, head.signed_at, head.signature])


def heads(db: Db) -> list[Head]:
    return rows(db, Head, "SELECT seq, hash, signed_at, signature FROM audit_head ORDER BY seq")


def hash_at(db: Db, seqs: Sequence[int]) -> dict[int, bytes]:
    return dict(db.execute("SELECT seq, hash FROM audit_seal WHERE seq = ANY (%s)", [list(seqs)]).fetchall())


def chain(db: Db, after_seq: int, most: int) -> list[SealedEntry]:
    return rows(db, SealedEntry, CHAIN, [after_seq, most])


def orphans(db: Db) -> list[str]:
    return values(db, ORPHANS)


def slipped_in(db: Db, last: tuple[int, UUID]) -> list[str]:
    return values(db, SLIPPED_IN, [str(last[0]), last[1]])


def entries_of(db: Db, pool_id: int, object_kind: str, object_id: str, most: int = 200) -> list[Entry]:
    """What happened to one thing, oldest first: the newest so many, or whoever makes many would hide what comes after."""
    sql = f"{ENTRY} WHERE pool_id = %s AND object_kind = %s AND object_id = %s ORDER BY at DESC, id DESC LIMIT %s"
    return rows(db, Entry, sql, [pool_id, object_kind, object_id, most])[::-1]


def proofs(db: Db, pool_id: int, object_kind: str, object_ids: Sequence[str], most: int = 10_000) -> list[Proof]:
    """What happened to things of one kind, oldest first, each entry with its link of the chain."""
    return rows(db, Proof, PROOFS, [pool_id, object_kind, list(object_ids), most])


def heads_over(db: Db, seqs: Sequence[int]) -> list[Head]:
    """The first signed head at or after each of these places of the chain."""
    return rows(db, Head, HEADS_OVER, [list(seqs)])


def newest(db: Db, before: tuple[datetime, UUID] | None, most: int) -> list[Entry]:
    """The trail from its end, for the console."""
    if before is None:
        return rows(db, Entry, f"{ENTRY} ORDER BY at DESC, id DESC LIMIT %s", [most])
    sql = f"{ENTRY} WHERE (at, id) < (%s, %s) ORDER BY at DESC, id DESC LIMIT %s"
    return rows(db, Entry, sql, [*before, most])


def approval(db: Db, approval_id: UUID, *, lock: bool = False) -> Approval | None:
    return one(db, Approval, f"{APPROVAL} WHERE id = %s{' FOR UPDATE' if lock else ''}", [approval_id])


def approvals_of(db: Db, object_kind: str, object_id: str) -> list[Approval]:
    """Every act on one thing that needed a second person, whatever became of it."""
    sql = f"{APPROVAL} WHERE object_kind = %s AND object_id = %s ORDER BY asked_at LIMIT 200"
    return rows(db, Approval, sql, [object_kind, object_id])


def objects_open(db: Db, object_kind: str, object_ids: Sequence[str]) -> set[str]:
    """Those of these things on which an act waits for its second person."""
    sql = """
    SELECT DISTINCT object_id FROM audit_approval
    WHERE state IN ('waiting', 'approved') AND object_kind = %s AND object_id = ANY (%s)
    """
    return set(values(db, sql, [object_kind, list(object_ids)]))


def open_approvals(db: Db) -> list[Approval]:
    return rows(db, Approval, f"{APPROVAL} WHERE state IN ('waiting', 'approved') ORDER BY asked_at LIMIT 200")


def ask(db: Db, wanted: Approval) -> bool:
    """Write down the wish; False when the same act on the same thing is open already."""
    sql = """
    INSERT INTO audit_approval (id, act, object_kind, object_id, body, reason, state, is_solo,
                                asked_by, asked_at, not_before)
    VALUES (%s, %s, %s, %s, %s, %s, 'waiting', %s, %s, %s, %s) ON CONFLICT DO NOTHING
    """
    values_ = [wanted.id, wanted.act, wanted.object_kind, wanted.object_id, Jsonb(wanted.body), wanted.reason]
    return run(db, sql, [*values_, wanted.is_solo, wanted.asked_by, wanted.asked_at, wanted.not_before]) == 1


def move_approval(db: Db, approval_id: UUID, before: str, after: str, by: str | None, at: datetime) -> None:
    sql = """
    UPDATE audit_approval
    SET state = %(after)s,
        approved_by = CASE WHEN %(after)s = 'approved' THEN %(by)s ELSE approved_by END,
        approved_at = CASE WHEN %(after)s = 'approved' THEN %(at)s ELSE approved_at END,
        done_at = CASE WHEN %(after)s = 'done' THEN %(at)s ELSE done_at END
    WHERE id = %(id)s AND state = %(before)s
    """
    touched = run(db, sql, {"id": approval_id, "before": before, "after": after, "by": by, "at": at})  # type: ignore[arg-type]
    assert touched == 1, "an approval moves once"
