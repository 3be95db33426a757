"""Reading a payment and its booking: for the buyer, the guest of that booking, and staff."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends, Request

from chassis.identity import Caller, Principal, require
from chassis.problems import Problem, documented
from chassis.serving import Db
from chassis.work import Row, Work
from contracts.values import Identifier
from services.payment.adapters.gateways.port import Gateway
from services.payment.adapters.gateways.registry import Gateways
from services.payment.api.schemas import Checked, CheckedBooking
from services.payment.api.shown import AttemptShown, Payments, PaymentShown, RefundShown, TransitionShown
from services.payment.domain.money import decimal_text
from services.payment.domain.states import SECURED, PaymentState
from services.payment.storage import views

router = APIRouter(tags=["payments"], responses=documented("unauthenticated", "not-found", "validation"))


async def _own(work: Work, payment_id: UUID, caller: Principal) -> Row:
    """The payment if the caller may see it; another person's is not there (http.md, Manners)."""
    row = await views.payment(work, payment_id)
    if row is None or not (caller.owns("booking", row.booking_id, row.buyer_id) or caller.is_staff):
        raise Problem("not-found", "There is no such payment for you.")
    return row


@router.get("/api/v1/payments/{payment_id}", response_model=PaymentShown)
async def show_payment(request: Request, payment_id: UUID, caller: Caller, database: Db) -> PaymentShown:
    """State, attempts, refunds, the trail, and the money so far."""
    async with database.transaction() as work:
        return await _shown(work, await _own(work, payment_id, caller), request.app.state.gateways)


@router.get(
    "/api/v1/admin/payments",
    response_model=Payments,
    responses=documented("forbidden"),
    dependencies=[Depends(require("admin", "ops"))],
)
async def payments_of_booking(request: Request, booking_id: Identifier, database: Db) -> Payments:
    """The payments of a booking, oldest first: one for each gateway that its buyer tried."""
    async with database.transaction() as work:
        rows = await views.payments_of(work, booking_id)
        return Payments(payments=[await _shown(work, row, request.app.state.gateways) for row in rows])


async def _shown(work: Work, row: Row, gateways: Gateways) -> PaymentShown:
    attempts = await views.attempts(work, row.id)
    refunds = await views.refunds(work, row.id)
    transitions = await views.transitions(work, row.id)
    gateway = gateways.get(row.gateway)
    lists = {
        "attempts": [_attempt(item, gateway) for item in attempts],
        "refunds": [RefundShown.model_validate(item) for item in refunds],
        "transitions": [TransitionShown.model_validate(item) for item in transitions],
    }
    return PaymentShown.model_validate({**row, "payment_id": row.id, **lists})


def _attempt(row: Row, gateway: Gateway | None) -> AttemptShown:
    shown = AttemptShown.model_validate(row)
    if gateway is not None and row.status == "failed" and row.reason:
        shown.decline = gateway.decline_of(row.reason)
    return shown


@router.get("/api/v1/payments/{payment_id}/check-booking", response_model=Checked)
@router.get("/api/v1/payments/{payment_id}/check-booking/", response_model=Checked, include_in_schema=False)
@router.get("/api/payments/{payment_id}/check-booking/", response_model=Checked)
@router.get("/api/payments/{payment_id}/check-booking", response_model=Checked, include_in_schema=False)
async def check_booking(payment_id: UUID, caller: Caller, database: Db) -> Checked:
    """Whether the payment is secured and its booking there (S4-04)."""
    async with database.transaction() as work:
        row = await _own(work, payment_id, caller)
    booking = None
    if row.book_status is not None:
        total = row.amount_minor if row.book_minor is None else row.book_minor
        booking = CheckedBooking(
            book_id=row.book_reference,
            booking_id=row.booking_id,
            status=row.book_status,
            total_amount=decimal_text(total, row.book_currency or row.currency),
        )
    return Checked(
        success=PaymentState(row.status) in SECURED,
        payment_status=row.status,
        booking_created=booking is not None,
        booking=booking,
    )
