"""`POST /api/v1/payments/public/verify`: what the checkout gave, answered within two seconds."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import Response as Raw

from chassis.problems import documented
from chassis.work import Row
from services.payment.api.schemas import Verified, VerifiedBooking, Verify
from services.payment.domain.states import SECURED, PaymentState

router = APIRouter(tags=["payments"])
_KNOWN = frozenset({PaymentState.METHOD_SAVED, PaymentState.FAILED, PaymentState.EXPIRED, PaymentState.VOIDED})
"""Nothing more is to be waited for at the moment."""


@router.post(
    "/api/v1/payments/public/verify",
    response_model=Verified,
    responses={
        202: {"model": Verified, "description": "Not everything is known yet: ask status_url"},
        **documented("signature-invalid", "malformed", "not-found", "validation"),
    },
)
async def verify(request: Request, returned: Verify) -> Response:
    """Prove a payment by what its checkout gave. No login: the gateway's signature proves it."""
    row = await request.app.state.verification.verify(returned.fields())
    answer = answer_of(row)
    known = answer.booking_created or PaymentState(row.status) in _KNOWN
    return Raw(answer.model_dump_json(), 200 if known else 202, media_type="application/json")


def answer_of(row: Row) -> Verified:
    """The answer for a payment as it is."""
    booking = None
    if row.book_status is not None:
        total = row.amount_minor if row.book_minor is None else row.book_minor
        booking = VerifiedBooking(
            book_id=row.book_reference, booking_id=row.booking_id, status=row.book_status, total_amount=total
        )
    return Verified(
        success=PaymentState(row.status) in SECURED,
        payment_id=row.id,
        payment_status=row.status,
        booking_created=booking is not None,
        booking=booking,
        total_amount=row.amount_minor,
        amount_minor=row.amount_minor,
        currency=row.currency,
        status_url=f"/api/v1/payments/{row.id}/check-booking",
    )
