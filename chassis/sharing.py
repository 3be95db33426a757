"""Group commit: while one transaction runs, later callers gather and share the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from chassis.outcomes import Verdict, verdict

Item = TypeVar("Item")
Result = TypeVar("Result")


class Shared(Generic[Item, Result]):
    """Runs `transact` for all items that wait at the moment, `most` at most; one transaction at a time.

    `transact(items)` returns a result for each item; one that is an exception is raised to its caller alone. Before each
    transaction `gather_seconds` pass for others to come: callers that go round together then stay together.
    """

    def __init__(
        self,
        transact: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        most: int,
        gather_seconds: float = 0.0,
    ) -> None:
        self._transact, self._most, self._gather_seconds = transact, most, gather_seconds
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._running: asyncio.Task[None] | None = None

    async def run(self, item: Item) -> Result:
        """The result of `item`, committed. Raises what `transact` returned or raised for it."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await done

    async def _run(self) -> None:
        while self._waiting:
            if self._gather_seconds:
                await asyncio.sleep(self._gather_seconds)
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            await self._together(batch)

    async def _together(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        """One transaction for all of `batch`; where one of them is bad, one for each, so that only that one fails."""
        results: Sequence[Result | Exception]
        try:
            results = await self._transact([item for item, _ in batch])
        except Exception as error:
            if len(batch) > 1 and verdict(error) is not Verdict.AWAY:
                for one in batch:
                    await self._together([one])
                return
            results = [error] * len(batch)
        for (_, done), result in zip(batch, results, strict=True):
            if done.done():
                continue  # its caller was cancelled
            if isinstance(result, Exception):
                done.set_exception(result)
            else:
                done.set_result(result)
