from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from kashu.cards import rules, store
from kashu.cards.service.marks import MARKS
from kashu.cards.types import Card, Held, Opened
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.seal import Keyring

POOLS_AT_ONCE = 8
Line = tuple[int, UUID]  # a sale line by its key: pool, id


def pick(db: Db, wanted: Mapping[int, int], today: date) -> dict[int, deque[Card]]:
    """Lock up to `wanted[sku_id]` cards of each SKU until the transaction ends.

    Pools are asked in the order they should be emptied: first one, then several at a time. Fewer cards than
    wanted means the shelf is short, not that something went wrong.
    """
    assert_in_transaction(db)
    shelf = _pick(db, wanted, today)
    short = {sku_id: want for sku_id, want in wanted.items() if len(shelf[sku_id]) < want}
    if short and MARKS.drop(pool for pools in store.pools(db, short).values() for pool, _ in pools):
        shelf |= _pick(db, short, today)
    return shelf


def _pick(db: Db, wanted: Mapping[int, int], today: date) -> dict[int, deque[Card]]:
    shelf: dict[int, deque[Card]] = {sku_id: deque() for sku_id in wanted}
    left = {sku_id: deque(pools) for sku_id, pools in store.pools(db, wanted).items()}
    at_once = 1
    while left:
        asked = []
        for sku_id in sorted(left):
            short = wanted[sku_id] - len(shelf[sku_id])
            asked += [(*left[sku_id].popleft(), sku_id, short) for _ in range(min(at_once, len(left[sku_id])))]
        picked = store.pick(
            db, [(pool, sku, supplier, short, *MARKS.of(pool)) for pool, supplier, sku, short in asked], today
        )
        MARKS.note(picked)
        for card in picked:
            if len(shelf[card.sku_id]) < wanted[card.sku_id]:
                shelf[card.sku_id].append(card)
        left = {sku: pools for sku, pools in left.items() if pools and len(shelf[sku]) < wanted[sku]}
        at_once = POOLS_AT_ONCE
    return shelf


def hold(db: Db, held: Sequence[Held]) -> None:
    """Take picked cards off the shelf for their orders. A card is held once."""
    assert_in_transaction(db)
    if held:
        assert store.hold(db, held) == len(held)


def hand_over(db: Db, lines: Sequence[tuple[Line, int]], at: datetime) -> None:
    """Give the held cards of sale lines to their buyers; each line with the quantity it is owed."""
    assert_in_transaction(db)
    if lines:
        touched = store.hand_over(db, [line for line, _ in lines], at)
        assert len(touched) == sum(quantity for _, quantity in lines), "a paid line gets exactly what it is owed"


def put_back(db: Db, lines: Sequence[Line]) -> int:
    """Return unseen cards to the shelf; says how many. A revealed card never goes back."""
    assert_in_transaction(db)
    return store.put_back(db, lines) if lines else 0


def lock_of(db: Db, lines: Sequence[Line]) -> bool:
    """Lock the cards of sale lines and say whether any has been revealed. Refund and reveal meet here."""
    assert_in_transaction(db)
    return any(revealed_at is not None for *_, revealed_at in store.lock_of(db, lines))


def reveal(db: Db, ring: Keyring, lines: Sequence[Line], at: datetime) -> list[Opened]:
    """Open the cards of sale lines for the one who holds them, and note the first time (S-05).

    The caller has locked the cards with `lock_of` and writes the audit row in this transaction (S-04).
    """
    assert_in_transaction(db)
    pools, ids = [pool for pool, _ in lines], [line for _, line in lines]
    store.reveal(db, pools, ids, at)
    keys = {}
    opened = []
    for pool_id, card_id, line_id, expires_on, sealed, bound_to, wrapped in store.sealed(db, pools, ids):
        if pool_id not in keys:
            keys[pool_id] = ring.open_data_key(pool_id, wrapped)
        number, secret, _ = rules.unpack(keys[pool_id].open(bound_to, sealed))
        opened.append(Opened(pool_id, card_id, line_id, number, secret, expires_on))
    return opened
