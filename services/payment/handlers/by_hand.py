"""What administrators do with money by hand: refunds and captures, each with its reason, above a limit by two people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chassis.ids import uuid7
from chassis.problems import Problem
from chassis.work import Work
from services.payment.domain.payment import Effects, Payment
from services.payment.domain.refunding import request_refund
from services.payment.domain.states import PaymentState
from services.payment.handlers.observations import Observing
from services.payment.settings import PaymentSettings
from services.payment.storage import approvals, payments

_REFUNDABLE = frozenset({PaymentState.AUTHORIZED, PaymentState.CAPTURED, PaymentState.PARTIALLY_REFUNDED})


class ByHand:
    """The acts. Every method works in the transaction that it is given."""

    def __init__(self, settings: PaymentSettings, observing: Observing) -> None:
        self._settings, self._observing = settings, observing

    async def refund(self, work: Work, payment_id: UUID, amount_minor: int, reason: str, actor: str) -> dict[str, Any]:
        """Ask for `amount_minor` back, or put that before a second person when it is above the limit.

        Raises `not-found`, and `state-conflict` for what can't be refunded or is more than is left.
        """
        payment = await self._refundable(work, payment_id, amount_minor)
        if amount_minor > self._settings.payment_second_person_minor:
            approval_id = uuid7()
            await approvals.ask(
                work, approval_id, payment.id, payment.booking_id, amount_minor, payment.currency, reason, actor
            )
            await approvals.audit(work, actor, "ask-refund", approval_id, payment.booking_id, reason)
            return {"approval_id": str(approval_id), "status": "waits for a second person"}
        return await self._request(work, payment, amount_minor, reason, actor)

    async def decide(self, work: Work, approval_id: UUID, *, approve: bool, actor: str) -> dict[str, Any]:
        """Carry out, or refuse, what another person asked for.

        Raises `not-found`, `forbidden` for approving one's own act, `state-conflict` for one that was decided before.
        """
        row = await approvals.lock(work, approval_id)
        if row is None:
            raise Problem("not-found", "There is no such act waiting.")
        if row.decision is not None:
            raise Problem("state-conflict", f"This was {row.decision} by {row.decided_by} before.")
        if approve and row.asked_by == actor:
            raise Problem("forbidden", "Another person than the one who asked has to approve this.")
        decision = "approved" if approve else "refused"
        await approvals.decide(work, approval_id, decision, actor)
        await approvals.audit(work, actor, f"{decision}-refund", approval_id, row.booking_id, row.reason)
        if not approve:
            return {"approval_id": str(approval_id), "status": decision}
        payment = await self._refundable(work, row.payment_id, row.amount_minor)
        return await self._request(work, payment, row.amount_minor, row.reason, actor)

    async def capture(self, work: Work, payment_id: UUID, reason: str, actor: str) -> dict[str, Any]:
        """Capture an authorized payment now instead of when the plan says. Raises `not-found` and `state-conflict`."""
        loaded = await payments.lock(work, [payment_id])
        payment = loaded.by_id.get(payment_id)
        if payment is None:
            raise Problem("not-found", "There is no such payment.")
        if not await approvals.capture_now(work, payment_id):
            raise Problem("state-conflict", f"The payment is {payment.status}; only an authorized one is captured.")
        await approvals.audit(work, actor, "capture", payment_id, payment.booking_id, reason)
        return {"payment_id": str(payment_id), "status": "being captured"}

    async def _refundable(self, work: Work, payment_id: UUID, amount_minor: int) -> Payment:
        loaded = await payments.lock(work, [payment_id])
        payment = loaded.by_id.get(payment_id)
        if payment is None:
            raise Problem("not-found", "There is no such payment.")
        attempt = payment.attempts.get(payment.gateway_payment_id or "")
        if attempt is None or payment.status not in _REFUNDABLE:
            raise Problem("state-conflict", f"The payment is {payment.status}: nothing can be refunded.")
        left = attempt.authorized_minor - payment.owed(attempt.gateway_payment_id)
        if amount_minor > left:
            raise Problem("state-conflict", f"Only {left} {payment.currency} in minor units are left to refund.")
        return payment

    async def _request(
        self, work: Work, payment: Payment, amount_minor: int, reason: str, actor: str
    ) -> dict[str, Any]:
        effects = Effects(datetime.now(UTC), uuid7)
        assert payment.gateway_payment_id is not None
        attempt = payment.attempts[payment.gateway_payment_id]
        refund = request_refund(payment, attempt, f"by-hand-{uuid7()}", amount_minor, reason, effects)
        assert refund is not None
        await self._observing.settle(work, effects)
        await approvals.audit(work, actor, "refund", refund.id, payment.booking_id, reason)
        return {"refund_id": str(refund.id), "status": refund.status.value}
