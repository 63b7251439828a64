from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from kashu.cards import rules, store
from kashu.cards.service import genuine
from kashu.cards.service.marks import BEGINNING, MARKS
from kashu.cards.service.rooms import Rooms
from kashu.cards.types import CAUSES, Card, Held, Opened
from kashu.kernel.db import Db, assert_in_transaction
from kashu.kernel.seal import Keyring
from kashu.kernel.text import mask

Line = tuple[int, UUID]  # a sale line by its key: pool, id
Pools = dict[int, deque[tuple[int, int, bool]]]  # of each SKU: (pool, supplier, whether that is throttled)


def pick(db: Db, wanted: Mapping[int, int], today: date, rooms: Rooms) -> dict[int, deque[Card]]:
    """Lock up to `wanted[sku_id]` cards of each SKU until the transaction ends.

    Pools are asked in the order they should be emptied: first one, then several at a time. Fewer cards than
    wanted means the shelf is short, not that something went wrong; of a throttled supplier there are no more than its
    room.
    """
    assert_in_transaction(db)
    shelf, by_marks = _pick(db, wanted, today, rooms)
    short = {sku_id: want for sku_id, want in wanted.items() if len(shelf[sku_id]) < want}
    if short and by_marks:
        MARKS.drop(pool for pools in store.pools(db, short, today).values() for pool, *_ in pools)
        rooms.put_back(card for sku_id in short for card in shelf[sku_id])
        shelf |= _pick(db, short, today, rooms)[0]
    return shelf


def _pick(db: Db, wanted: Mapping[int, int], today: date, rooms: Rooms) -> tuple[dict[int, deque[Card]], bool]:
    """The cards, and whether a mark passed anything over.

    One pool of a SKU is asked after another, each for what is still short: asking several at once would lock more than
    is needed, and others would find a full shelf empty. Where the first pool did not do, one look tells which of the
    others have anything at all.
    """
    shelf: dict[int, deque[Card]] = {sku_id: deque() for sku_id in wanted}
    found = store.pools(db, wanted, today)
    left = {sku: deque(one for one in pools if not MARKS.is_empty(one[0])) for sku, pools in found.items()}
    by_marks = any(len(left[sku]) < len(found[sku]) for sku in found)
    is_first = True
    while left := {sku: pools for sku, pools in left.items() if pools and len(shelf[sku]) < wanted[sku]}:
        asked = _asked(left, {sku: wanted[sku] - len(shelf[sku]) for sku in sorted(left)}, rooms)
        if not asked:
            continue
        by_marks |= any(MARKS.of(pool) != BEGINNING for pool, *_ in asked)
        picked = store.pick(
            db, [(pool, sku, supplier, short, *MARKS.of(pool)) for pool, supplier, sku, short in asked], today
        )
        MARKS.note([pool for pool, *_ in asked], picked)
        for card in picked:
            shelf[card.sku_id].append(card)
        _unused(asked, picked, rooms)
        if is_first:
            left = _with_cards(db, left, today)
            is_first = False
    return shelf, by_marks


def _asked(left: Pools, short: Mapping[int, int], rooms: Rooms) -> list[tuple[int, int, int, int]]:
    """The next pool of each SKU: (pool, supplier, SKU, how many); a throttled supplier's for no more than its room."""
    told = []
    for sku, many in short.items():
        pool, supplier, is_throttled = left[sku].popleft()
        told.append((pool, supplier, sku, rooms.reserve(supplier, many) if is_throttled else many))
    return [one for one in told if one[-1]]


def _unused(asked: list[tuple[int, int, int, int]], picked: list[Card], rooms: Rooms) -> None:
    got = Counter(card.pool_id for card in picked)
    for pool, supplier, _, many in asked:
        rooms.give_back(supplier, many - got[pool])


def _with_cards(db: Db, left: Pools, today: date) -> Pools:
    """Those of these pools that have anything on their shelf; the others are marked."""
    asked = [pool for pools in left.values() for pool, *_ in pools]
    if not asked:
        return {}
    full = store.with_cards(db, asked, today)
    MARKS.note_empty(set(asked) - full)
    return {sku: deque(one for one in pools if one[0] in full) for sku, pools in left.items()}


def pick_labelled(db: Db, wanted: Collection[tuple[int, str, int]], today: date, rooms: Rooms) -> list[Card]:
    """Lock the cards that were picked (自选), by (SKU, label, surcharge), until the transaction ends: those there are."""
    assert_in_transaction(db)
    found = store.pick_labelled(db, sorted(wanted), today) if wanted else []
    return [card for card in found if not card.is_throttled or rooms.reserve(card.supplier_id, 1)]


