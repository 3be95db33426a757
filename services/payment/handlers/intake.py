"""Webhook intake: authentic bytes become a row and a task in one transaction, shared by all that wait at the moment."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from chassis import telemetry
from chassis.ids import uuid7
from chassis.sharing import Shared
from chassis.work import Database, Work
from contracts.topics import PAYMENT_OBSERVATIONS
from services.payment.handlers.messages import ObservationReceived
from services.payment.storage import gateway_events
from services.payment.storage.gateway_events import RawEvent

MAX_BATCH = 200


class Intake:
    """Group commit: while one transaction runs, later webhooks gather and share the next."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sharing = Shared(self._store, MAX_BATCH)

    async def accept(self, event: RawEvent) -> None:
        """Return when `event` and its task are committed, or were before. Raises what the database raised."""
        await self._sharing.run(event)

    async def _store(self, events: Sequence[RawEvent]) -> list[None]:
        async with self._database.transaction() as work:
            await store(work, events)
        return [None] * len(events)


async def store(work: Work, events: Sequence[RawEvent]) -> None:
    """Store what is new of `events`, each with its task.

    The event id is an unsigned header: the same id with another body is kept too, beside the first, and counted as a
    security event. What it means is decided by what it says (F-66, F-67).
    """
    new = await gateway_events.store(work, events)
    repeated = [event for event in events if event.id not in new]
    altered: list[RawEvent] = []
    if repeated:
        known = await gateway_events.digests(work, repeated)
        for event in repeated:
            if known.get((event.gateway, event.event_id)) not in (None, event.digest):
                suffix = event.digest.hex()[:16]
                altered.append(dataclasses.replace(event, id=uuid7(), event_id=f"{event.event_id}~{suffix}"))
    if altered:
        telemetry.SECURITY_EVENTS.labels("payment", "event-id-reused").inc(len(altered))
        new |= await gateway_events.store(work, altered)
    for event in [*events, *altered]:
        if event.id in new:
            body = ObservationReceived(gateway=event.gateway, gateway_event_id=event.id)
            work.schedule(PAYMENT_OBSERVATIONS, body, key=event.key, message_id=event.id)
