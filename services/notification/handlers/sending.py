"""Hand one delivery over: intent, call outside any transaction, outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

import orjson

from chassis.machine import Move, Refuse
from chassis.outcomes import Dead, Held, RetryAfter
from chassis.steps import Message
from chassis.work import Database, Row, Work
from services.notification.adapters.outside import NotSent
from services.notification.domain.delivery import MACHINE, MOST_UNSETTLED_TRIES, Answer, State, Trigger
from services.notification.domain.letters import Letter
from services.notification.domain.notices import BUYER, OPTIONAL, PUSHED, Kind, Notice
from services.notification.domain.wording import masked
from services.notification.handlers.deliveries import queue
from services.notification.storage import deliveries, devices
from services.notification.storage.deliveries import Transition

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

    @property
    def delivery_id(self) -> UUID:
        """Which delivery is tried."""
        return self.letter.delivery_id


class Settled(NamedTuple):
    """What was seen of a delivery that is over with it."""

    delivery_id: UUID
    trigger: Trigger
    reason: str


class Sending:
    """The queued step `notification.sending`. `push` is None where push is not configured."""

    def __init__(self, database: Callable[[], Database], mail: Mail, push: Push | None) -> None:
        self._database, self._mail, self._push = database, mail, push

    async def intend_many(self, work: Work, messages: Sequence[Message]) -> list[Intent | Exception | None]:
        """Decide which to send, and record the tries before they are made.

        None: settled before, declined by its recipient, or overtaken. `RetryAfter` while the reader is not known here, and `Dead`
        after three tries of which nobody knows what became (N-1).
        """
        rows = await deliveries.to_send(work, [message.event.delivery_id for message in messages])
        decided = [_decided(rows.get(message.event.delivery_id), message.attempt) for message in messages]
        intents = [one for one in decided if isinstance(one, Intent)]
        declined = [one for one in decided if isinstance(one, Settled)]
        if self._push is not None:
            for delivery_id in [*(one.delivery_id for one in intents), *(one.delivery_id for one in declined)]:
                await _push_too(work, rows[delivery_id])
        await _settle(work, declined)
        if intents:
            addresses = {one.delivery_id: masked(one.address) if one.address else "device" for one in intents}
            await deliveries.begin_tries(work, addresses)
        return [None if isinstance(one, Settled) else one for one in decided]

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

    async def conclude_many(self, work: Work, concluded: Sequence[tuple[Message, Intent, Answer]]) -> None:
        """Keep what became of them; a device that is no more is forgotten."""
        await _settle(
            work, [Settled(intent.delivery_id, answer.trigger, answer.reason) for _, intent, answer in concluded]
        )
        for _, intent, answer in concluded:
            if answer.gone:
                await devices.remove(work, UUID(intent.letter.recipient.removeprefix("device:")))


def _decided(row: Row | None, attempt: int) -> Intent | Settled | Exception | None:
    """What is done about the delivery `row` at `attempt`; None when it was settled before."""
    if row is None:
        return Dead("the delivery does not exist")
    if row.state != State.QUEUED:
        return None
    if unknown := _unknown(row):
        wait = min(2.0 * 2**attempt, _LONGEST_WAIT_SECONDS)
        return RetryAfter(wait, f"the {unknown} of this booking is not known yet")
    if row.ended_at is not None:
        return Settled(row.delivery_id, Trigger.OVERTAKEN, "session-ended-before")
    if reason := _declined(row):
        return Settled(row.delivery_id, Trigger.OPTED_OUT, reason)
    if row.recipient.startswith("device:") and row.registration is None:
        return Settled(row.delivery_id, Trigger.REFUSED, "device-unregistered")
    if row.tries_unsettled >= MOST_UNSETTLED_TRIES:
        return Dead("handed over three times and never answered: it may have arrived", "OUTCOME_UNKNOWN")
    return _intent(row)


def _unknown(row: Row) -> str:
    """Who is not known yet that the notice needs, or an empty text. Buyer and expert come with one message, but the
    buyer of a saved card is known weeks before, and an expert by other bookings."""
    if row.email is None:
        return "buyer"
    to_expert = row.recipient.startswith("expert:")
    return "expert" if to_expert and (row.expert_email is None or _lacks_consultation(row)) else ""


def _lacks_consultation(row: Row) -> bool:
    return row.kind == Kind.EXPERT_BOOKING and row.stands_at is None


def _declined(row: Row) -> str:
    """Why the recipient does not get it, or an empty text. Wishes that were never told decline nothing."""
    if row.recipient.startswith("device:"):
        return "push-declined" if row.push is False else ""
    return "mail-declined" if row.kind in OPTIONAL and row.optional_mail is False else ""


def _reader(row: Row) -> tuple[str, str, str]:
    """(name, address, time zone) of who will read it."""
    if row.recipient.startswith("expert:"):
        return row.expert_name, row.expert_email, row.expert_time_zone
    if row.recipient.startswith("trainer:"):
        return row.trainer_name, row.trainer_email, row.time_zone
    return row.name, row.email, row.time_zone


def _intent(row: Row) -> Intent:
    name, address, time_zone = _reader(row)
    facts = orjson.loads(row.facts)
    if row.stands_at is not None:
        # The session may have been moved before its expert heard of it at all: one mail says when it is.
        facts["starts_at"] = row.stands_at.isoformat()
    letter = Letter(
        delivery_id=row.delivery_id,
        booking_id=row.booking_id,
        kind=Kind(row.kind),
        recipient=row.recipient,
        name=name,
        reference=row.reference,
        time_zone=time_zone,
        titles=row.titles,
        facts=facts,
    )
    if row.recipient.startswith("device:"):
        return Intent(letter, target=row.target, registration=row.registration)
    return Intent(letter, address=address)


async def _push_too(work: Work, row: Row) -> None:
    """Queue a buyer's notice for each of its devices too, once; a failing push never touches the mail."""
    if row.recipient != BUYER or row.kind not in PUSHED:
        return
    found = await devices.of_owners(work, [row.student_id, f"booking:{row.booking_id}"])
    notices = [Notice(row.booking_id, Kind(row.kind), f"device:{device}", row.about, row.facts) for device in found]
    if notices:
        await queue(work, notices)


async def _settle(work: Work, settled: Sequence[Settled]) -> None:
    """Let the machine decide. The rows are nearly always still queued, so they are read only where they were not."""
    waiting = {one.delivery_id: one for one in settled}
    states = dict.fromkeys(waiting, State.QUEUED)
    while waiting:
        transitions = []
        for one in waiting.values():
            decision = MACHINE.decide(states[one.delivery_id], one.trigger)
            if isinstance(decision, Refuse):
                raise Dead(decision.reason)
            if isinstance(decision, Move):
                state = states[one.delivery_id]
                transitions.append(Transition(one.delivery_id, state, one.trigger, decision.to, one.reason))
        moved = await deliveries.move(work, transitions) if transitions else set()
        waiting = {way.delivery_id: waiting[way.delivery_id] for way in transitions if way.delivery_id not in moved}
        states = await deliveries.locked_states(work, waiting) if waiting else {}
