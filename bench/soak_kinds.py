"""The soak's share of the other kinds of stock: cards that are picked, orders issued by a supplier or by hand."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.soak import World

LABELS = 1_500
SLOTS = 20_000
ENDS = ("8000", "8000", "8000", "0000", "1111", "2222", "3333")  # what the sandbox's supplier does with each


def prepare(world: World) -> None:
    """A SKU of each kind, on sale."""
    from kashu import cards
    from kashu.kernel import clock
    from tests import make

    ring = world.run.ring
    with world.db() as db:
        skus = {kind: make.sku(db, price_fen=1_000, kind=kind) for kind in ("pick", "own_code", "on_demand", "manual")}
        for kind in ("pick", "own_code"):
            make.batch(db, ring, skus[kind], LABELS)
        [source] = cards.sources(db)  # the demo's, which is the sandbox
        through = make.source(db, ring, source.url, (world.kashu.var / "sandbox" / "supply.secret").read_text())
        through = cards.set_source(
            db, ring, make.STAFF, cards.Source(through.id, through.supplier_id, "soak", source.url, source.key_id, b"", True, "", clock.now()), "", clock.now(),
        )  # fmt: skip
        make.slots(db, ring, skus["on_demand"], SLOTS, through)
        make.slots(db, ring, skus["manual"], SLOTS)
        demo = db.execute(
            "SELECT pool.id FROM cards_pool AS pool JOIN catalog_sku AS sku ON sku.id = pool.sku_id WHERE sku.code = 'GY-MONTH'"
        ).fetchone()
        cards.add_slots(db, make.STAFF, demo[0], SLOTS, clock.now())
        world.kinds = {kind: sku.code for kind, sku in skus.items()}


def purchase(world: World, chance: random.Random, key: str) -> dict[str, Any]:
    """A purchase of one of these kinds, as a machine asks for it."""
    kind = chance.choice(sorted(world.kinds))
    told: dict[str, Any] = {"sku": world.kinds[kind], "quantity": 1, "reference": chance.choice(["", key])}
    if kind == "pick":
        told["pick"] = f"N{chance.randint(1, LABELS)}"
    if kind in ("on_demand", "manual"):
        told["form"] = {"phone": f"1380{chance.randint(0, 999):03d}{chance.choice(ENDS)}"}
    world.counts[f"purchases asked {kind}"] += 1
    return told


def clerk_works(world: World, chance: random.Random, _n: int) -> None:
    """Somebody at the desk: takes orders on, does most of them and gives the others' money back."""
    from kashu import sales
    from kashu.kernel import clock
    from tests import make

    with world.db() as db:
        found = [one for one in sales.fulfilments_open(db, None, 200) if one.kind == "manual"]
    for one in found:
        with world.db() as db:
            if isinstance(sales.look(db, world.run.ring, make.STAFF, one.key, clock.now()), dict):
                if chance.random() < 0.8:
                    sales.fulfilled(db, world.run.ring, make.STAFF, one.key, ("", "done by hand"), clock.now())
                else:
                    sales.unfulfilled(db, make.STAFF, one.key, "no such account", clock.now())
                world.counts["orders done by hand"] += 1
    time.sleep(chance.uniform(0.5, 2))


def waits(world: World) -> bool:
    """Whether any order is still being issued; those by hand are done meanwhile."""
    with contextlib.suppress(Exception):
        clerk_works(world, random.Random(0), 0)
    with world.db() as db:
        return bool(
            db.execute("SELECT count(*) FROM sales_fulfilment WHERE state IN ('waiting', 'sent')").fetchone()[0]
        )


def _what_follows(world: World, number: str) -> str:
    """What still waits to be done about an order, for whoever has to find out why it was not."""
    with world.db() as db:
        row = db.execute(
            "SELECT told.id::text, waiting.tries, waiting.trouble, waiting.sent_at FROM sales_order AS told"
            " JOIN sales_fulfilment AS waiting ON waiting.order_id = told.id WHERE told.number = %s", [number],
        ).fetchone()  # fmt: skip
        facts = db.execute(
            "SELECT topic, body ->> 'turn', due_at, tries FROM outbox WHERE body ->> 'order_id' = %s", [row[0]]
        ).fetchall()
        jobs = db.execute(
            "SELECT id, status::text, args ->> 'topic', args -> 'body' ->> 'turn', attempts, scheduled_at, worker_id"
            " FROM procrastinate_jobs WHERE args -> 'body' ->> 'order_id' = %s", [row[0]],
        ).fetchall()  # fmt: skip
    return f"{row} outbox {facts} jobs {jobs}"


def check(world: World) -> list[str]:
    """What the supplier did, against what we booked: nothing issued and given back, nothing kept and not issued."""
    with contextlib.closing(sqlite3.connect(world.kashu.var / "sandbox" / "sandbox.sqlite")) as db:
        refused = dict(db.execute("SELECT id, is_refused FROM supply").fetchall())
    faults = []
    with world.db() as db:
        found = db.execute(
            "SELECT told.number, told.state, waiting.state FROM sales_fulfilment AS waiting"
            " JOIN sales_order AS told ON told.pool_id = waiting.pool_id AND told.id = waiting.order_id"
            " WHERE waiting.kind = 'on_demand'"
        ).fetchall()
    for number, state, waiting in found:
        issued = refused.get(number) == 0
        if state in ("delivered", "completed") and not issued:
            faults.append(f"order {number} is delivered and was never issued")
        if state in ("refunded", "refunding") and issued:
            faults.append(f"order {number} was issued and given back ({waiting})")
        if waiting in ("waiting", "sent"):
            faults.append(f"order {number} is still {waiting}: {_what_follows(world, number)}")
    ours = {number for number, *_rest in found}
    faults += [f"the supplier has an order {number} that we have not" for number in refused if number not in ours]
    world.counts["orders issued by the supplier"] = sum(not one for one in refused.values())
    world.counts["orders refused by the supplier"] = sum(bool(one) for one in refused.values())
    return faults
