"""When an authorized payment is captured, and how that follows what booking says: a move, the expert's word, an end (C5)."""

from __future__ import annotations

from datetime import datetime

from services.payment.domain import planning
from services.payment.domain.capabilities import Capabilities
from services.payment.domain.payment import Case, Effects, Fact, FactKind, Payment
from services.payment.domain.planning import Collection
from services.payment.domain.states import PaymentState


def plan_capture(payment: Payment, effects: Effects) -> None:
    """Set when the authorized `payment` is captured; a person is warned when that has to be before the service ends."""
    payment.capture_at = planning.capture_at(payment.service_ends_at, payment.capture_before, effects.now)
    effects.touch(payment)
    before = payment.capture_before
    if before is not None and planning.needs_warning(payment.service_ends_at, before, effects.now):
        detail = (
            f"The gateway holds the money until {before:%Y-%m-%d %H:%M} UTC only, before the service ends; it is "
            f"captured at {payment.capture_at:%Y-%m-%d %H:%M} UTC. Cancel in time if the service won't take place."
        )
        dedupe = f"capture-before-service/{payment.id}"
        effects.open_case(Case("capture-before-service", dedupe, detail, payment, payment.amount_minor, 0))


def follow_service(payment: Payment, service_ends_at: datetime, can: Capabilities, effects: Effects) -> None:
    """The service of `payment` ends at `service_ends_at` by now: what is planned is planned anew, what is captured stays.

    A saved method is charged near the new date, which is told; one that is being charged at this moment is not stopped.
    """
    payment.service_ends_at = service_ends_at
    effects.touch(payment)
    if _waits_for_capture(payment):
        plan_capture(payment, effects)
    elif payment.saved_method is not None and payment.status in (PaymentState.METHOD_SAVED, PaymentState.FAILED):
        planned = planning.plan(planning.AFTER_SERVICE, service_ends_at, can, effects.now)
        charge_at = effects.now if planned is None else planned.authorize_at or effects.now
        payment.authorize_at = payment.charge_at = charge_at
        payment.expires_at = planning.charge_deadline(charge_at, service_ends_at)
        effects.facts.append(Fact(FactKind.METHOD_SAVED, payment))


def capture_now(payment: Payment, effects: Effects) -> None:
    """Nothing has to be waited for any more: what is only authorized is captured at the clock's next look."""
    if _waits_for_capture(payment):
        payment.capture_at = planning.capture_at(
            payment.service_ends_at, payment.capture_before, effects.now, confirmed=True
        )
        effects.touch(payment)


def hold_back(payment: Payment, effects: Effects) -> None:
    """A complaint is open: nothing is captured before a person decides, as long as the gateway's deadline allows (C5)."""
    if _waits_for_capture(payment) and payment.capture_before is not None and payment.capture_at is not None:
        payment.capture_at = max(payment.capture_at, planning.last_safe(payment.capture_before, effects.now))
        effects.touch(payment)


def _waits_for_capture(payment: Payment) -> bool:
    """Whether a capture is planned: not where it was given out already, nor where the gateway captures by itself."""
    waits = payment.status is PaymentState.AUTHORIZED and payment.capture_at is not None
    return waits and payment.collection is not Collection.CAPTURE_NOW
