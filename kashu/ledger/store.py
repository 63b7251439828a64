from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kashu.kernel.db import Db, columns, one, rows, run, value, write
from kashu.kernel.ids import new_id
from kashu.ledger.types import COMMISSION_INCOME, Entry, Fault, Line, Movement, Posting, Sum, Turnover

POST = """
INSERT INTO ledger_sale_entry (pool_id, id, reason_id, recipe, account_id, amount_fen, posted_at)
SELECT * FROM unnest(%b::bigint[], %b::uuid[], %b::uuid[], %b::text[], %b::bigint[], %b::bigint[], %b::timestamptz[])
"""

POST_KEYED = """
INSERT INTO ledger_entry (account_id, id, reason_id, recipe, amount_fen, memo, posted_at)
SELECT account_id, id, reason_id, recipe, amount_fen, memo, %s
FROM unnest(%b::bigint[], %b::uuid[], %b::uuid[], %b::text[], %b::bigint[], %b::text[])
    AS new (account_id, id, reason_id, recipe, amount_fen, memo)
"""

# The second line of defence is the table's CHECK: a balance below its floor undoes the whole transaction.
MOVE_GUARDED = """
UPDATE ledger_guarded AS guarded SET balance_fen = guarded.balance_fen + moved.amount_fen
FROM unnest(%b::bigint[], %b::bigint[]) AS moved (account_id, amount_fen)
WHERE guarded.account_id = moved.account_id
"""

ACCOUNT = "INSERT INTO ledger_account (code, kind, name) VALUES (%s, %s, %s) ON CONFLICT (code) DO NOTHING"

FAULTS = """
SELECT 'unbalanced' AS kind, recipe || ' ' || reason_id AS "where", sum(amount_fen)::bigint AS amount_fen
FROM ledger_posting GROUP BY recipe, reason_id HAVING sum(amount_fen) <> 0
UNION ALL
SELECT 'guarded', account.code, (guarded.balance_fen - coalesce(sum(entry.amount_fen), 0))::bigint
FROM ledger_guarded AS guarded
JOIN ledger_account AS account ON account.id = guarded.account_id
LEFT JOIN ledger_entry AS entry ON entry.account_id = guarded.account_id
GROUP BY account.code, guarded.balance_fen
HAVING guarded.balance_fen <> coalesce(sum(entry.amount_fen), 0)
UNION ALL
SELECT 'below_floor', account.code, guarded.balance_fen
FROM ledger_guarded AS guarded JOIN ledger_account AS account ON account.id = guarded.account_id
WHERE guarded.balance_fen < guarded.floor_fen
LIMIT 1000
"""

OF = """
SELECT entry.recipe, entry.reason_id, account.code, account.name, entry.amount_fen, entry.posted_at
FROM ledger_sale_entry AS entry JOIN ledger_account AS account ON account.id = entry.account_id
WHERE entry.pool_id = ANY (%s) AND entry.reason_id = ANY (%s)
ORDER BY entry.posted_at, entry.recipe, entry.amount_fen, entry.id
"""


UNDER = """
SELECT told.recipe, told.reason_id, account.code, account.name, told.amount_fen, told.posted_at
FROM (
    SELECT id, recipe, reason_id, account_id, amount_fen, posted_at FROM ledger_sale_entry
    WHERE pool_id = ANY (%(pools)s) AND reason_id = ANY (%(reasons)s)
    UNION ALL
    SELECT id, recipe, reason_id, account_id, amount_fen, posted_at FROM ledger_entry WHERE reason_id = ANY (%(reasons)s)
) AS told JOIN ledger_account AS account ON account.id = told.account_id
ORDER BY told.posted_at, told.recipe, told.amount_fen, told.id
"""


def post(db: Db, postings: Sequence[Posting], at: datetime) -> None:
    """Book entries of sales, keyed by pool."""
    told = [(p.pool_id, new_id(), p.reason_id, p.recipe, p.account_id, p.amount_fen, at) for p in postings]
    write(db, POST, columns(told))


def post_keyed(db: Db, postings: Sequence[Posting], at: datetime) -> None:
    """Book entries keyed by account, and move the balances that are guarded."""
    told = [(p.account_id, new_id(), p.reason_id, p.recipe, p.amount_fen, p.memo) for p in postings]
    write(db, POST_KEYED, [at, *columns(told)])
    moved: Counter[int] = Counter()
    for posting in postings:
        moved[posting.account_id] += posting.amount_fen
    write(db, MOVE_GUARDED, columns(sorted(moved.items())))


def guard(db: Db, account_id: int, floor_fen: int) -> None:
    run(db, "INSERT INTO ledger_guarded (account_id, floor_fen) VALUES (%s, %s)", [account_id, floor_fen])


def account(db: Db, code: str, kind: str, name: str) -> int:
    run(db, ACCOUNT, [code, kind, name])
    return accounts(db, [code])[code]  # ours, or that of whoever was first


