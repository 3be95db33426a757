"""Captures: an authorization that the gateway did not capture by itself is asked about and captured in full."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from chassis.steps import Message
from chassis.work import Work
from services.payment.adapters.gateways.port import Charge
from services.payment.adapters.gateways.registry import Gateways
from services.payment.domain.observation import Observation, Seen
from services.payment.domain.payment import Payment
from services.payment.domain.states import PaymentState
from services.payment.handlers.observations import Observing
from services.payment.handlers.outward import outward
from services.payment.storage import payments


@dataclass(frozen=True, slots=True)
class CaptureIntent:
    """What is to be captured: all that was authorized."""

    payment_id: UUID
    gateway: str
    charge: Charge


class Captures:
    """The handler of `payment.captures`: intent, call, outcome."""

    def __init__(self, gateways: Gateways, observing: Observing) -> None:
        self._gateways, self._observing = gateways, observing

    async def intend(self, work: Work, message: Message) -> CaptureIntent | None:
        """The payment if it is still authorized; None when it was captured, voided or is being given back."""
        loaded = await payments.lock(work, [message.event.payment_id])
        payment = loaded.by_id.get(message.event.payment_id)
        if payment is None or payment.status is not PaymentState.AUTHORIZED or payment.duplicate_of is not None:
            return None
        assert payment.gateway_payment_id is not None
        if payment.owed(payment.gateway_payment_id):
            return None
        return CaptureIntent(payment.id, payment.gateway, charge_of(payment, payment.gateway_payment_id))

    async def call(self, message: Message, intent: CaptureIntent) -> Observation:
        """Capture; the adapter asks first and looks again after a refusal. Raises to climb the ladder while authorized."""
        gateway = self._gateways[intent.gateway]
        seen = await outward(intent.gateway, gateway.capture(intent.charge, intent.charge.amount_minor))
        if seen.status is Seen.AUTHORIZED:
            raise NotCaptured(f"payment {intent.payment_id} is still only authorized")
        return seen

    async def conclude(self, work: Work, message: Message, intent: CaptureIntent, result: Observation) -> None:
        """What the gateway said takes the path of every observation."""
        await self._observing.observe(work, [result])


def charge_of(payment: Payment, gateway_payment_id: str) -> Charge:
    """The gateway's payment `gateway_payment_id` of `payment`, as the port names it."""
    attempt = payment.attempts[gateway_payment_id]
    return Charge(attempt.gateway_order_id, gateway_payment_id, attempt.amount_minor, attempt.currency)


class NotCaptured(Exception):
    """The gateway refused to capture and still shows the authorization: try later, then a person looks."""
