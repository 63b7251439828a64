"""Having transactions attested (交易核验): written down with what happened, told by the clock, kept as answered."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from kashu import cards, catalog, compliance, sales
from kashu.compliance import Attestation, NewAttestation
from kashu.kernel import clock
from kashu.kernel.db import Db
from kashu.kernel.text import canonical_json
from kashu.sales import Order, SaleLine
from kashu.wire import metrics, verify
from kashu.wire.attestation import AttestationError, Attestor
from kashu.wire.context import Context

log = logging.getLogger(__name__)
AT_ONCE, PLACES, ROUNDS_MAX = 40, 4, 25
CARDS_MAX = 1_000


def note_orders(ctx: Context, db: Db, event: str, orders: Sequence[Order], at: datetime) -> None:
    """Write down what happened to orders, if somebody attests it. With what proves the cards' origin; nobody's data."""
    if ctx.attestor is None or not orders:
        return
    lines = sales.lines_of(db, [one.id for one in orders])
    new = [
        NewAttestation(event, one.number, one.number, _body(ctx, db, event, one, lines.get(one.id, ())))
        for one in orders
    ]
    compliance.attestations.tell(db, new, at)


def _body(ctx: Context, db: Db, event: str, order: Order, lines: Sequence[SaleLine]) -> str:
    proofs: dict[int, list[str]] = defaultdict(list)
    for card in cards.records(db, [(line.pool_id, line.id) for line in lines])[:CARDS_MAX]:
        proofs[card.pool_id].append(verify.token(ctx.ring, card.pool_id, card.id))
    happened = order.delivered_at if event == "delivered" else order.closed_at
    told: dict[str, Any] = {
        "event": event,
        "order": order.number,
        "at": None if happened is None else happened.isoformat(),
        "total_fen": order.total_fen,
        "lines": [
            {"sku": catalog.codes(db, [line.sku_id]).get(line.sku_id, ""), "quantity": line.quantity, **_origin(db, line.pool_id),
             "proofs": proofs[line.pool_id]}
            for line in lines
        ],
    }  # fmt: skip
    return canonical_json(told)


def _origin(db: Db, pool_id: int) -> dict[str, Any]:
    """The batch, the hash that all of its steps lead to, and the authorisation it was bought under."""
    batch, steps, held = cards.batch(db, pool_id), cards.steps(db, pool_id), cards.authorisation_of(db, pool_id)
    link = None if held is None else compliance.authorisation(db, held)
    return {
        "batch": "" if batch is None else batch.code,
        "chain": steps[-1].hash.hex() if steps else "",
        "authorisation": None if link is None else {"number": link.number, "brand": link.brand},
    }


def attest(ctx: Context) -> int:
    """Tell what is due, some at a time; says how much was answered."""
    if ctx.attestor is None:
        return 0
    done = 0
    with ThreadPoolExecutor(PLACES) as places:
        for _ in range(ROUNDS_MAX):
            with ctx.pool.transaction() as db:
                taken = compliance.attestations.take(db, clock.now(), AT_ONCE)
            if not taken:
                return done
            done += sum(places.map(lambda one: _tell(ctx, one), taken))
    return done


def _tell(ctx: Context, told: Attestation) -> bool:
    attestor: Attestor | None = ctx.attestor
    assert attestor is not None
    try:
        answer = attestor.tell(told)
    except AttestationError as error:
        metrics.ATTESTATIONS.labels("no_answer").inc()
        with ctx.pool.transaction() as db:
            if compliance.attestations.unanswered(db, told, str(error)):
                log.warning("attestation.stuck", extra={"order": told.order_no, "trouble": str(error)})
        return False
    metrics.ATTESTATIONS.labels(answer.state.value).inc()
    words = (answer.receipt, answer.reason)
    with ctx.pool.transaction() as db:
        compliance.attestations.answered(
            db, told, answer.state.value, (answer.body, answer.signature), words, clock.now()
        )
    return True