def accounts(db: Db, codes: Sequence[str]) -> dict[str, int]:
    return dict(db.execute("SELECT code, id FROM ledger_account WHERE code = ANY (%s)", [list(codes)]).fetchall())


def statement(db: Db, account_id: int, before: UUID | None, most: int) -> list[Entry]:
    """An account's entries, the newest first; ids are in order of time (RFC 9562, version 7)."""
    older = "" if before is None else "AND id < %s"
    sql = f"SELECT id, recipe, amount_fen, memo, posted_at FROM ledger_entry WHERE account_id = %s {older}"
    told = [account_id, *([] if before is None else [before]), most]
    return rows(db, Entry, f"{sql} ORDER BY id DESC LIMIT %s", told)


def movements(
    db: Db, code: str, pool_ids: Sequence[int], since: datetime, before: tuple[datetime, UUID], most: int
) -> list[Movement]:
    """What moved an account in these pools from an instant on, the newest first."""
    sql = """
    SELECT entry.pool_id, entry.id, entry.recipe, entry.reason_id, entry.amount_fen, entry.posted_at FROM ledger_sale_entry AS entry
    JOIN ledger_account AS account ON account.id = entry.account_id
    WHERE account.code = %s AND entry.pool_id = ANY (%s) AND entry.posted_at >= %s
      AND (entry.posted_at, entry.id) < (%s, %s)
    ORDER BY entry.posted_at DESC, entry.id DESC LIMIT %s
    """
    return rows(db, Movement, sql, [code, list(pool_ids), since, *before, most])


def balance_at(db: Db, code: str, pool_ids: Sequence[int], at: datetime) -> int:
    """What an account came to in these pools right before an instant."""
    sql = """
    SELECT coalesce(sum(entry.amount_fen), 0)::bigint FROM ledger_sale_entry AS entry
    JOIN ledger_account AS account ON account.id = entry.account_id
    WHERE account.code = %s AND entry.pool_id = ANY (%s) AND entry.posted_at < %s
    """
    found: int = value(db, sql, [code, list(pool_ids), at])
    return found


def sums(db: Db, code: str, pool_ids: Sequence[int], since: datetime, until: datetime) -> list[Sum]:
    """What moved an account in these pools in a period, by recipe."""
    sql = """
    SELECT entry.recipe, count(*)::int AS entries, sum(entry.amount_fen)::bigint AS amount_fen
    FROM ledger_sale_entry AS entry JOIN ledger_account AS account ON account.id = entry.account_id
    WHERE account.code = %s AND entry.pool_id = ANY (%s) AND entry.posted_at >= %s AND entry.posted_at < %s
    GROUP BY entry.recipe ORDER BY entry.recipe
    """
    return rows(db, Sum, sql, [code, list(pool_ids), since, until])


def turnover(db: Db, code: str, since: datetime, until: datetime) -> Turnover:
    """A seller's period from the bookings of its account: each with all the other sides under the same reason."""
    sql = """
    WITH own AS (
        SELECT entry.pool_id, entry.reason_id, entry.recipe, entry.amount_fen FROM ledger_sale_entry AS entry
        JOIN ledger_account AS account ON account.id = entry.account_id
        WHERE account.code = %s AND entry.posted_at >= %s AND entry.posted_at < %s
    ), whole AS (
        SELECT own.recipe, own.amount_fen, own.amount_fen + coalesce(ours.amount_fen, 0) AS gross_fen FROM own
        LEFT JOIN ledger_sale_entry AS ours ON ours.pool_id = own.pool_id AND ours.reason_id = own.reason_id
            AND ours.recipe = own.recipe AND ours.account_id = %s
    )
    SELECT coalesce(sum(gross_fen) FILTER (WHERE gross_fen > 0), 0)::bigint AS gross_fen,
           coalesce(-sum(gross_fen) FILTER (WHERE gross_fen < 0), 0)::bigint AS refunded_fen,
           coalesce(sum(amount_fen), 0)::bigint AS owed_fen
    FROM whole
    """
    found = one(db, Turnover, sql, [code, since, until, COMMISSION_INCOME])
    assert found is not None, "a sum has a row"
    return found


def faults(db: Db) -> list[Fault]:
    return rows(db, Fault, FAULTS)


def postings_of(db: Db, pool_ids: Sequence[int], reason_ids: Sequence[UUID]) -> list[Line]:
    """The bookings under these reasons, oldest first."""
    return rows(db, Line, OF, [list(pool_ids), list(reason_ids)])


def entries_under(db: Db, pool_ids: Sequence[int], reason_ids: Sequence[UUID]) -> list[Line]:
    """Every entry under these reasons, oldest first, those of guarded accounts too: they add up to nothing."""
    told = {"pools": list(pool_ids), "reasons": list(reason_ids)}
    return rows(db, Line, UNDER, told)  # type: ignore[arg-type]  # named parameters
