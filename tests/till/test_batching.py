from __future__ import annotations

import asyncio
import threading

import pytest

from kashu.till.batching import BATCH_MAX, WAITING_MAX, Batcher, BrokenError, TillIsFullError


def test_those_who_wait_are_served_together():
    batches, gate = [], threading.Event()

    def do_all(asked):
        batches.append(len(asked))
        gate.wait(timeout=5)
        return [number * 2 for number in asked]

    async def rush():
        till = Batcher(do_all)
        tasks = [asyncio.create_task(till.do(number)) for number in range(BATCH_MAX + 2)]
        await asyncio.sleep(0.05)
        gate.set()
        answers = await asyncio.gather(*tasks)
        await till.drain()
        return answers

    assert asyncio.run(rush()) == [number * 2 for number in range(BATCH_MAX + 2)]
    assert batches == [BATCH_MAX, 2]


def test_one_that_breaks_a_batch_hurts_only_itself():
    def do_all(asked):
        if 13 in asked:
            raise RuntimeError("unlucky")
        return [number * 2 for number in asked]

    async def rush():
        till = Batcher(do_all)
        return await asyncio.gather(*(till.do(number) for number in (12, 13, 14)), return_exceptions=True)

    twelve, thirteen, fourteen = asyncio.run(rush())
    assert (twelve, fourteen) == (24, 28)
    assert isinstance(thirteen, BrokenError)


def test_a_full_till_says_so():
    gate = threading.Event()

    def do_all(asked):
        gate.wait(timeout=5)
        return list(asked)

    async def rush():
        till = Batcher(do_all)
        tasks = [asyncio.create_task(till.do(number)) for number in range(WAITING_MAX)]
        await asyncio.sleep(0)
        with pytest.raises(TillIsFullError):
            await till.do(-1)
        gate.set()
        await asyncio.gather(*tasks)

    asyncio.run(rush())


def test_the_one_who_asked_may_go_and_the_work_is_done():
    done = []

    def do_all(asked):
        done.extend(asked)
        return list(asked)

    async def rush():
        till = Batcher(do_all)
        gone = asyncio.create_task(till.do(1))
        await asyncio.sleep(0)
        gone.cancel()
        assert await till.do(2) == 2

    asyncio.run(rush())
    assert sorted(done) == [1, 2]
