"""The one path of everything that a gateway says: a batch is matched, locked, decided, written and told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from chassis import telemetry
from chassis.ids import uuid7
from chassis.outcomes import Dead
from chassis.steps import Message
from chassis.work import Work
from contracts.topics import PAYMENT_CAPTURES, PAYMENT_REFUNDS
from services.payment.adapters.gateways.port import UnreadableEvent
from services.payment.adapters.gateways.registry import Gateways
from services.payment.domain import deciding
from services.payment.domain.observation import Heard, Observation, Source
from services.payment.domain.payment import Effects, FactKind
from services.payment.domain.states import PaymentState
from services.payment.handlers.messages import CaptureDue, RefundRun
from services.payment.handlers.payouts import Paying
from services.payment.handlers.telling import event_of
from services.payment.settings import PaymentSettings
from services.payment.storage import books, gateway_events, payments, polls
from services.payment.storage import effects as written

UNMATCHED = "unmatched"
_ASKED = "a hint: the gateway is asked"
_NO_EFFECT = "no effect: not a kind of event that moves money here"


class UnknownOrder(Exception):
    """A gateway speaks of an order that no payment has: tried again, then visible, never acknowledged away (F-64)."""


class Observing:
    """Observations into payments. Stateless; every method works in the transaction that it is given."""

    def __init__(self, settings: PaymentSettings, gateways: Gateways) -> None:
        self._settings, self._gateways, self._paying = settings, gateways, Paying(settings)

    async def observe(
        self,
        work: Work,
        observations: Sequence[Observation],
        orders: Sequence[tuple[str, str]] = (),
        refund_ids: Sequence[UUID] = (),
    ) -> list[str]:
        """Apply `observations` in order; returns a verdict in words for each, `UNMATCHED` where no payment has the order.

        Ten statements at most for any number of observations; one by one gives the same rows. The payments of
        `orders` and `refund_ids`, which the caller is going to hurry, are locked with theirs.
        """
        if not (observations or orders or refund_ids):
            return []
        loaded = await payments.lock_seen(work, observations, orders, refund_ids)
        effects = Effects(loaded.now or datetime.now(UTC), uuid7)
        verdicts = []
        for seen in observations:
            payment = loaded.match(seen)
            if payment is None:
                verdicts.append(UNMATCHED)
                continue
            verdict = deciding.decide(loaded.by_booking[payment.booking_id], payment, seen, effects)
            loaded.adopt(payment)
            verdicts.append(verdict)
            if verdict.endswith("-mismatch"):
                telemetry.SECURITY_EVENTS.labels("payment", verdict.removeprefix("refused: ")).inc()
        await self.settle(work, effects)
        return verdicts

    async def settle(self, work: Work, effects: Effects) -> None:
        """Write `effects`, tell its facts, and schedule the captures and refunds that it wants."""
        await written.write(
            work,
            effects,
            refund_check_seconds=self._settings.payment_refund_check_seconds,
            case_deadline_hours=self._settings.payment_case_deadline_hours,
        )
        authorized = {m.subject for m in effects.payment_moves if m.from_status == PaymentState.AUTHORIZED}
        waiting = [p.booking_id for p in effects.touched_payments.values() if p.id in authorized]
        await books.book(work, effects.movements, waiting)
        for fact in effects.facts:
            gateway = self._gateways.get(fact.payment.gateway) if fact.kind is FactKind.FAILED else None
            work.tell(event_of(fact, effects.now, gateway.decline_of(fact.reason) if gateway is not None else None))
        for payment in effects.captures:
            capture = CaptureDue(
                booking_id=payment.booking_id,
                payment_id=payment.id,
                amount_minor=payment.amount_minor,
                currency=payment.currency,
            )
            wait = self._settings.payment_capture_after_seconds
            work.schedule(PAYMENT_CAPTURES, capture, key=payment.booking_id, due_in_seconds=wait)
        for payment, refund in effects.refund_runs:
            run = RefundRun(
                booking_id=payment.booking_id,
                payment_id=payment.id,
                refund_id=refund.id,
                amount_minor=refund.amount_minor,
                currency=payment.currency,
            )
            work.schedule(PAYMENT_REFUNDS, run, key=payment.booking_id)

    async def record_many(self, work: Work, messages: Sequence[Message]) -> None:
        """Work on stored webhooks. Raises `Dead` for an unreadable one and `UnknownOrder` where no payment matches."""
        stored = await gateway_events.bodies(work, [message.event.gateway_event_id for message in messages])
        outcomes: dict[UUID, str] = {}
        owners: list[UUID] = []
        observations: list[Observation] = []
        hints: dict[tuple[str, str], UUID] = {}
        refunds: list[UUID] = []
        for message in messages:
            event_id = message.event.gateway_event_id
            heard = self._read(message.event.gateway, event_id, bytes(stored[event_id].body))
            outcomes[event_id] = _ASKED if heard.orders or heard.refunds else _NO_EFFECT
            owners += [event_id] * len(heard.observations)
            observations += heard.observations
            hints.update({(message.event.gateway, order_id): event_id for order_id in heard.orders})
            refunds += heard.refunds
            if heard.payouts:
                verdicts = await self._paying.observe(work, message.event.gateway, heard.payouts, Source.WEBHOOK)
                outcomes[event_id] = verdicts[-1]
        verdicts = await self.observe(work, observations, list(hints), refunds)
        for event_id, seen, verdict in zip(owners, observations, verdicts, strict=True):
            if verdict == UNMATCHED:
                raise UnknownOrder(f"{seen.gateway} speaks of order {seen.gateway_order_id}, which no payment has")
            outcomes[event_id] = verdict
        await self._hurry(work, hints, refunds)
        await gateway_events.mark(work, outcomes)

    async def _hurry(self, work: Work, hints: Mapping[tuple[str, str], UUID], refunds: Sequence[UUID]) -> None:
        """What an event proves nothing about is asked at once. Raises `UnknownOrder` for an order that is not ours."""
        if refunds:
            await polls.hurry_refunds(work, refunds)
        if hints:
            strangers = set(hints) - await polls.hurry_orders(work, list(hints))
            for gateway, order_id in sorted(strangers):
                raise UnknownOrder(f"{gateway} speaks of order {order_id}, which no payment has")

    def _read(self, gateway_name: str, event_id: UUID, body: bytes) -> Heard:
        gateway = self._gateways.get(gateway_name)
        if gateway is None:
            raise Dead(f"the gateway {gateway_name} is not configured here", "NON_RETRYABLE")
        try:
            heard = gateway.read_webhook(body, f"webhook:{event_id}")
        except UnreadableEvent as error:
            raise Dead(str(error), "UNDECODABLE") from error
        if not all(gateway.owns(seen.account) for seen in heard.observations):
            telemetry.SECURITY_EVENTS.labels("payment", "account-mismatch").inc()
            raise Dead("the event is another merchant account's", "NON_RETRYABLE")
        return heard
