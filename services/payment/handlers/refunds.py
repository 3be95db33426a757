"""Refunds: what booking owes becomes an intent once, and is carried out until the money is back or a person looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from chassis.ids import uuid7
from chassis.outcomes import Dead
from chassis.steps import Message
from chassis.work import Work
from contracts.booking_events import RefundDue
from contracts.topics import PAYMENT_REFUNDS
from services.payment.adapters.gateways.port import Declined, Gateway, RefundOrder, Rejected, Unknown
from services.payment.adapters.gateways.registry import Gateways
from services.payment.domain.observation import Observation, RefundPart, RefundSeen, Seen, Source
from services.payment.domain.payment import Attempt, Case, Effects, Payment
from services.payment.domain.refunding import move_refund, request_refund
from services.payment.domain.states import PaymentState, RefundState, RefundTrigger
from services.payment.handlers.captures import charge_of
from services.payment.handlers.messages import RefundRun
from services.payment.handlers.observations import Observing
from services.payment.handlers.outward import outward
from services.payment.settings import PaymentSettings
from services.payment.storage import payments, refund_calls

_REFUNDABLE = frozenset({PaymentState.AUTHORIZED, PaymentState.CAPTURED, PaymentState.PARTIALLY_REFUNDED})
_OPEN = frozenset({RefundState.REQUESTED, RefundState.SENT, RefundState.FAILED})


@dataclass(frozen=True, slots=True)
class RefundIntent:
    """One refund on its way. `ask_first`: it may have been called before. `uncaptured`: the money is only authorized,
    and `kept_minor` of it is to stay.
    """

    order: RefundOrder
    gateway: str
    ask_first: bool
    uncaptured: bool
    kept_minor: int
    rounds: int


@dataclass(frozen=True, slots=True)
class RefundResult:
    """What came of it: an observation of the void or capture, the refund, or why the gateway refused."""

    charge: Observation | None = None
    part: RefundPart | None = None
    refused: str | None = None


class Refunds:
    """The handler of `payment.refunds`: `refund.due` becomes a row and a run, `refund.run` makes the call."""

    def __init__(self, settings: PaymentSettings, gateways: Gateways, observing: Observing) -> None:
        self._settings, self._gateways, self._observing = settings, gateways, observing

    async def intend(self, work: Work, message: Message) -> RefundIntent | None:
        """For `refund.due` the row and its run, nothing to call; for `refund.run` the intent to call, counted."""
        if isinstance(message.event, RefundDue):
            await self._request(work, message.event)
            return None
        return await self._intend_run(work, message.event)

    async def call(self, message: Message, intent: RefundIntent) -> RefundResult:
        """Uncaptured money is released, as a void or a capture of what stays where the gateway can, else captured and
        refunded (C6); captured money is refunded under our refund id, asked about first if it may have been done."""
        return await outward(intent.gateway, self._call(self._gateways[intent.gateway], intent))

    async def conclude(self, work: Work, message: Message, intent: RefundIntent, result: RefundResult) -> None:
        """The outcome as an observation; a refusal is told, put before a person and tried again later."""
        observations = [result.charge] if result.charge is not None else []
        if result.part is not None:
            observations.append(self._observation(intent, result.part, None))
        elif result.refused is not None:
            failed = RefundPart(None, intent.order.refund_id, RefundSeen.FAILED, intent.order.amount_minor)
            observations.append(self._observation(intent, failed, result.refused))
        await self._observing.observe(work, observations)
        waits_for_lapse = result.charge is not None and result.charge.status is Seen.AUTHORIZED
        if (result.refused is not None or waits_for_lapse) and intent.rounds < self._settings.payment_refund_rounds:
            wait = self._settings.payment_refund_retry_seconds
            work.schedule(PAYMENT_REFUNDS, message.event, key=message.key, due_in_seconds=wait)
            await refund_calls.count_round(work, intent.order.refund_id)

    async def _request(self, work: Work, due: RefundDue) -> None:
        payment_id = _uuid(due.payment_id)
        loaded = await payments.lock(work, [payment_id])
        payment = loaded.by_id.get(payment_id)
        if payment is None or payment.booking_id != due.booking_id:
            raise Dead(f"no payment {due.payment_id} of this booking")
        effects = Effects(loaded.now or datetime.now(UTC), uuid7)
        if all(refund.refund_key != due.refund_key for refund in payment.refunds.values()):
            _request_or_case(payment, due, effects)
        await self._observing.settle(work, effects)

    async def _intend_run(self, work: Work, run: RefundRun) -> RefundIntent | None:
        loaded = await payments.lock(work, [run.payment_id])
        payment = loaded.by_id.get(run.payment_id)
        refund = payment.refunds.get(run.refund_id) if payment is not None else None
        if payment is None or refund is None:
            raise Dead(f"no refund {run.refund_id}")
        if refund.status not in _OPEN or (refund.status is RefundState.FAILED and refund.gateway_refund_id is not None):
            return None
        effects = Effects(loaded.now or datetime.now(UTC), uuid7)
        move_refund(payment, refund, RefundTrigger.CALLED, "refunds", effects)
        await self._observing.settle(work, effects)
        calls, rounds = await refund_calls.count_call(work, refund.id)
        charge = charge_of(payment, refund.gateway_payment_id)
        return RefundIntent(
            RefundOrder(refund.id, charge, refund.amount_minor),
            payment.gateway,
            ask_first=calls > 1,
            uncaptured=payment.attempts[refund.gateway_payment_id].status is Seen.AUTHORIZED,
            kept_minor=charge.amount_minor - payment.owed(refund.gateway_payment_id),
            rounds=rounds,
        )

    async def _call(self, gateway: Gateway, intent: RefundIntent) -> RefundResult:
        seen = None
        if intent.uncaptured:
            seen = await _release(gateway, intent)
            in_part = seen.status is Seen.CAPTURED and seen.captured_minor == intent.kept_minor
            if in_part or seen.status is not Seen.CAPTURED:
                return RefundResult(seen)
        if intent.ask_first and (part := await gateway.find_refund(intent.order)) is not None:
            return RefundResult(seen, part)
        try:
            return RefundResult(seen, await gateway.refund(intent.order))
        except (Rejected, Declined, Unknown) as error:
            # The refusal may be of a repeat, the timeout after success: look before believing either.
            part = await gateway.find_refund(intent.order)
            if part is not None:
                return RefundResult(seen, part)
            if isinstance(error, Unknown):
                raise
            return RefundResult(seen, refused=error.reason)

    def _observation(self, intent: RefundIntent, part: RefundPart, reason: str | None) -> Observation:
        return Observation(
            gateway=intent.gateway,
            gateway_order_id=intent.order.charge.gateway_order_id,
            gateway_payment_id=intent.order.charge.gateway_payment_id,
            status=Seen.CAPTURED,
            amount_minor=intent.order.charge.amount_minor,
            currency=intent.order.currency,
            account=intent.gateway,
            source=Source.REPLY,
            raw=f"refund:{intent.order.refund_id}",
            reason=reason,
            refund=part,
        )


async def _release(gateway: Gateway, intent: RefundIntent) -> Observation:
    """Let go of uncaptured money: void all of it, or capture what stays; without those abilities capture it whole."""
    charge, can = intent.order.charge, gateway.capabilities
    if intent.kept_minor == 0 and can.void:
        return await gateway.void(charge)
    amount_minor = intent.kept_minor if intent.kept_minor and can.partial_capture else charge.amount_minor
    return await gateway.capture(charge, amount_minor)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Dead(f"{text!r} is no payment of ours") from None


def _request_or_case(payment: Payment, due: RefundDue, effects: Effects) -> None:
    """Ask for the money back if it is there to give; else a case, because it is owed and can't be paid from this."""
    attempt = payment.attempts.get(payment.gateway_payment_id or "")
    refusal = _refusal(payment, attempt, due)
    if refusal is None and attempt is not None:
        request_refund(payment, attempt, due.refund_key, due.amount_minor, due.reason, effects)
        return
    detail = f"Booking asks {due.amount_minor} {due.currency} back ({due.reason}), but {refusal}."
    dedupe = f"refund-impossible/{payment.id}/{due.refund_key}"
    effects.open_case(
        Case(
            "refund-impossible",
            dedupe,
            detail,
            payment,
            payment.captured_minor - payment.refunded_minor,
            due.amount_minor,
        )
    )


def _refusal(payment: Payment, attempt: Attempt | None, due: RefundDue) -> str | None:
    if attempt is None or payment.status not in _REFUNDABLE:
        return f"the payment is {payment.status}"
    if due.currency != payment.currency or due.amount_minor == 0:
        return f"the payment is in {payment.currency} and the amount must be positive"
    if due.amount_minor > attempt.authorized_minor - payment.owed(attempt.gateway_payment_id):
        return "that is more than is left"
    return None
