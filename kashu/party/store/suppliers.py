from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from kashu.kernel.db import Db, one, rows, run, value
from kashu.party.types import OpenCounts, Supplier

SUPPLIER = """
SELECT party_id, state, risk, applied_at, verified_at, is_registered, is_payout_held, moved_at, deposit_fen,
       exiting_at, barred_from
FROM party_supplier
"""
DUE = "state IN ('active', 'restricted', 'suspended') AND verified_at < %s"
COUNTS = f"""
SELECT (SELECT count(*)::int FROM party_supplier WHERE state = 'kyb_review') AS waiting,
       (SELECT count(*)::int FROM party_supplier WHERE {DUE}) AS due,
       (SELECT count(*)::int FROM party_hit WHERE state = 'open') AS hits,
       (SELECT count(*)::int FROM party_appeal WHERE state = 'open') AS appeals
"""
BARRED = """
SELECT count(*) FROM party_mark AS mark JOIN party_supplier AS supplier ON supplier.party_id = mark.party_id
WHERE mark.kind = %s AND mark.mark = %s AND supplier.state = 'blacklisted' AND supplier.party_id <> %s
"""


def supplier(db: Db, party_id: int, *, lock: bool = False) -> Supplier | None:
    return one(db, Supplier, f"{SUPPLIER} WHERE party_id = %s{' FOR NO KEY UPDATE' if lock else ''}", [party_id])


def suppliers(
    db: Db, states: Collection[str] = (), *, after: tuple[datetime, int] | None = None, most: int | None = None
) -> list[Supplier]:
    """Suppliers in some states, or all of them, the earliest application first; from one on, and at most so many."""
    at, party_id = after or (None, None)
    sql = f"""{SUPPLIER} WHERE (cardinality(%s::text[]) = 0 OR state = ANY (%s))
    AND (%s::timestamptz IS NULL OR (applied_at, party_id) > (%s, %s)) ORDER BY applied_at, party_id LIMIT %s"""
    return rows(db, Supplier, sql, [list(states), list(states), at, at, party_id, most])


def due_suppliers(
    db: Db, verified_before: datetime, *, after: tuple[datetime, int] | None = None, most: int = 500
) -> list[Supplier]:
    """Those that trade and were last verified before an instant, the longest ago first (C-10)."""
    at, party_id = after or (None, None)
    sql = f"""{SUPPLIER} WHERE {DUE} AND (%s::timestamptz IS NULL OR (verified_at, party_id) > (%s, %s))
    ORDER BY verified_at, party_id LIMIT %s"""
    return rows(db, Supplier, sql, [verified_before, at, at, party_id, most])


def open_counts(db: Db, verified_before: datetime) -> OpenCounts:
    """What waits at the desk of suppliers, all of it and not only what a page shows."""
    found = one(db, OpenCounts, COUNTS, [verified_before])
    assert found is not None
    return found


def add_supplier(db: Db, new: Supplier) -> None:
    sql = """
    INSERT INTO party_supplier (party_id, state, risk, applied_at, verified_at, is_registered, moved_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    """
    told = [new.party_id, new.state, new.risk, new.applied_at, new.verified_at, new.is_registered, new.applied_at]
    run(db, sql, told)


def move_supplier(db: Db, party_id: int, before: str, after: str, at: datetime) -> None:
    sql = """
    UPDATE party_supplier SET state = %(after)s, moved_at = %(at)s,
        exiting_at = CASE WHEN %(after)s = 'exiting' AND state <> 'blacklisted' THEN %(at)s ELSE exiting_at END,
        barred_from = CASE WHEN %(after)s = 'blacklisted' THEN state ELSE barred_from END
    WHERE party_id = %(party)s AND state = %(before)s
    """
    touched = run(db, sql, {"after": after, "at": at, "party": party_id, "before": before})  # type: ignore[arg-type]  # named parameters
    assert touched == 1, "a supplier moves from the state it is in"


def set_verified(db: Db, party_id: int, at: datetime) -> None:
    assert run(db, "UPDATE party_supplier SET verified_at = %s WHERE party_id = %s", [at, party_id]) == 1


