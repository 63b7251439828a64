"""Having transactions attested (交易核验): what `wire/attested.py` wrote down is told by the clock, and kept as answered."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from kashu import compliance
from kashu.compliance import Attestation
from kashu.kernel import clock
from kashu.wire import metrics
from kashu.wire.attestation import Attestor
from kashu.wire.context import Context
from kashu.wire.signed import CallError

log = logging.getLogger(__name__)
AT_ONCE, PLACES, ROUNDS_MAX = 40, 4, 25


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
    except CallError as error:
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
