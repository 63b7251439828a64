from __future__ import annotations

import asyncio
import threading

import pytest

from kashu.till.batching import BATCH_MAX, BATCH_WEIGHT_MAX, WAITING_MAX, Batcher, BrokenError, TillIsFullError


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


def test_a_lost_world_is_not_asked_again_for_each():
    asked_for = []

    def do_all(asked):
        asked_for.append(len(asked))
        raise ConnectionError

    async def rush():
        till = Batcher(do_all, is_hopeless=lambda error: isinstance(error, ConnectionError))
        return await asyncio.gather(*(till.do(number) for number in range(50)), return_exceptions=True)

    told = asyncio.run(rush())
    assert {type(one) for one in told} == {BrokenError}
    assert asked_for == [50]


def test_a_batch_is_bounded_in_what_it_weighs():
    batches = []

    def do_all(asked):
        batches.append(sum(asked))
        return list(asked)

    async def rush():
        till = Batcher(do_all, weigh=lambda cards: cards)
        return await asyncio.gather(*(till.do(1_000) for _ in range(10)))

    assert asyncio.run(rush()) == [1_000] * 10
    assert max(batches) <= BATCH_WEIGHT_MAX


def test_who_would_wait_too_long_is_told_when_to_come_again():
    def do_all(asked):
        import time

        time.sleep(0.2)
        return list(asked)

    async def rush():
        till = Batcher(do_all)
        first = [asyncio.create_task(till.do(n)) for n in range(20)]
        await asyncio.sleep(0)
        till._batch_seconds = 20.0
        with pytest.raises(TillIsFullError) as full:
            await till.do(-1)
        await asyncio.gather(*first)
        return full.value.retry_after

    assert asyncio.run(rush()) >= 2


def test_what_is_stuck_is_not_waited_for_again_by_its_like():
    asked_alone = []

    def do_all(asked):
        if len(asked) > 1:
            raise RuntimeError
        asked_alone.append(asked[0])
        if asked[0][0] == "stuck":
            raise TimeoutError
        return list(asked)

    async def rush():
        till = Batcher(do_all, stuck_on=lambda one: one[0], is_stuck=lambda error: isinstance(error, TimeoutError))
        first = asyncio.create_task(till.do(("free", 0)))  # a batch of its own
        await first
        asked = [("stuck", 1), ("free", 2), ("stuck", 3), ("stuck", 4), ("free", 5)]
        return await asyncio.gather(*(till.do(one) for one in asked), return_exceptions=True)

    told = asyncio.run(rush())
    assert [isinstance(one, BrokenError) for one in told] == [True, False, True, True, False]
    assert [one for one in asked_alone if one[0] == "stuck"] == [("stuck", 1)]
