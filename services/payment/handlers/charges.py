"""Charges of saved methods: intent, call, outcome; an unanswered one is looked for before anything is sent again (ADR 0018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chassis.ids import uuid7
from chassis.outcomes import Dead, RetryAfter
from chassis.steps import Message
from chassis.work import Row, Work
from services.payment.adapters.gateways.port import Declined, Gateway, GatewayOrder, NewOrder, Rejected, SavedMethod
from services.payment.adapters.gateways.registry import Gateways
from services.payment.domain import planning
from services.payment.domain.observation import Observation, Source
from services.payment.domain.payment import Effects, Payment
from services.payment.domain.saving import begin_charge, may_charge, refuse_charge
from services.payment.domain.states import OrderPurpose, PaymentState
from services.payment.handlers.messages import ChargeDue
from services.payment.handlers.observations import Observing
from services.payment.handlers.outward import outward
from services.payment.settings import PaymentSettings
from services.payment.storage import orders, payments

_BUYER_AT_IT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ChargeIntent:
    """One charge on its way. `ask_first`: it may have been made before. `allowed`: False where the time for a new one has
    passed, so that it is only looked for."""

    order: NewOrder
    saved: SavedMethod
    gateway: str
    ask_first: bool
    allowed: bool


@dataclass(frozen=True, slots=True)
class ChargeResult:
    """What came of it: the order with what the gateway says of it, or why it made none. Neither: it was never made."""

    made: GatewayOrder | None = None
    observations: Sequence[Observation] = ()
    refused: str | None = None


class Charges:
    """The handler of `payment.charges`."""

    def __init__(self, settings: PaymentSettings, gateways: Gateways, observing: Observing) -> None:
        self._settings, self._gateways, self._observing = settings, gateways, observing

    async def intend(self, work: Work, message: Message) -> ChargeIntent | None:
        """The charge that is still unanswered, else the next one with its row; None when there is nothing to charge.

        Raises `RetryAfter` while the buyer opens the payment at this moment.
        """
        due: ChargeDue = message.event
        loaded = await payments.lock(work, [due.payment_id])
        payment = loaded.by_id.get(due.payment_id)
        if payment is None:
            raise Dead(f"no payment {due.payment_id}")
        effects = Effects(loaded.now or datetime.now(UTC), uuid7)
        allowed = may_charge(loaded.by_booking[payment.booking_id], payment, effects)
        last, terms = await orders.last(work, payment.id), await orders.terms_of_charge(work, payment.id)
        waits = last is not None and last.gateway_order_id is None and not last.ended
        charging = last is not None and last.purpose == OrderPurpose.CHARGE
        ask_first = waits and charging
        if not ask_first:
            undecided = charging and payment.status is PaymentState.PENDING
            if not allowed or undecided or terms.charges > due.charges:
                return None
            if terms.leased:
                raise RetryAfter(_BUYER_AT_IT_SECONDS, "the buyer is at the checkout")
            begin_charge(payment, effects)
            await self._observing.settle(work, effects)
        number = 1 if last is None else last.number + (not waits)
        return await self._lease(work, payment, terms, number, effects, ask_first=ask_first, allowed=allowed)

    async def call(self, message: Message, intent: ChargeIntent) -> ChargeResult:
        """Look for it if it may have been made, make it if not, and hear what the gateway says of it."""
        return await outward(intent.gateway, _charge(self._gateways[intent.gateway], intent))

    async def conclude(self, work: Work, message: Message, intent: ChargeIntent, result: ChargeResult) -> None:
        """The order is kept, and what was said of it takes the path of every observation."""
        order = intent.order
        loaded = await payments.lock(work, [order.payment_id])
        if result.made is not None:
            first = self._settings.payment_poll_first_seconds
            await orders.store_order(work, order.payment_id, order.number, result.made, first)
            await self._observing.observe(work, result.observations)
            return
        await orders.end_unanswered(work, order.payment_id, order.number)
        if result.refused is not None:
            effects = Effects(loaded.now or datetime.now(UTC), uuid7)
            refuse_charge(loaded.by_id[order.payment_id], result.refused, effects)
            await self._observing.settle(work, effects)

    async def _lease(
        self,
        work: Work,
        payment: Payment,
        terms: Row,
        number: int,
        effects: Effects,
        *,
        ask_first: bool,
        allowed: bool,
    ) -> ChargeIntent:
        """The row of the charge, before the gateway is called (P-16). The buyer's own orders wait meanwhile."""
        assert payment.saved_customer is not None
        assert payment.saved_method is not None
        can, settings = self._gateways[payment.gateway].capabilities, self._settings
        order = NewOrder(
            payment.id,
            payment.booking_id,
            terms.reference,
            payment.amount_minor,
            payment.currency,
            payment.expires_at or effects.now,
            planning.charge_mode(payment.service_ends_at, can, effects.now),
            number,
            purpose=OrderPurpose.CHARGE,
        )
        lease_seconds, poll_seconds = settings.payment_order_lease_seconds, settings.payment_poll_first_seconds
        await orders.lease(work, payment.id, number, lease_seconds, poll_seconds, OrderPurpose.CHARGE)
        saved = SavedMethod(payment.saved_customer, payment.saved_method)
        return ChargeIntent(order, saved, payment.gateway, ask_first, allowed)


async def _charge(gateway: Gateway, intent: ChargeIntent) -> ChargeResult:
    assert gateway.saved is not None
    made = await gateway.saved.find_charge(intent.order, intent.saved) if intent.ask_first else None
    if made is None:
        if not intent.allowed:
            return ChargeResult()
        try:
            made = await gateway.saved.charge(intent.order, intent.saved)
        except (Rejected, Declined) as error:
            return ChargeResult(refused=error.reason)
    return ChargeResult(made, await gateway.observe_order(made.gateway_order_id, Source.REPLY))
