"""`POST /open/v1/purchases`: many calls in one transaction, each answered as if it had come alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from kashu import cards, party, sales
from kashu.kernel.db import Pool
from kashu.kernel.seal import Keyring
from kashu.kernel.text import sha256_hex
from kashu.party import CallRefusal
from kashu.sales import Purchase, Receipt, SellRefusal
from kashu.wire import metrics
from kashu.wire.open.auth import Caller
from kashu.wire.open.messages import CardTold, PurchaseAsked, PurchaseTold, Request, Response, answer, fault_of
from kashu.wire.open.problems import problem

PATH = "/open/v1/purchases"
SCOPE = "purchases.write"
CALL_CODES = {CallRefusal.UNKNOWN_KEY: "bad_signature", CallRefusal.NONCE_REPLAYED: "nonce_replayed"}
_decoder = msgspec.json.Decoder(PurchaseAsked)


@dataclass(frozen=True, slots=True)
class Call:
    """A purchase as it waits for its batch."""

    caller: Caller
    purchase: Purchase


def read(request: Request, caller: Caller, ring: Keyring) -> Call | Response:
    """A signed request as a purchase, or what to answer instead."""
    if SCOPE not in caller.scopes:
        return problem("no_scope", f"The key lacks the scope {SCOPE}.")
    try:
        asked = _decoder.decode(request.body)
    except msgspec.ValidationError as error:
        return problem("invalid", fault_of(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return problem("malformed")
    # A form names a person: what is kept to compare the body with must not let them be guessed.
    mark = ring.identity("purchase", request.body.decode()).hex() if asked.form else sha256_hex(request.body)
    told = Purchase(
        caller.account_id, caller.idempotency_key, mark, asked.sku, asked.quantity, asked.reference, caller.key_id,
        cards.tidy_label(asked.pick) or asked.pick, asked.form,
    )  # fmt: skip
    return Call(caller, told)


def serve(pool: Pool, ring: Keyring, calls: Sequence[Call], at: datetime) -> list[Response]:
    """Do the purchases of all calls whose keys are good and whose nonces are new, in one transaction."""
    with pool.transaction() as db:
        refused = party.admit(db, [(call.caller.key_id, call.caller.nonce) for call in calls], at)
        admitted = [call.purchase for call, refusal in zip(calls, refused, strict=True) if refusal is None]
        sold = iter(sales.sell(db, ring, admitted, at) if admitted else [])
    told = [CALL_CODES[refusal] if refusal is not None else next(sold) for refusal in refused]
    for one in told:
        metrics.PURCHASES.labels("done" if isinstance(one, Receipt) else str(one)).inc()
    return [_answer(one) if isinstance(one, Receipt) else problem(code_of(one)) for one in told]


def _answer(receipt: Receipt) -> Response:
    """Done, or taken on: what is issued to somebody is not done yet."""
    return answer(receipt_told(receipt), 202 if receipt.state == "processing" else 201)


def code_of(refusal: SellRefusal | str) -> str:
    return refusal.value if isinstance(refusal, SellRefusal) else refusal


def receipt_told(receipt: Receipt) -> PurchaseTold:
    """A receipt in the words of the API."""
    return PurchaseTold(
        id=receipt.number,
        sku=receipt.code,
        quantity=receipt.quantity,
        price_fen=receipt.price_fen,
        total_fen=receipt.total_fen,
        reference=receipt.reference,
        cards=[
            CardTold(card.number, card.secret, None if card.expires_on.year == 9999 else card.expires_on.isoformat())
            for card in receipt.cards
        ],
        state=receipt.state,
        delivered_at=None if receipt.delivered_at is None else receipt.delivered_at.astimezone(UTC),
    )