def set_risk(db: Db, party_id: int, risk: str) -> None:
    assert run(db, "UPDATE party_supplier SET risk = %s WHERE party_id = %s", [risk, party_id]) == 1


def set_deposit_due(db: Db, party_id: int, due_fen: int) -> None:
    assert run(db, "UPDATE party_supplier SET deposit_fen = %s WHERE party_id = %s", [due_fen, party_id]) == 1


def hold_payouts(db: Db, party_id: int, *, is_held: bool) -> None:
    assert run(db, "UPDATE party_supplier SET is_payout_held = %s WHERE party_id = %s", [is_held, party_id]) == 1


def set_particulars(db: Db, party_id: int, address: str, contact: str) -> None:
    assert run(db, "UPDATE party_party SET address = %s, contact = %s WHERE id = %s", [address, contact, party_id]) == 1


def add_mark(db: Db, party_id: int, kind: str, mark: bytes) -> None:
    sql = "INSERT INTO party_mark (party_id, kind, mark) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
    run(db, sql, [party_id, kind, mark])


def is_barred(db: Db, kind: str, mark: bytes, party_id: int = 0) -> bool:
    """Whether a blacklisted supplier, other than this one, is known by the same mark (C-15)."""
    return bool(value(db, BARRED, [kind, mark, party_id]))


def has_mark(db: Db, party_id: int, kind: str, mark: bytes) -> bool:
    sql = "SELECT 1 FROM party_mark WHERE party_id = %s AND kind = %s AND mark = %s"
    return value(db, sql, [party_id, kind, mark]) is not None


def shares_barred_mark(db: Db, party_id: int) -> bool:
    """Whether a supplier has a mark in common with one that is blacklisted, since whenever that is."""
    sql = """
    SELECT 1 FROM party_mark AS own
    JOIN party_mark AS same ON same.kind = own.kind AND same.mark = own.mark AND same.party_id <> own.party_id
    JOIN party_supplier AS barred ON barred.party_id = same.party_id AND barred.state = 'blacklisted'
    WHERE own.party_id = %s LIMIT 1
    """
    return value(db, sql, [party_id]) is not None


def lock_suppliers(db: Db, party_ids: Collection[int]) -> None:
    sql = "SELECT FROM party_supplier WHERE party_id = ANY (%s) ORDER BY party_id FOR NO KEY UPDATE"
    run(db, sql, [list(party_ids)])


def supplier_with(db: Db, kind: str, mark: bytes) -> int | None:
    """A supplier that is not closed and known by this mark."""
    sql = """
    SELECT supplier.party_id FROM party_mark AS mark JOIN party_supplier AS supplier ON supplier.party_id = mark.party_id
    WHERE mark.kind = %s AND mark.mark = %s AND supplier.state <> 'closed' LIMIT 1
    """
    found: int | None = value(db, sql, [kind, mark])
    return found


def is_member(db: Db, party_id: int, email: str) -> bool:
    """Whether somebody with this address acts for the supplier, or did: they do not review it."""
    sql = """
    SELECT 1 FROM party_member AS member JOIN party_person AS person ON person.id = member.person_id
    WHERE member.party_id = %s AND person.email = %s
    """
    return value(db, sql, [party_id, email]) is not None


def deposit_share_bp(db: Db, party_id: int) -> int | None:
    """How much of the agreed deposit is there, in basis points; None where none was agreed."""
    return deposit_shares_bp(db, [party_id]).get(party_id)


def deposit_shares_bp(db: Db, party_ids: Collection[int]) -> dict[int, int]:
    """The same of many; those with whom none was agreed are left out."""
    sql = """
    SELECT standing.party_id, coalesce(guarded.balance_fen, 0) * 10000 / standing.deposit_fen
    FROM party_supplier AS standing
    LEFT JOIN ledger_account AS account ON account.code = 'deposit:' || standing.party_id
    LEFT JOIN ledger_guarded AS guarded ON guarded.account_id = account.id
    WHERE standing.party_id = ANY (%s) AND standing.deposit_fen > 0
    """
    return dict(db.execute(sql, [list(party_ids)]).fetchall())
