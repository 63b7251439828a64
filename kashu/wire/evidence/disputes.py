"""What was argued about an order, and how its goods were looked at: complaints, guardians' claims, compensations, takedowns, reviews (C-21)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from kashu import aftersale, catalog, compliance
from kashu.cards import CalledInvalid
from kashu.compliance import Review
from kashu.kernel.db import Db
from kashu.kernel.seal import Keyring
from kashu.wire.evidence.case import Case, told_of

REVIEWS_MAX, TAKEDOWNS_MAX = 50, 50
SPOKEN = ("words", "answer", "reason", "objection", "review_reason")  # what people wrote, who may have named themselves
SEALED = ("guardian_name", "guardian_number", "minor_name", "minor_number", "words")
HIDDEN = "****"


def complaints(db: Db, case: Case) -> list[dict[str, Any]]:
    """Every complaint with its steps, the oldest first; numbers in what was written only for who may see them."""
    found = []
    for one in reversed(aftersale.complaints_of_order(db, case.order.pool_id, case.order.id)):
        told = told_of(one, "pool_id", "order_id", "number")
        if not case.is_personal:
            told |= {name: _shown(told[name]) for name in SPOKEN}
        found.append(told | {"missed": aftersale.breached(db, [one.id]).get(one.id, [])})
    return found


def guardian_claims(db: Db, ring: Keyring, case: Case) -> list[dict[str, Any]]:
    """Every guardian's claim, the oldest first; the persons only for who may see them. The evidence is told by its hash."""
    found = []
    for one in reversed(aftersale.claims_of_order(db, case.order.pool_id, case.order.id)):
        told = told_of(one, "pool_id", "order_id", "number", "token", "spool", *SEALED)
        persons = dict.fromkeys(SEALED, "" if one.erased_at else HIDDEN)
        if case.is_personal and one.erased_at is None:
            persons = asdict(aftersale.persons_of(ring, one))
        found.append({**told, **persons})
    return found


def compensations(db: Db, case: Case) -> list[dict[str, Any]]:
    """What was recalled or demanded of us in place of the supplier, the oldest first, and what became of it."""
    found = reversed(aftersale.compensations_of_order(db, case.order.pool_id, case.order.id))
    return [_reasoned(case, told_of(one, "pool_id", "order_id", "number")) for one in found]


def credits_of(case: Case) -> list[dict[str, Any]]:
    """What went back to the account that paid, by a claim or a compensation, the oldest first."""
    return [_reasoned(case, told_of(one)) for one in case.credits]


def called_invalid(case: Case, said: Sequence[CalledInvalid]) -> list[dict[str, Any]]:
    """The word of whoever honours these codes that they are no good."""
    return [_reasoned(case, told_of(one)) for one in said]


def things(db: Db, case: Case) -> dict[str, list[str]]:
    """What the trail calls the complaints, claims and compensations of an order."""
    key = (case.order.pool_id, case.order.id)
    return {
        "complaint": [str(one.id) for one in aftersale.complaints_of_order(db, *key)],
        "guardian": [str(one.id) for one in aftersale.claims_of_order(db, *key)],
        "compensation": [str(one.id) for one in aftersale.compensations_of_order(db, *key)],
    }


def takedowns(db: Db, case: Case) -> list[dict[str, Any]]:
    """Takedowns of these goods, whatever became of them, each with what was shown when they were taken down."""
    found = compliance.takedowns_of_products(db, _products(db, case), TAKEDOWNS_MAX)
    return [{**told_of(one), "shown": compliance.snapshot(db, one.snapshot)} for one in found]


def reviews(db: Db, case: Case) -> list[dict[str, Any]]:
    """The reviews of these listings up to the order, the newest first; `stood` is the one under which a page was shown."""
    found = []
    for product_id in _products(db, case):
        read = compliance.reviews_of(db, f"product:{product_id}", case.order.placed_at, REVIEWS_MAX)
        stood = next((one.id for one in read if _is_yes(one, case)), None)
        found += [{**told_of(one), "stood": one.id == stood} for one in read]
    return found


def _reasoned(case: Case, told: dict[str, Any]) -> dict[str, Any]:
    return told if case.is_personal else told | {"reason": _shown(told["reason"])}


def _shown(words: str) -> str:
    """Words to the letter, unless there is a number or a key in them to hide."""
    hidden = aftersale.for_supplier(words)
    return hidden if HIDDEN in hidden else words


def _is_yes(one: Review, case: Case) -> bool:
    return one.state == "allowed" and one.decided_at is not None and one.decided_at <= case.order.placed_at


def _products(db: Db, case: Case) -> list[int]:
    return sorted(set(catalog.products_of(db, [line.sku_id for line in case.lines]).values()))
