from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

BATCH_MAX = 128
WAITING_MAX = 4096

Asked = TypeVar("Asked")
Told = TypeVar("Told")


class TillIsFullError(Exception):
    """More are waiting than we can serve in time; come back in a moment."""


class Batcher(Generic[Asked, Told]):
    """Does whatever is waiting, together, as soon as the last batch is written.

    There is no timer. Under light load a batch is one and waits for nobody; under heavy load batches grow by
    themselves, because requests arrive while one is being written. A batch that breaks is done one by one, so
    that one bad request hurts only itself.
    """

    def __init__(self, do_all: Callable[[Sequence[Asked]], Sequence[Told]]) -> None:
        self._do_all = do_all
        self._waiting: deque[tuple[Asked, asyncio.Future[Told]]] = deque()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="till")
        self._busy: asyncio.Task[None] | None = None

    async def do(self, asked: Asked) -> Told:
        if len(self._waiting) >= WAITING_MAX:
            raise TillIsFullError
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
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
            batch = [self._waiting.popleft() for _ in range(min(BATCH_MAX, len(self._waiting)))]
            try:
                answers = await self._in_thread([asked for asked, _ in batch])
            except Exception:
                if len(batch) == 1:
                    log.exception("till.broken")
                answers = None
            if answers is None and len(batch) == 1:
                _fail(batch[0][1])
            elif answers is None:
                await self._one_by_one(batch)
            else:
                for (_, future), told in zip(batch, answers, strict=True):
                    _give(future, told)

    async def _one_by_one(self, batch: Sequence[tuple[Asked, asyncio.Future[Told]]]) -> None:
        log.warning("till.one_by_one", extra={"batch": len(batch)})
        for asked, future in batch:
            try:
                [told] = await self._in_thread([asked])
            except Exception:
                log.exception("till.broken")
                _fail(future)
            else:
                _give(future, told)

    async def _in_thread(self, batch: Sequence[Asked]) -> Sequence[Told]:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do_all, batch)


class BrokenError(Exception):
    """A request that could not be done; it left no trace."""


def _give(future: asyncio.Future[Told], told: Told) -> None:
    if not future.done():  # the one who asked may have gone
        future.set_result(told)


def _fail(future: asyncio.Future[Told]) -> None:
    if not future.done():
        future.set_exception(BrokenError())
