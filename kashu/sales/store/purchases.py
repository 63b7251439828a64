from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from kashu.kernel.db import Db, columns, one, rows, run, write
from kashu.sales.types import Account, Bought, ContractPrice, Purchase, Topup

ACCOUNT = """
SELECT account.id, account.party_id, party.name AS party, account.state, account.order_max, account.day_max_fen,
       account.spent_on, account.spent_fen, guarded.balance_fen, account.opened_at
FROM sales_account AS account
JOIN ledger_guarded AS guarded ON guarded.account_id = account.id
JOIN party_party AS party ON party.id = account.party_id
"""
PRICES = """
SELECT DISTINCT ON (price.account_id, price.sku_id) price.id, price.account_id, price.sku_id, price.price_fen,
       price.from_at, price.until_at, price.set_by, price.set_at, price.reason
FROM sales_contract_price AS price
WHERE price.account_id = ANY (%s) AND price.sku_id = ANY (%s) AND price.from_at <= %s
ORDER BY price.account_id, price.sku_id, price.from_at DESC, price.set_at DESC
"""
EARLIER = """
SELECT kept.scope, kept.key, kept.asked, kept.pool_id, kept.order_id
FROM sales_key AS kept
JOIN unnest(%b::bytea[], %b::text[]) AS asked (scope, key) ON kept.scope = asked.scope AND kept.key = asked.key
"""
TAKEN = """
SELECT kept.account_id, kept.reference
FROM sales_reference AS kept
JOIN unnest(%b::bigint[], %b::text[]) AS asked (account_id, reference)
  ON kept.account_id = asked.account_id AND kept.reference = asked.reference
"""
# A purchase has no browser: its buyer is the account, its consent the contract. It is delivered at once, or paid and
# then issued to somebody.
PLACE = """
INSERT INTO sales_order (pool_id, id, number, token, state, quantity, total_fen, device, address, source_entry,
    consent_at, consent_hash, placed_at, hold_until, paid_at, delivered_at, account_id, reference)
SELECT pool_id, id, number, token, state, quantity, total_fen, '', '', 'purchase', %(at)s, '', %(at)s, %(at)s,
    %(at)s, CASE WHEN state = 'delivered' THEN %(at)s END, account_id, reference
FROM unnest(%(pools)b::bigint[], %(ids)b::uuid[], %(numbers)b::text[], %(tokens)b::text[], %(quantities)b::int[],
            %(totals)b::bigint[], %(accounts)b::bigint[], %(references)b::text[], %(states)b::text[])
    AS new (pool_id, id, number, token, quantity, total_fen, account_id, reference, state)
"""
KEEP_KEYS = """
INSERT INTO sales_key (scope, key, asked, pool_id, order_id, made_at)
SELECT scope, key, asked, pool_id, order_id, %s
FROM unnest(%b::bytea[], %b::text[], %b::text[], %b::bigint[], %b::uuid[]) AS new (scope, key, asked, pool_id, order_id)
"""
KEEP_REFERENCES = """
INSERT INTO sales_reference (account_id, reference, pool_id, order_id)
SELECT * FROM unnest(%b::bigint[], %b::text[], %b::bigint[], %b::uuid[])
"""
SPEND = """
UPDATE sales_account AS account
SET spent_fen = CASE WHEN account.spent_on >= %s THEN account.spent_fen ELSE 0 END + spent.fen,
    spent_on = greatest(account.spent_on, %s)
FROM unnest(%b::bigint[], %b::bigint[]) AS spent (account_id, fen)
WHERE account.id = spent.account_id
"""
TOPUP = """
SELECT id, account_id, amount_fen, contract_no, bank_reference, approval_id, state, asked_by, asked_at, credited_at
FROM sales_topup
"""


def scope_of(account_id: int) -> bytes:
    """Whose idempotency keys these are."""
    return b"account:%d" % account_id


def accounts(db: Db, account_ids: Collection[int], *, lock: bool = False) -> dict[int, Account]:
    """Purchase accounts by id; locked in one order everywhere when asked to.

    The lock comes before the look: the balance is read by a statement that begins when the lock is held.
    """
    ids = sorted(account_ids)
    if lock:
        sql = "SELECT FROM ledger_guarded WHERE account_id = ANY (%s) ORDER BY account_id FOR NO KEY UPDATE"
        run(db, sql, [ids])
    return {account.id: account for account in rows(db, Account, f"{ACCOUNT} WHERE account.id = ANY (%s)", [ids])}


