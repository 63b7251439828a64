from __future__ import annotations

from datetime import datetime

from kashu.kernel.db import Db, one, run
from kashu.sales.types import Link


def keep_link(db: Db, hashed: bytes, new: Link) -> None:
    sql = """
    INSERT INTO sales_link (hash, pool_id, order_id, phone_identity, made_at, expires_at) VALUES (%s, %s, %s, %s, %s, %s)
    """
    run(db, sql, [hashed, new.pool_id, new.order_id, new.phone_identity, new.made_at, new.expires_at])


def link(db: Db, hashed: bytes, *, lock: bool = False) -> Link | None:
    sql = f"""
    SELECT pool_id, order_id, phone_identity, made_at, expires_at, used_at, device FROM sales_link
    WHERE hash = %s{" FOR UPDATE" if lock else ""}
    """
    return one(db, Link, sql, [hashed])


def use_link(db: Db, hashed: bytes, device: bytes, at: datetime) -> int:
    sql = "UPDATE sales_link SET used_at = %s, device = %s WHERE hash = %s AND used_at IS NULL"
    return run(db, sql, [at, device, hashed])


def forget_links(db: Db, before: datetime, most: int) -> int:
    sql = "DELETE FROM sales_link WHERE hash IN (SELECT hash FROM sales_link WHERE expires_at < %s LIMIT %s)"
    return run(db, sql, [before, most])
