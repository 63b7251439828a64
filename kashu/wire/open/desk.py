"""The addresses of the open API, and how a request is served on them, whichever lane it came through."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import psycopg
import psycopg_pool
from msgspec import Struct

from kashu import party
from kashu.kernel.db import Db
from kashu.wire.context import Context
from kashu.wire.open import bulk, purchases, reads, redemptions
from kashu.wire.open.auth import Caller, Doorkeeper, Known, credentials
from kashu.wire.open.messages import (
    AccountTold,
    BulkAsked,
    BulkTold,
    ChoicesTold,
    InvalidAsked,
    InvalidTold,
    PurchaseAsked,
    PurchaseTold,
    RedemptionAsked,
    RedemptionsTold,
    RedemptionTold,
    Request,
    Response,
    SkusTold,
    StatementTold,
    UndoAsked,
)
from kashu.wire.open.problems import problem

PREFIX = "/open/v1/"
BODY_BYTES_MAX = 65_536
TARGET_CHARS_MAX = 2_048
Read = Callable[[Db, Context, Caller, Request, datetime], Response]
Broken = (psycopg.Error, psycopg_pool.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Address:
    """One address: what it takes and gives, who may use it. `serve` is None for purchases, which come in batches."""

    method: str
    path: str
    scope: str
    summary: str
    told: type[Struct] | None
    problems: tuple[str, ...]
    serve: Read | None = None
    asked: type[Struct] | None = None
    query: tuple[tuple[str, str], ...] = ()
    status: int = 200
    others: tuple[tuple[int, str], ...] = ()  # other statuses of success

    @property
    def shape(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{\w+\}", "[0-9A-Za-z_-]{1,64}", self.path) + r"\Z")


PAGING = (("limit", "Rows on a page, 1 to 200; 50 when left out."), ("after", "The `next` of the page before."))
ADDRESSES = (
    Address("GET", "/open/v1/skus", "catalog.read", "SKUs for sale, at your prices", SkusTold, ("invalid",),
            reads.skus, query=PAGING),
    Address("GET", "/open/v1/skus/{sku}/choices", "catalog.read", "Cards of a SKU that can be picked, by label", ChoicesTold,
            ("invalid", "not_for_sale"), reads.choices, query=(*PAGING, ("q", "Labels that contain this."))),
    Address("GET", "/open/v1/account", "account.read", "Your purchase account", AccountTold, ("invalid",), reads.account),
    Address("GET", "/open/v1/statements", "account.read", "The movements of your account, the newest first",
            StatementTold, ("invalid",), reads.statements, query=PAGING),
    Address("GET", "/open/v1/orders/{id}", "purchases.read", "A purchase with its cards, by id", PurchaseTold,
            ("invalid", "not_found"), reads.order),
    Address("GET", "/open/v1/orders", "purchases.read", "A purchase with its cards, by your reference", PurchaseTold,
            ("invalid", "not_found"), reads.orders, query=(("reference", "The reference of the purchase."),)),
    Address("POST", purchases.PATH, purchases.SCOPE, "Buy cards, answered at once", PurchaseTold,
            ("malformed", "invalid", "idempotency_key", "idempotency_mismatch", "short_of_funds", "account_closed",
             "needs_split_payment", "licence_lapsed", "not_for_sale", "out_of_stock", "over_limit", "reference_taken", "in_flight", "pick_taken", "form_wrong"),
            asked=PurchaseAsked, status=201, others=((202, "Taken on: it is being issued"),)),
    Address("POST", "/open/v1/bulk-purchases", "purchases.write", "Buy cards by the thousand: a job", BulkTold,
            ("malformed", "invalid", "idempotency_key", "idempotency_mismatch", "account_closed", "needs_split_payment",
             "not_for_sale", "over_limit", "short_of_funds", "reference_taken", "too_many_open", "in_flight"), bulk.ask, asked=BulkAsked, status=202),
    Address("GET", "/open/v1/bulk-purchases/{id}", "purchases.read", "How far a bulk purchase is", BulkTold,
            ("not_found",), bulk.follow),
    Address("GET", "/open/v1/bulk-purchases/{id}/file", "purchases.read", "The sealed file; takes a Range", None,
            ("not_found", "not_ready", "gone", "range"), bulk.fetch, others=((206, "A part of it"),)),
    Address("POST", "/open/v1/redemptions", "redemptions", "Redeem a code of ours", RedemptionTold,
            ("malformed", "invalid", "idempotency_key", "no_such_code", "not_sold", "expired", "already_redeemed",
             "wrong_instant", "in_flight"), redemptions.redeem, asked=RedemptionAsked, status=201),
    Address("POST", "/open/v1/redemptions/undo", "redemptions", "Undo a redemption within an hour", RedemptionTold,
            ("malformed", "invalid", "idempotency_key", "no_such_code", "not_sold", "not_redeemed", "too_late", "in_flight"),
            redemptions.undo, asked=UndoAsked),
    Address("POST", "/open/v1/redemptions/invalid", "redemptions", "Say that a code of ours is no good", InvalidTold,
            ("malformed", "invalid", "idempotency_key", "no_such_code", "not_sold", "already_redeemed", "in_flight"),
            redemptions.call_invalid, asked=InvalidAsked, status=201),
    Address("GET", "/open/v1/redemptions", "redemptions", "Your redemptions, the newest first", RedemptionsTold,
            ("invalid",), redemptions.listed, query=PAGING),
)  # fmt: skip
SHAPES = [(address, address.shape) for address in ADDRESSES]


class Desk:
    """Serves the open API in one process."""

    def __init__(self, ctx: Context) -> None:
        self._ctx, self._doorkeeper = ctx, Doorkeeper(ctx.ring)

    def identify(self, request: Request, at: datetime) -> tuple[Address, Caller] | Response:
        """Look up the key if need be, and check the request. May ask the database."""
        found = self.begin(request)
        if isinstance(found, Response):
            return found
        address, key_id = found
        known = self._doorkeeper.known(key_id) or self.look_up(key_id)
        return known if isinstance(known, Response) else self.admit(request, address, known, at)

    def begin(self, request: Request) -> tuple[Address, str] | Response:
        """The address of a request and the key that it names. Asks nobody."""
        if len(request.target) > TARGET_CHARS_MAX:
            return problem("too_large", "The address is too long.")
        if len(request.body) > BODY_BYTES_MAX:
            return problem("too_large")
        fitting = [address for address, shape in SHAPES if shape.match(request.path)]
        if not fitting:
            return problem("not_found", "There is no such address.")
        address = next((one for one in fitting if one.method == request.method), None)
        if address is None:
            refused = problem("method_not_allowed")
            allowed = ", ".join(sorted(one.method for one in fitting))
            return Response(refused.status, refused.body, refused.content_type, headers=(("allow", allowed),))
        key_id = credentials(request)
        return key_id if isinstance(key_id, Response) else (address, key_id)

    def known(self, key_id: str) -> Known | None:
        return self._doorkeeper.known(key_id)

    def look_up(self, key_id: str) -> Known | Response:
        """The key from the database, unless too many are looked for."""
        if not self._doorkeeper.may_look(key_id):
            return problem("too_often")
        with self._ctx.pool.transaction() as db:
            return self._doorkeeper.look_up(db, key_id)

    def admit(
        self, request: Request, address: Address, known: Known, at: datetime
    ) -> tuple[Address, Caller] | Response:
        """Whether the signature is right and the key may use the address."""
        caller = self._doorkeeper.check(request, known, at)
        if isinstance(caller, Response):
            return caller
        if address.scope not in caller.scopes:
            return problem("no_scope", f"The key lacks the scope {address.scope}.")
        return address, caller

    def read(self, request: Request, address: Address, caller: Caller, at: datetime) -> Response:
        """Serve anything but a purchase."""
        assert address.serve is not None
        with self._ctx.pool.transaction() as db:
            [refused] = party.admit(db, [(caller.key_id, caller.nonce)], at)
            if refused is not None:
                return problem(purchases.CALL_CODES[refused])
            try:
                return address.serve(db, self._ctx, caller, request, at)
            except reads.BadQueryError as error:
                return problem("invalid", str(error))

    def serve(self, request: Request, at: datetime) -> Response:
        """Serve one request by itself: the web lane's way, a batch of one."""
        try:
            found = self.identify(request, at)
            if isinstance(found, Response):
                return found
            address, caller = found
            if address.serve is not None:
                return self.read(request, address, caller, at)
            call = purchases.read(request, caller, self._ctx.ring)
            if isinstance(call, Response):
                return call
            return purchases.serve(self._ctx.pool, self._ctx.ring, [call], at)[0]
        except Broken as error:
            return broken(error)


def broken(error: BaseException | None) -> Response:
    """What to answer when the database let us down; nothing was done, or it was done and the key will tell."""
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return problem("in_flight")
    return problem("unavailable")
