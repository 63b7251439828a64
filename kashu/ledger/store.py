from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kashu.kernel.db import Db, rows, run
from kashu.kernel.ids import new_id
from kashu.ledger.types import Fault, Line, Posting

POST = """
INSERT INTO ledger_sale_entry (pool_id, id, reason_id, recipe, account_id, amount_fen, posted_at)
SELECT * FROM unnest(%s::bigint[], %s::uuid[], %s::uuid[], %s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[])
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


def post(db: Db, postings: Sequence[Posting], at: datetime) -> None:
    run(
        db,
        POST,
        [
            [posting.pool_id for posting in postings],
            [new_id() for _ in postings],
            [posting.reason_id for posting in postings],
            [posting.recipe for posting in postings],
            [posting.account_id for posting in postings],
            [posting.amount_fen for posting in postings],
            [at for _ in postings],
        ],
    )


def account(db: Db, code: str, kind: str, name: str) -> int:
    run(db, ACCOUNT, [code, kind, name])
    return accounts(db, [code])[code]  # ours, or that of whoever was first


def accounts(db: Db, codes: Sequence[str]) -> dict[str, int]:
    return dict(db.execute("SELECT code, id FROM ledger_account WHERE code = ANY (%s)", [list(codes)]).fetchall())


def faults(db: Db) -> list[Fault]:
    return rows(db, Fault, FAULTS)


def postings_of(db: Db, pool_ids: Sequence[int], reason_ids: Sequence[UUID]) -> list[Line]:
    """The bookings under these reasons, oldest first."""
    return rows(db, Line, OF, [list(pool_ids), list(reason_ids)])
