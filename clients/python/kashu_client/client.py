"""The client, sync and async. What is asked and how it is read is in `asking` and `answers`; here is only the talking."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from itertools import count
from typing import Self, TypeVar

import httpx

from kashu_client import asking
from kashu_client.answers import Account, Bulk, Choice, Entry, KashuError, Purchase, Redemption, Sku
from kashu_client.asking import BROKEN, TIMEOUT_SECONDS, Call, Credentials

T = TypeVar("T")


class Kashu:
    """The open API, called and waited for. An `http` of yours is yours to close."""

    def __init__(self, base_url: str, key_id: str, secret: str, http: httpx.Client | None = None) -> None:
        self._credentials = Credentials(base_url, key_id, secret)
        self._is_own = http is None
        self._http = http or httpx.Client(timeout=TIMEOUT_SECONDS)

    def skus(self) -> Iterator[Sku]:
        """Every SKU for sale, at your prices, read page by page."""
        after = None
        while True:
            page, after = self._ask(asking.skus(after))
            yield from page
            if after is None:
                return

    def choices(self, sku: str, like: str = "") -> Iterator[Choice]:
        """The cards of a SKU that can be picked, read page by page; those whose label contains `like`."""
        after = None
        while True:
            page, after = self._ask(asking.choices(sku, like, after))
            yield from page
            if after is None:
                return

    def account(self) -> Account:
        """Your purchase account: balance and limits."""
        return self._ask(asking.account())

    def statements(self) -> Iterator[Entry]:
        """The movements of your account, the newest first, read page by page."""
        after = None
        while True:
            page, after = self._ask(asking.statements(after))
            yield from page
            if after is None:
                return

    def order(self, id: str) -> Purchase:  # noqa: A002  # the API's word
        """A purchase with its cards, by its id."""
        return self._ask(asking.order(id))

    def order_by_reference(self, reference: str) -> Purchase:
        """A purchase with its cards, by your reference."""
        return self._ask(asking.order_by_reference(reference))

    def buy(
        self, sku: str, quantity: int = 1, reference: str = "", idempotency_key: str | None = None, *,
        pick: str = "", form: Mapping[str, str] | None = None,
    ) -> Purchase:  # fmt: skip
        """Buy cards, one that you picked, or what is issued to the form's recipient.

        Tried again under the same key where that may help; the same key never buys twice.
        """
        return self._ask(asking.buy(sku, quantity, reference, idempotency_key, pick, form))

    def buy_bulk(
        self, sku: str, quantity: int, password: str, reference: str = "", idempotency_key: str | None = None, *,
        format: str = "csv",  # noqa: A002  # the API's word
    ) -> Bulk:  # fmt: skip
        """Ask for up to a million cards; a job buys them. The password opens the file, and only you have it."""
        return self._ask(asking.buy_bulk(sku, quantity, password, reference, idempotency_key, format))

    def redeem(
        self, code: str, place: str = "", redeemed_at: datetime | None = None, idempotency_key: str | None = None
    ) -> Redemption:
        """Redeem a code (核销); `redeemed_at` where your till was offline. The same key never redeems twice."""
        return self._ask(asking.redeem(code, place, redeemed_at, idempotency_key))

    def undo_redemption(self, code: str) -> Redemption:
        """Undo a redemption within its hour."""
        return self._ask(asking.undo_redemption(code))

    def bulk(self, id: str) -> Bulk:  # noqa: A002  # the API's word
        """How far a bulk purchase is."""
        return self._ask(asking.bulk(id))

    def bulk_file(self, id: str, start: int = 0) -> Iterator[bytes]:  # noqa: A002  # the API's word
        """The sealed ZIP, piece by piece, from a byte on: a broken download goes on where it stopped."""
        call = asking.bulk_file(id, start)
        answer = self._http.send(asking.request(self._http, self._credentials, call), stream=True)
        try:
            if not answer.is_success:
                answer.read()
                raise asking.refused(call, answer)
            yield from answer.iter_bytes()
        finally:
            answer.close()

    def close(self) -> None:
        if self._is_own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, call: Call[T]) -> T:
        for tries in count(1):
            try:
                told = asking.answer(call, self._http.send(asking.request(self._http, self._credentials, call)))
            except BROKEN as error:
                told = asking.unreachable(error)
            if not isinstance(told, KashuError):
                return told
            time.sleep(asking.wait_seconds(call, told, tries))
        raise AssertionError


class AsyncKashu:
    """The open API for asyncio. An `http` of yours is yours to close."""

    def __init__(self, base_url: str, key_id: str, secret: str, http: httpx.AsyncClient | None = None) -> None:
        self._credentials = Credentials(base_url, key_id, secret)
        self._is_own = http is None
        self._http = http or httpx.AsyncClient(timeout=TIMEOUT_SECONDS)

    async def skus(self) -> AsyncIterator[Sku]:
        """Every SKU for sale, at your prices, read page by page."""
        after = None
        while True:
            page, after = await self._ask(asking.skus(after))
            for one in page:
                yield one
            if after is None:
                return

    async def choices(self, sku: str, like: str = "") -> AsyncIterator[Choice]:
        after = None
        while True:
            page, after = await self._ask(asking.choices(sku, like, after))
            for one in page:
                yield one
            if after is None:
                return

    async def account(self) -> Account:
        """Your purchase account: balance and limits."""
        return await self._ask(asking.account())

    async def statements(self) -> AsyncIterator[Entry]:
        """The movements of your account, the newest first, read page by page."""
        after = None
        while True:
            page, after = await self._ask(asking.statements(after))
            for one in page:
                yield one
            if after is None:
                return

    async def order(self, id: str) -> Purchase:  # noqa: A002  # the API's word
        """A purchase with its cards, by its id."""
        return await self._ask(asking.order(id))

    async def order_by_reference(self, reference: str) -> Purchase:
        """A purchase with its cards, by your reference."""
        return await self._ask(asking.order_by_reference(reference))

    async def buy(
        self, sku: str, quantity: int = 1, reference: str = "", idempotency_key: str | None = None, *,
        pick: str = "", form: Mapping[str, str] | None = None,
    ) -> Purchase:  # fmt: skip
        """Buy cards. Tried again under the same key where that may help; the same key never buys twice."""
        return await self._ask(asking.buy(sku, quantity, reference, idempotency_key, pick, form))

    async def buy_bulk(
        self, sku: str, quantity: int, password: str, reference: str = "", idempotency_key: str | None = None, *,
        format: str = "csv",  # noqa: A002  # the API's word
    ) -> Bulk:  # fmt: skip
        """Ask for up to a million cards; a job buys them. The password opens the file, and only you have it."""
        return await self._ask(asking.buy_bulk(sku, quantity, password, reference, idempotency_key, format))

    async def redeem(
        self, code: str, place: str = "", redeemed_at: datetime | None = None, idempotency_key: str | None = None
    ) -> Redemption:
        """Redeem a code (核销); `redeemed_at` where your till was offline. The same key never redeems twice."""
        return await self._ask(asking.redeem(code, place, redeemed_at, idempotency_key))

    async def undo_redemption(self, code: str) -> Redemption:
        """Undo a redemption within its hour."""
        return await self._ask(asking.undo_redemption(code))

    async def bulk(self, id: str) -> Bulk:  # noqa: A002  # the API's word
        """How far a bulk purchase is."""
        return await self._ask(asking.bulk(id))

    async def bulk_file(self, id: str, start: int = 0) -> AsyncIterator[bytes]:  # noqa: A002  # the API's word
        """The sealed ZIP, piece by piece, from a byte on: a broken download goes on where it stopped."""
        call = asking.bulk_file(id, start)
        answer = await self._http.send(asking.request(self._http, self._credentials, call), stream=True)
        try:
            if not answer.is_success:
                await answer.aread()
                raise asking.refused(call, answer)
            async for piece in answer.aiter_bytes():
                yield piece
        finally:
            await answer.aclose()

    async def close(self) -> None:
        if self._is_own:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _ask(self, call: Call[T]) -> T:
        for tries in count(1):
            try:
                told = asking.answer(call, await self._http.send(asking.request(self._http, self._credentials, call)))
            except BROKEN as error:
                told = asking.unreachable(error)
            if not isinstance(told, KashuError):
                return told
            await asyncio.sleep(asking.wait_seconds(call, told, tries))
        raise AssertionError