def hold(db: Db, held: Sequence[Held]) -> None:
    """Take picked cards off the shelf for their orders. A card is held once."""
    assert_in_transaction(db)
    if held:
        store.hold(db, held)


def hand_over(db: Db, lines: Sequence[tuple[Line, int]], at: datetime) -> None:
    """Give the held cards of sale lines to their buyers; each line with the quantity it is owed."""
    assert_in_transaction(db)
    if lines:
        store.hand_over(db, [line for line, _ in lines], sum(quantity for _, quantity in lines), at)


def hold_on(db: Db, lines: Sequence[tuple[int, UUID, datetime]]) -> None:
    """Hold the cards of paid lines on until an instant: they are being issued. One card each."""
    assert_in_transaction(db)
    assert store.hold_on(db, lines) == len(lines)


def fill(db: Db, ring: Keyring, line: Line, issued: tuple[str, str], at: datetime) -> None:
    """Fill the held slot of a sale line with what was issued (number, secret), and give it to its buyer.

    The caller marks the line as revealed: what was issued is used up, whether its buyer has looked or not.
    """
    assert_in_transaction(db)
    [(pool_id, card_id, _, _)] = store.lock_of(db, [line])
    wrapped = store.data_keys(db, [pool_id])[pool_id]
    sealed = ring.open_data_key(pool_id, wrapped).seal(card_id, rules.pack(*issued, ""))
    assert store.fill(db, pool_id, card_id, sealed, mask(issued[1])) == 1, "a slot is filled once"
    hand_over(db, [(line, 1)], at)
    store.reveal(db, [pool_id], [line[1]], at)


def sell(
    db: Db, ring: Keyring, sold: Sequence[tuple[Card, UUID, UUID]], at: datetime
) -> dict[UUID, tuple[Opened, ...]]:
    """Sell picked cards, each for an order and a line, and open them for their buyers: the cards by line.

    A purchase is delivered by its answer, so its cards are sold and revealed at one instant (S-05). The caller
    writes the audit row in this transaction.
    """
    assert_in_transaction(db)
    rows = store.sell(db, [(card.pool_id, card.id, order_id, line_id) for card, order_id, line_id in sold], at)
    assert len(rows) == len(sold), "a card is sold once"
    return open_rows(db, ring, rows)


def void(db: Db, told: Sequence[tuple[int, int]], line_ids: Sequence[UUID], cause: str, at: datetime) -> int:
    """Void cards whose money goes back, by (pool, id): they are shown and redeemed no more. How many were good until now.

    `cause` is one of `CAUSES`: that a buyer was a minor, or was done a favour, says nothing of the batch.
    """
    assert_in_transaction(db)
    assert cause in CAUSES
    many = store.void(db, sorted(told), line_ids, cause, at)
    if cause == "bad_card":
        genuine.stop_failing(db, {pool for pool, _ in told}, at)
    return many


def opened(db: Db, ring: Keyring, lines: Sequence[Line]) -> dict[UUID, tuple[Opened, ...]]:
    """The revealed cards of sale lines again, for the buyer who was shown them before."""
    pools, ids = [pool for pool, _ in lines], [line for _, line in lines]
    return open_rows(db, ring, store.sold(db, pools, ids))


def open_rows(db: Db, ring: Keyring, rows: Sequence[tuple[Any, ...]]) -> dict[UUID, tuple[Opened, ...]]:
    """Open rows of (pool, card, line, expiry, sealed, content) in bulk, one data key for each pool."""
    wrapped = store.data_keys(db, {row[0] for row in rows})
    keys = {pool_id: ring.open_data_key(pool_id, key) for pool_id, key in wrapped.items()}
    shared = {(row[0], row[5]) for row in rows if row[5] is not None}
    contents = store.content_of(db, shared) if shared else {}
    told: dict[UUID, list[Opened]] = defaultdict(list)
    for pool_id, card_id, line_id, expires_on, sealed, content_id in sorted(rows, key=lambda row: row[:2]):
        body, bound_to = (sealed, card_id) if content_id is None else (contents[pool_id, content_id], content_id)
        number, secret, _ = rules.unpack(keys[pool_id].open(bound_to, body))
        told[line_id].append(Opened(pool_id, card_id, line_id, number, secret, expires_on))
    return {line_id: tuple(cards) for line_id, cards in told.items()}


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
    store.reveal(db, [pool for pool, _ in lines], [line for _, line in lines], at)
    return [card for cards in opened(db, ring, lines).values() for card in cards]
