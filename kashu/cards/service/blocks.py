"""What stands in the way of cards: of who sells them, of who brought them, and in their own papers (compliance.md §2.3)."""

from __future__ import annotations

from datetime import datetime

from kashu import catalog, compliance
from kashu.cards import store
from kashu.cards.types import Batch
from kashu.compliance import Effect, Event
from kashu.kernel.clock import biz_date
from kashu.kernel.db import Db


def stops(db: Db, batch: Batch, at: datetime) -> list[str]:
    """The causes, of its own papers, its supplier or a takedown, that keep a batch from being sold; not those of its seller."""
    return store.stops(db, batch.pool_id, biz_date(at))


def effect(db: Db, batch: Batch, event: Event, at: datetime) -> Effect:
    """What happens at an event to the cards of a batch, or to the money that they brought in."""
    seller_id, goods = catalog.seller_of(db, batch.sku_id)
    return compliance.effect(db, seller_id, goods, event, at, stops(db, batch, at), batch.supplier_id)
