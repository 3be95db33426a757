"""Callers that wait at the moment share a transaction, and none pays for another's fault."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from chassis.sharing import Shared


async def test_callers_that_wait_share_the_next_transaction_and_each_gets_its_result() -> None:
    batches: list[int] = []
    gate = asyncio.Event()

    async def transact(items: Sequence[int]) -> list[int]:
        batches.append(len(items))
        await gate.wait()
        return [item * 2 for item in items]

    shared = Shared(transact, 40)
    waiting = [asyncio.create_task(shared.run(number)) for number in range(100)]
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*waiting) == [number * 2 for number in range(100)]
    assert batches == [40, 40, 20]


@pytest.mark.parametrize("raised", [True, False])
async def test_one_that_is_bad_fails_alone(raised: bool) -> None:
    async def transact(items: Sequence[int]) -> list[int | Exception]:
        if raised and 7 in items:
            raise ValueError("seven")
        return [ValueError("seven") if item == 7 else item for item in items]

    shared = Shared(transact, 40)
    results = await asyncio.gather(*(shared.run(number) for number in range(10)), return_exceptions=True)
    assert [str(result) for result in results if isinstance(result, Exception)] == ["seven"]
    assert [result for result in results if not isinstance(result, Exception)] == [0, 1, 2, 3, 4, 5, 6, 8, 9]


async def test_nobody_tries_alone_while_the_database_is_away() -> None:
    tries: list[int] = []

    async def transact(items: Sequence[int]) -> list[int]:
        tries.append(len(items))
        raise ConnectionRefusedError("no database")

    shared = Shared(transact, 40)
    results = await asyncio.gather(*(shared.run(number) for number in range(10)), return_exceptions=True)
    assert all(isinstance(result, ConnectionRefusedError) for result in results)
    assert tries == [10]


async def test_a_caller_who_left_spoils_nothing() -> None:
    gate = asyncio.Event()

    async def transact(items: Sequence[int]) -> list[int]:
        await gate.wait()
        return list(items)

    shared = Shared(transact, 40)
    leaving, staying = asyncio.create_task(shared.run(1)), asyncio.create_task(shared.run(2))
    await asyncio.sleep(0)
    leaving.cancel()
    gate.set()
    assert await staying == 2
