"""Hand one delivery over: intent, call outside any transaction, outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import orjson

from chassis.machine import Move, Refuse
from chassis.outcomes import Dead, Held, RetryAfter
from chassis.steps import Message
from chassis.work import Database, Work
from services.notification.adapters.outside import NotSent
from services.notification.domain.delivery import MACHINE, MOST_UNSETTLED_TRIES, Answer, State, Trigger
from services.notification.domain.letters import Letter
from services.notification.domain.notices import BUYER, OPTIONAL, PUSHED, Kind, Notice
from services.notification.domain.wording import masked
from services.notification.handlers.deliveries import queue
from services.notification.storage import deliveries, devices

_LONGEST_WAIT_SECONDS = 900.0
_PAUSE_SECONDS = 1.0


class Mail(Protocol):
    """Sends a letter as mail. Raises `NotSent` when it is proven undelivered, `OutcomeUnknown` when nobody knows."""

    async def send(self, letter: Letter, address: str) -> Answer: ...


class Push(Protocol):
    """Sends a letter to a device; raises as `Mail` does."""

    async def send(self, letter: Letter, target: str, registration: str) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Intent:
    """One try: the letter, and either an address or a device's registration."""

    letter: Letter
    address: str = ""
    target: str = ""
    registration: str = ""


class Sending:
    """The queued step `notification.sending`. `push` is None where push is not configured."""

    def __init__(self, database: Callable[[], Database], mail: Mail, push: Push | None) -> None:
        self._database, self._mail, self._push = database, mail, push

    async def intend(self, work: Work, message: Message) -> Intent | None:
        """Decide whether to send, and record the try before it is made.

        None: settled before, or declined by its recipient. Raises `RetryAfter` while the buyer is not known here, and
        `Dead` after three tries of which nobody knows what became (N-1).
        """
        row = await deliveries.to_send(work, message.event.delivery_id)
        if row is None:
            raise Dead("the delivery does not exist")
        if row.state != State.QUEUED:
            return None
        if row.email is None:
            wait = min(2.0 * 2**message.attempt, _LONGEST_WAIT_SECONDS)
            raise RetryAfter(wait, "the buyer of this booking is not known yet")
        if self._push is not None and row.recipient == BUYER and row.kind in PUSHED:
            await _push_too(work, row)
        if reason := _declined(row):
            await _settle(work, row.delivery_id, Trigger.OPTED_OUT, reason)
            return None
        if row.recipient.startswith("device:") and row.registration is None:
            await _settle(work, row.delivery_id, Trigger.REFUSED, "device-unregistered")
            return None
        if row.tries_unsettled >= MOST_UNSETTLED_TRIES:
            raise Dead("handed over three times and never answered: it may have arrived", "OUTCOME_UNKNOWN")
        intent = _intent(row)
        await deliveries.begin_try(work, row.delivery_id, masked(intent.address) if intent.address else "device")
        return intent

    async def call(self, message: Message, intent: Intent) -> Answer:
        """Hand it over. A try that is proven unsent is taken back before the error goes on its way."""
        try:
            if intent.address:
                return await self._mail.send(intent.letter, intent.address)
            if self._push is None:
                return Answer(False, "push-not-configured")
            return await self._push.send(intent.letter, intent.target, intent.registration)
        except NotSent as unsent:
            async with self._database().transaction() as work:
                await deliveries.take_back_try(work, message.event.delivery_id)
            if isinstance(unsent.outcome, Held):
                # A whole backlog may wait for this server: looking at it four times a second is enough.
                await asyncio.sleep(_PAUSE_SECONDS)
            raise unsent.outcome from unsent

    async def conclude(self, work: Work, message: Message, intent: Intent, result: Answer) -> None:
        """Keep what became of it; a device that is no more is forgotten."""
        await _settle(work, intent.letter.delivery_id, result.trigger, result.reason)
        if result.gone:
            await devices.remove(work, UUID(intent.letter.recipient.removeprefix("device:")))


def _declined(row: Any) -> str:
    """Why the recipient does not get it, or an empty text. Wishes that were never told decline nothing."""
    if row.recipient.startswith("device:"):
        return "push-declined" if row.push is False else ""
    return "mail-declined" if row.kind in OPTIONAL and row.optional_mail is False else ""


def _intent(row: Any) -> Intent:
    to_trainer = row.recipient.startswith("trainer:")
    letter = Letter(
        delivery_id=row.delivery_id,
        booking_id=row.booking_id,
        kind=Kind(row.kind),
        recipient=row.recipient,
        name=row.trainer_name if to_trainer else row.name,
        reference=row.reference,
        time_zone=row.time_zone,
        titles=row.titles,
        facts=orjson.loads(row.facts),
    )
    if row.recipient.startswith("device:"):
        return Intent(letter, target=row.target, registration=row.registration)
    return Intent(letter, address=row.trainer_email if to_trainer else row.email)


async def _push_too(work: Work, row: Any) -> None:
    """Queue the same notice for each device of the buyer, once; a failing push never touches the mail."""
    found = await devices.of_owners(work, [row.student_id, f"booking:{row.booking_id}"])
    notices = [Notice(row.booking_id, Kind(row.kind), f"device:{device}", row.about, row.facts) for device in found]
    if notices:
        await queue(work, notices)


async def _settle(work: Work, delivery_id: UUID, trigger: Trigger, reason: str) -> None:
    """Let the machine decide. The row is nearly always still queued, so it is read only when it was not."""
    state, moved = State.QUEUED, False
    while not moved:
        decision = MACHINE.decide(state, trigger)
        if isinstance(decision, Refuse):
            raise Dead(decision.reason)
        if not isinstance(decision, Move):
            return
        moved = await deliveries.move(work, delivery_id, state, trigger, decision.to, reason)
        if not moved:
            state = await deliveries.locked_state(work, delivery_id)