def account_of(db: Db, party_id: int) -> Account | None:
    return one(db, Account, f"{ACCOUNT} WHERE account.party_id = %s", [party_id])


def all_accounts(db: Db, before: int, most: int) -> list[Account]:
    """Purchase accounts below an id, the newest first."""
    return rows(db, Account, f"{ACCOUNT} WHERE account.id < %s ORDER BY account.id DESC LIMIT %s", [before, most])


def open_account(db: Db, account_id: int, party_id: int, today: date, by: str, at: datetime) -> None:
    sql = "INSERT INTO sales_account (id, party_id, spent_on, opened_at, opened_by) VALUES (%s, %s, %s, %s, %s)"
    run(db, sql, [account_id, party_id, today, at, by])


def change_account(db: Db, account_id: int, state: str, order_max: int, day_max_fen: int | None) -> int:
    sql = "UPDATE sales_account SET state = %s, order_max = %s, day_max_fen = %s WHERE id = %s AND state <> 'closed'"
    return run(db, sql, [state, order_max, day_max_fen, account_id])


def prices(
    db: Db, account_ids: Collection[int], sku_ids: Collection[int], at: datetime
) -> dict[tuple[int, int], ContractPrice]:
    """The contract prices in force, by (account, SKU). The newest counts; one that has ended leaves none."""
    found = rows(db, ContractPrice, PRICES, [sorted(account_ids), sorted(sku_ids), at])
    return {(one.account_id, one.sku_id): one for one in found if one.until_at is None or at < one.until_at}


def contract_prices(db: Db, account_id: int, most: int) -> list[ContractPrice]:
    """Every contract price an account was given, the newest first."""
    sql = """
    SELECT id, account_id, sku_id, price_fen, from_at, until_at, set_by, set_at, reason FROM sales_contract_price
    WHERE account_id = %s ORDER BY set_at DESC, id LIMIT %s
    """
    return rows(db, ContractPrice, sql, [account_id, most])


def set_contract_price(db: Db, new: ContractPrice) -> None:
    sql = """
    INSERT INTO sales_contract_price (id, account_id, sku_id, price_fen, from_at, until_at, set_by, set_at, reason)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    """
    told = [new.id, new.account_id, new.sku_id, new.price_fen, new.from_at, new.until_at]
    run(db, sql, [*told, new.set_by, new.set_at, new.reason])


def earlier_purchases(
    db: Db, purchases: Sequence[Purchase]
) -> tuple[dict[tuple[int, str], tuple[str, int, UUID]], frozenset[tuple[int, str]]]:
    """What these keys led to before, as (asked, pool, order); and which of these references are taken."""
    keys = sorted({purchase.identity for purchase in purchases})
    scopes = {scope_of(account): account for account, _ in keys}
    told = db.execute(EARLIER, columns([(scope_of(account), key) for account, key in keys], 2))
    earlier = {(scopes[scope], key): (asked, pool, order) for scope, key, asked, pool, order in told}
    named = sorted({(p.account_id, p.reference) for p in purchases if p.reference})
    taken = db.execute(TAKEN, columns(named)).fetchall() if named else []
    return earlier, frozenset((account, reference) for account, reference in taken)


def keep_purchases(db: Db, bought: Sequence[Bought], tokens: Sequence[str], at: datetime) -> None:
    """Write purchases down, with their keys and references."""
    told = {
        "at": at,
        "pools": [one.pool_id for one in bought],
        "ids": [one.id for one in bought],
        "numbers": [one.number for one in bought],
        "tokens": list(tokens),
        "quantities": [one.purchase.quantity for one in bought],
        "totals": [one.total_fen for one in bought],
        "accounts": [one.purchase.account_id for one in bought],
        "references": [one.purchase.reference for one in bought],
        "states": ["paid" if one.offer.is_later else "delivered" for one in bought],
    }
    write(db, PLACE, told)  # type: ignore[arg-type]  # named parameters
    keys = [(scope_of(p.account_id), p.key, p.asked, one.pool_id, one.id) for one in bought for p in [one.purchase]]
    write(db, KEEP_KEYS, [at, *columns(keys)])
    named = [(one.purchase.account_id, one.purchase.reference, one.pool_id, one.id)
             for one in bought if one.purchase.reference]  # fmt: skip
    if named:
        write(db, KEEP_REFERENCES, columns(named))


