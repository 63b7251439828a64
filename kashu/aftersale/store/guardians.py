"""SQL of guardians' claims."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kashu.aftersale.types import Claim
from kashu.kernel.db import Db, one, rows, run, values

CLAIM = """
SELECT told.id, told.pool_id, told.order_id, bought.number, bought.token, told.guardian_name, told.guardian_number,
       told.minor_name, told.minor_number, told.words, told.relation, told.spool, told.size, told.sha256, told.media_type,
       told.state, told.opened_at, told.due_at, told.deduction_fen, told.refund_id, told.reason, told.evidence,
       told.decided_by, told.decided_at, told.erased_at
FROM aftersale_guardian AS told
JOIN sales_order AS bought ON bought.pool_id = told.pool_id AND bought.id = told.order_id
"""
# Whether minors may have what an order was of; a category without goods is nothing that minors may have.
POLICIES = """
SELECT DISTINCT coalesce(goods.minors, 'forbidden')
FROM sales_line AS line
JOIN catalog_sku AS sku ON sku.id = line.sku_id
JOIN catalog_product AS product ON product.id = sku.product_id
JOIN catalog_category AS category ON category.id = product.category_id
LEFT JOIN compliance_goods AS goods ON goods.code = category.goods
WHERE line.order_pool_id = %s AND line.order_id = %s
"""


def add_claim(db: Db, new: Claim) -> bool:
    """False where one of this order is open already."""
    sql = """
    INSERT INTO aftersale_guardian (id, pool_id, order_id, guardian_name, guardian_number, minor_name, minor_number, words,
        relation, spool, size, sha256, media_type, state, opened_at, due_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'open', %s, %s) ON CONFLICT DO NOTHING
    """
    sealed = [new.guardian_name, new.guardian_number, new.minor_name, new.minor_number, new.words]
    file = [new.spool, new.size, new.sha256, new.media_type]
    told = [new.id, new.pool_id, new.order_id, *sealed, new.relation, *file, new.opened_at, new.due_at]
    return run(db, sql, told) == 1


def claim(db: Db, claim_id: UUID, *, lock: bool = False) -> Claim | None:
    return one(db, Claim, f"{CLAIM} WHERE told.id = %s{' FOR UPDATE OF told' if lock else ''}", [claim_id])


def claims_of_order(db: Db, pool_id: int, order_id: UUID) -> list[Claim]:
    """Those of an order, the newest first."""
    sql = f"{CLAIM} WHERE told.pool_id = %s AND told.order_id = %s ORDER BY told.opened_at DESC LIMIT 20"
    return rows(db, Claim, sql, [pool_id, order_id])


def claims(db: Db, most: int, *, is_open: bool, after: tuple[datetime, UUID] | None = None) -> list[Claim]:
    """Open ones by their deadline, or decided ones, the newest first."""
    at, claim_id = after or (None, None)
    if is_open:
        sql = f"""{CLAIM} WHERE told.state = 'open' AND (%s::timestamptz IS NULL OR (told.due_at, told.id) > (%s, %s))
        ORDER BY told.due_at, told.id LIMIT %s"""
    else:
        sql = f"""{CLAIM} WHERE told.state <> 'open'
        AND (%s::timestamptz IS NULL OR (told.decided_at, told.id) < (%s, %s))
        ORDER BY told.decided_at DESC, told.id DESC LIMIT %s"""
    return rows(db, Claim, sql, [at, at, claim_id, most])


def policies(db: Db, pool_id: int, order_id: UUID) -> frozenset[str]:
    return frozenset(values(db, POLICIES, [pool_id, order_id]))


def decide_claim(
    db: Db, claim_id: UUID, after: str, told: tuple[int, UUID | None, str, str, str], at: datetime
) -> None:
    """`told` is the deduction, the refund, the reason, the hash of the evidence and who decided."""
    sql = """
    UPDATE aftersale_guardian SET state = %s, deduction_fen = %s, refund_id = %s, reason = %s, evidence = %s,
           decided_by = %s, decided_at = %s
    WHERE id = %s AND state = 'open'
    """
    assert run(db, sql, [after, *told, at, claim_id]) == 1, "a claim is decided once"


def erase_claims(db: Db, before: datetime, at: datetime, most: int) -> list[UUID]:
    """Forget the persons and the evidence of claims that were decided before an instant. Files go with the next sweep."""
    sql = """
    UPDATE aftersale_guardian SET guardian_name = NULL, guardian_number = NULL, minor_name = NULL, minor_number = NULL,
           words = NULL, spool = '', erased_at = %s
    WHERE id IN (
        SELECT id FROM aftersale_guardian WHERE erased_at IS NULL AND decided_at < %s
        ORDER BY decided_at LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING id
    """
    return values(db, sql, [at, before, most])


def spooled(db: Db) -> set[str]:
    """Files in the spool that evidence lies in."""
    return set(values(db, "SELECT spool FROM aftersale_guardian WHERE spool <> ''"))
