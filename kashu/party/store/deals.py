"""SQL of what a supplier signs, and of its deposit."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kashu.kernel.db import Db, one, rows, run, value
from kashu.party.types import Contract, Signature

CONTRACT = """
SELECT kind, version, title, body, deposit_fen, management, usage, refund, sha256, published_by, published_at
FROM party_contract
"""
HELD = """
SELECT coalesce(sum(CASE flow WHEN 'in' THEN amount_fen ELSE -amount_fen END), 0)::bigint
FROM party_deposit WHERE party_id = %s
"""


def contract(db: Db, kind: str) -> Contract | None:
    """The newest version of what is to be signed."""
    return one(db, Contract, f"{CONTRACT} WHERE kind = %s ORDER BY version DESC LIMIT 1", [kind])


def add_contract(db: Db, new: Contract) -> None:
    sql = """
    INSERT INTO party_contract (kind, version, title, body, deposit_fen, management, usage, refund, sha256, published_by,
                                published_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    """
    told = [new.kind, new.version, new.title, new.body, new.deposit_fen, new.management, new.usage, new.refund]
    run(db, sql, [*told, new.sha256, new.published_by, new.published_at])


def signatures(db: Db, party_id: int) -> list[Signature]:
    sql = """
    SELECT party_id, kind, version, sha256, signed_by, signed_at FROM party_signature
    WHERE party_id = %s ORDER BY kind, version DESC
    """
    return rows(db, Signature, sql, [party_id])


def add_signature(db: Db, new: Signature) -> None:
    sql = """
    INSERT INTO party_signature (party_id, kind, version, sha256, signed_by, signed_at)
    VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
    """
    run(db, sql, [new.party_id, new.kind, new.version, new.sha256, new.signed_by, new.signed_at])


def held_fen(db: Db, party_id: int) -> int:
    found: int = value(db, HELD, [party_id])
    return found


def has_deposits(db: Db, party_id: int) -> bool:
    return value(db, "SELECT 1 FROM party_deposit WHERE party_id = %s LIMIT 1", [party_id]) is not None


def is_reference_taken(db: Db, flow: str, reference: str) -> bool:
    return value(db, "SELECT 1 FROM party_deposit WHERE flow = %s AND reference = %s", [flow, reference]) is not None


def add_deposit(
    db: Db, deposit_id: UUID, party_id: int, version: int, flow: str, told: tuple[int, str, str], at: datetime
) -> None:
    """`told` is the amount, the bank's reference and who noted it."""
    sql = """
    INSERT INTO party_deposit (id, party_id, kind, version, flow, amount_fen, reference, noted_by, noted_at)
    VALUES (%s, %s, 'deposit', %s, %s, %s, %s, %s, %s)
    """
    run(db, sql, [deposit_id, party_id, version, flow, *told, at])
