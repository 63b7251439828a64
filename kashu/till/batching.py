from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

BATCH_MAX = 128
BATCH_WEIGHT_MAX = 4_000  # cards
WAITING_MAX = 4_096
WAIT_SECONDS_MAX = 2.0  # who would wait longer is told so at once
LEARNING = 0.2  # how much the last batch counts in what a batch is thought to take

Asked = TypeVar("Asked")
Told = TypeVar("Told")


class TillIsFullError(Exception):
    """More are waiting than we can serve in time; come back in so many seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"again in {retry_after} s")
        self.retry_after = retry_after


class BrokenError(Exception):
    """A request that could not be done; it left no trace. Its cause is what broke it."""


class Batcher(Generic[Asked, Told]):
    """Does whatever is waiting, together, as soon as the last batch is written.

    There is no timer. Under light load a batch is one and waits for nobody; under heavy load batches grow by
    themselves, because requests arrive while one is being written. A batch that breaks is done one by one, so
    that one bad request hurts only itself; where the world is broken (`is_hopeless`), asking it again for each of them
    would only keep everybody waiting. A batch is bounded in requests and in what they weigh.
    """

    def __init__(
        self,
        do_all: Callable[[Sequence[Asked]], Sequence[Told]],
        *,
        weigh: Callable[[Asked], int] = lambda _: 1,
        is_hopeless: Callable[[Exception], bool] = lambda _: False,
        is_stuck: Callable[[Exception], bool] = lambda _: False,
        stuck_on: Callable[[Asked], Hashable] = id,
    ) -> None:
        self._do_all, self._weigh, self._is_hopeless = do_all, weigh, is_hopeless
        self._is_stuck, self._stuck_on = is_stuck, stuck_on
        self._waiting: deque[tuple[Asked, asyncio.Future[Told]]] = deque()
        self._weight = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="till")
        self._busy: asyncio.Task[None] | None = None
        self._batch_seconds = 0.0

    async def do(self, asked: Asked) -> Told:
        batches = max(len(self._waiting) / BATCH_MAX, self._weight / BATCH_WEIGHT_MAX)
        wait = batches * self._batch_seconds
        if len(self._waiting) >= WAITING_MAX or wait > WAIT_SECONDS_MAX:
            raise TillIsFullError(max(1, round(wait)))
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        self._weight += self._weigh(asked)
        if self._busy is None or self._busy.done():
            self._busy = asyncio.create_task(self._serve())
        return await future

    async def drain(self) -> None:
        """Finish what is waiting; nothing new should come."""
        if self._busy is not None:
            await self._busy
        self._thread.shutdown()

    async def _serve(self) -> None:
        while self._waiting:
            batch = self._next()
            begun = time.monotonic()
            try:
                answers = await self._in_thread([asked for asked, _ in batch])
            except Exception as error:
                if len(batch) == 1 or self._is_hopeless(error):
                    log.exception("till.broken", extra={"batch": len(batch)})
                    for _, future in batch:
                        _fail(future, error)
                else:
                    await self._one_by_one(batch)
            else:
                for (_, future), told in zip(batch, answers, strict=True):
                    _give(future, told)
            self._batch_seconds += LEARNING * (time.monotonic() - begun - self._batch_seconds)

    def _next(self) -> list[tuple[Asked, asyncio.Future[Told]]]:
        """The first of those who wait, at least one, as many as a batch may hold."""
        batch: list[tuple[Asked, asyncio.Future[Told]]] = []
        weight = 0
        while self._waiting and len(batch) < BATCH_MAX:
            weight += self._weigh(self._waiting[0][0])
            if batch and weight > BATCH_WEIGHT_MAX:
                break
            batch.append(self._waiting.popleft())
            self._weight -= self._weigh(batch[-1][0])
        return batch

    async def _one_by_one(self, batch: Sequence[tuple[Asked, asyncio.Future[Told]]]) -> None:
        """Do each alone. What is stuck for one (a lock that is not to be had) is not waited for again by its like."""
        log.warning("till.one_by_one", extra={"batch": len(batch)})
        stuck: dict[Hashable, Exception] = {}
        for asked, future in batch:
            if (what := self._stuck_on(asked)) in stuck:
                _fail(future, stuck[what])
                continue
            try:
                [told] = await self._in_thread([asked])
            except Exception as error:
                log.exception("till.broken")
                stuck |= {what: error} if self._is_stuck(error) else {}
                _fail(future, error)
            else:
                _give(future, told)

    async def _in_thread(self, batch: Sequence[Asked]) -> Sequence[Told]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do_all, batch)


def _give(future: asyncio.Future[Told], told: Told) -> None:
    if not future.done():  # the one who asked may have gone
        future.set_result(told)


def _fail(future: asyncio.Future[Told], cause: Exception) -> None:
    if not future.done():
        broken = BrokenError()
        broken.__cause__ = cause
        future.set_exception(broken)