def spend(db: Db, spent: Sequence[tuple[int, int]], today: date) -> None:
    """Count what accounts have spent today; always, so that a limit set in the middle of a day knows the whole of it."""
    write(db, SPEND, [today, today, *columns(spent)])


def order_of_reference(db: Db, account_id: int, reference: str) -> tuple[int, UUID] | None:
    sql = "SELECT pool_id, order_id FROM sales_reference WHERE account_id = %s AND reference = %s"
    return db.execute(sql, [account_id, reference]).fetchone()  # type: ignore[return-value]  # two columns


def order_of_key(db: Db, account_id: int, key: str) -> tuple[int, UUID]:
    """What a key has led to."""
    sql = "SELECT pool_id, order_id FROM sales_key WHERE scope = %s AND key = %s"
    found = db.execute(sql, [scope_of(account_id), key]).fetchone()
    assert found is not None
    return found  # type: ignore[return-value]  # two columns


def keep_account_orders(db: Db, told: Sequence[tuple[int, int, UUID, datetime]]) -> None:
    """The lists by account, in the table keyed by buyer: (account, pool, order, instant). A repeat changes nothing."""
    sql = """
    INSERT INTO sales_buyer_order (buyer, pool_id, order_id, placed_at)
    SELECT * FROM unnest(%s::bytea[], %s::bigint[], %s::uuid[], %s::timestamptz[]) ORDER BY 1, 3 ON CONFLICT DO NOTHING
    """
    run(db, sql, columns([(scope_of(account), *rest) for account, *rest in told]))


def orders_of_account(db: Db, account_id: int, before: datetime, most: int) -> list[tuple[int, UUID]]:
    """An account's purchases before an instant, the newest first."""
    sql = """
    SELECT pool_id, order_id FROM sales_buyer_order WHERE buyer = %s AND placed_at < %s ORDER BY placed_at DESC LIMIT %s
    """
    return db.execute(sql, [scope_of(account_id), before, most]).fetchall()  # type: ignore[return-value]  # two columns


def forget_keys(db: Db, before: datetime, most: int) -> int:
    """Forget idempotency keys of purchases made before an instant; says how many."""
    sql = """
    DELETE FROM sales_key WHERE (scope, key) IN (
        SELECT scope, key FROM sales_key WHERE made_at < %s AND scope >= 'account:' AND scope < 'account;' LIMIT %s)
    """
    return run(db, sql, [before, most])


def add_topup(db: Db, new: Topup) -> bool:
    """Write a top-up down; False when its bank reference has been used."""
    sql = """
    INSERT INTO sales_topup (id, account_id, amount_fen, contract_no, bank_reference, approval_id, state, asked_by, asked_at)
    VALUES (%s, %s, %s, %s, %s, %s, 'asked', %s, %s) ON CONFLICT DO NOTHING
    """
    told = [new.id, new.account_id, new.amount_fen, new.contract_no, new.bank_reference, new.approval_id]
    return run(db, sql, [*told, new.asked_by, new.asked_at]) == 1


def topup(db: Db, approval_id: UUID, *, lock: bool = False) -> Topup | None:
    return one(db, Topup, f"{TOPUP} WHERE approval_id = %s {'FOR UPDATE' if lock else ''}", [approval_id])


def topups(db: Db, account_id: int, most: int) -> list[Topup]:
    return rows(db, Topup, f"{TOPUP} WHERE account_id = %s ORDER BY asked_at DESC, id LIMIT %s", [account_id, most])


def move_topup(db: Db, topup_id: UUID, after: str, credited_at: datetime | None) -> None:
    sql = "UPDATE sales_topup SET state = %s, credited_at = %s WHERE id = %s AND state = 'asked'"
    assert run(db, sql, [after, credited_at, topup_id]) == 1, "a top-up is decided once"
