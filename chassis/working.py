"""A service's worker: consumers, task runner, relay and periodic jobs, each started again when it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from chassis import telemetry
from chassis.batches import BatchStep
from chassis.consuming import Guard, Offsets, make_broker, subscribe
from chassis.lag import observe
from chassis.ops.replays import advance_replays
from chassis.outcomes import failure_of
from chassis.producing import Producer
from chassis.pruning import prune
from chassis.relay import Relay
from chassis.runner import TaskRunner
from chassis.steps import Periodic

if TYPE_CHECKING:
    from chassis.hosting import Application

log = logging.getLogger(__name__)


class Worker:
    """Everything of a service that works without being asked by HTTP. `run()` until cancelled, after `stop()`."""

    def __init__(self, application: Application) -> None:
        settings = application.settings
        self.application = application
        database = application.database
        self.relay = Relay(
            database,
            application.name,
            Producer(settings.bootstrap, settings.kafka_compression),
            settings.relay_batch_rows,
        )
        self.runner = TaskRunner(database, application.steps, settings.task_lease_seconds)
        database.wake_after_commit(told=self.relay.wake, scheduled=self.runner.wake)
        self.broker = make_broker(settings.bootstrap)
        self.offsets: list[Offsets] = []
        readers = [BatchStep(database, step) for step in application.steps if step.step.topics]
        for reader in readers:
            reader.follow_with(readers)
            self.offsets.append(subscribe(self.broker, reader.step, reader.apply, settings.consumer_batch_records))
        self._started = asyncio.Event()
        self._stopping = False

    def missing(self) -> dict[str, str]:
        """What is not working now, for readiness: consumers that have not joined, died or keep failing."""
        missing: dict[str, str] = {}
        if self.offsets and not self._started.is_set():
            missing["kafka"] = "the consumers have not joined yet"
        for offsets in self.offsets:
            tasks: Any = getattr(offsets.subscriber, "tasks", ())
            if self._started.is_set() and any(task.done() for task in tasks):
                missing[offsets.group] = "the consumer's loop has ended"
            elif Guard.failures.get(offsets.subscriber):
                missing[offsets.group] = "batches are being read again"
        return missing

    async def run(self) -> None:
        """Run every part until cancelled."""
        periodics = [*self.application.periodics, *self._own_periodics()]
        loops = [
            self._forever("relay", self.relay.run),
            self._forever("tasks", self.runner.run),
            self._consume(),
            *(self._forever(f"{offsets.group} offsets", offsets.run) for offsets in self.offsets),
            *(self._periodically(job) for job in periodics),
        ]
        await asyncio.gather(*loops)

    def _own_periodics(self) -> list[Periodic]:
        settings, name, steps = self.application.settings, self.application.name, self.application.steps
        return [
            Periodic(f"{name}.observe", 2.0, lambda database: observe(database, name, steps, settings.bootstrap)),
            Periodic(f"{name}.replays", 0.5, advance_replays),
            Periodic(f"{name}.prune", 60.0, lambda database: prune(database, settings.retention_days)),
        ]

    async def _consume(self) -> None:
        """Join the groups; the broker may be away for as long as it likes."""
        while not self._started.is_set():
            try:
                await self.broker.start()
                self._started.set()
            except Exception as error:
                log.warning("the broker is not there yet: %r", failure_of(error))
                await self.broker.stop()
                await asyncio.sleep(0.5)

    async def _forever(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await run()
            except Exception as error:
                log.error("%s failed and starts again: %r", name, failure_of(error))
                await asyncio.sleep(0.5)

    async def _periodically(self, job: Periodic) -> None:
        while True:
            try:
                again = await job.run(self.application.database) > 0
            except Exception as error:
                telemetry.PERIODIC_FAILURES.labels(job.name).inc()
                log.warning("%s failed: %r", job.name, failure_of(error))
                again = False
            await asyncio.sleep(0 if again else job.every_seconds)

    async def stop(self) -> None:
        """Leave in order: consumers finish their batch and commit, the relay gives up its lease."""
        self._stopping = True
        for offsets in self.offsets:
            if offsets.subscriber.consumer is not None:
                await offsets.flush()
        try:
            await asyncio.wait_for(self.broker.stop(), 15)
        except Exception as error:
            log.warning("the broker's connection did not close: %r", failure_of(error))
        await self.relay.close()
