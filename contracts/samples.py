"""One realistic event of every type, with fixed ids and instants: the golden examples of the contracts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from contracts import booking_events as b
from contracts import fulfillment_events as f
from contracts import payment_events as p
from contracts.event import Event

BOOKING = "0199a0c4-7b1e-7c3a-9f10-2d3c4b5a6978"
PAYMENT = "0199a0c4-8d2f-7a11-8e21-1f2e3d4c5b6a"
PURCHASE = "0199a0c5-0a1b-7d44-9c32-0a1b2c3d4e5f"
ALLOCATION = "0199a0c5-1b2c-7e55-8d43-1b2c3d4e5f60"
INVOICE = "0199a0c5-2c3d-7f66-9e54-2c3d4e5f6071"
AT = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
CHARGE = datetime(2026, 12, 30, 9, 30, tzinfo=UTC)
FIRST = datetime(2027, 1, 4, 4, 30, tzinfo=UTC)
_MONEY = {"payment_id": PAYMENT, "gateway": "razorpay", "amount_minor": 99900, "currency": "INR"}
_COURSE = b.CourseWish(
    course_id="crs-mathematics",
    tier=10,
    specialty="mathematics",
    time_slot="10:00",
    weekdays=(0, 2, 4),
    starts_on="2027-01-04",
    time_zone="Asia/Kolkata",
    preferences=b.Preferences(gender="female"),
)
_LINE = b.ConfirmedLine(
    line_id="0199a0c4-6a0d-7b22-8f09-3c4d5e6f7081",
    offer_id="ofr-course-mathematics",
    kind="course",
    title="Mathematics, one to one",
    quantity=1,
    unit_minor=99900,
    total_minor=99900,
    course=_COURSE,
)
_BUYER = b.Buyer(student_id="std-asha", name="Asha Rao", email="asha@example.com", phone="+919800000000")
_UNMADE = b.UnmadeBooking(
    reference="BK-449034CB",
    buyer=b.Buyer(student_id="std-asha", name="Asha Rao", email="asha@example.com"),
    time_zone="Asia/Kolkata",
    titles=("Mathematics, one to one",),
)
_DONE = f.CompletedLine(
    purchase_id=PURCHASE,
    title="Mathematics, one to one",
    trainer_id="trn-01",
    trainer_name="Ananya Sharma",
    sessions_total=10,
    first_session_at=FIRST,
    invoice_id=INVOICE,
    invoice_number="PF-2026-000123",
)


def samples() -> dict[str, Event]:
    """The golden example of every event type."""
    return {event.type: event for event in (*_payment(), *_booking(), *_sessions(), _quotation(), *_fulfillment())}


def _payment() -> tuple[Event, ...]:
    return (
        p.PaymentMethodSaved(
            booking_id=BOOKING, charge_at=CHARGE, pay_by=CHARGE + timedelta(hours=48), saved_at=AT, **_MONEY
        ),
        p.PaymentSecured(booking_id=BOOKING, secured_as="captured", secured_at=AT, **_MONEY),
        p.PaymentCaptured(booking_id=BOOKING, captured_at=AT, **_MONEY),
        p.PaymentFailed(
            booking_id=BOOKING,
            reason="insufficient_fund",
            failed_at=AT,
            decline="funds",
            pay_by=CHARGE + timedelta(hours=48),
            retry_at=CHARGE + timedelta(hours=12),
            **_MONEY,
        ),
        p.PaymentExpired(booking_id=BOOKING, expired_at=AT, **_MONEY),
        p.RefundSucceeded(booking_id=BOOKING, refund_id="rfd-1", reason="the place was gone", refunded_at=AT, **_MONEY),
        p.RefundFailed(booking_id=BOOKING, refund_id="rfd-1", reason="refused by the gateway", failed_at=AT, **_MONEY),
    )


def _booking() -> tuple[Event, ...]:
    return (
        b.CheckoutOpened(
            booking_id=BOOKING,
            cart_id="0199a0c4-5f9c-7a11-8e08-4d5e6f708192",
            reference="BK-449034CB",
            amount_minor=99900,
            currency="INR",
            capture_policy="immediate",
            buyer_id=f"guest-{BOOKING}",
            opened_at=AT,
            expires_at=AT + timedelta(minutes=15),
        ),
        b.BookingConfirmed(
            booking_id=BOOKING,
            reference="BK-449034CB",
            payment_id=PAYMENT,
            buyer=_BUYER,
            lines=(_LINE,),
            amount_minor=99900,
            currency="INR",
            confirmed_at=AT,
        ),
        b.RefundDue(
            booking_id=BOOKING,
            payment_id=PAYMENT,
            refund_key="place-gone",
            amount_minor=99900,
            currency="INR",
            reason="the place was gone",
            unmade=_UNMADE,
        ),
        b.HoldExtended(
            booking_id=BOOKING,
            payment_id=PAYMENT,
            amount_minor=99900,
            currency="INR",
            charge_at=CHARGE,
            pay_by=CHARGE + timedelta(hours=48),
            expires_at=CHARGE + timedelta(hours=48, minutes=15),
            extended_at=AT,
            unmade=_UNMADE,
        ),
        b.HoldExpired(booking_id=BOOKING, expired_at=AT),
    )


def _sessions() -> tuple[Event, ...]:
    return (
        b.BookingCancelled(
            booking_id=BOOKING,
            reference="BK-449034CB",
            reason="asked by the buyer",
            cancelled_at=AT,
            refund_minor=49950,
            currency="INR",
        ),
        b.BookingRescheduled(
            booking_id=BOOKING,
            reference="BK-449034CB",
            line_id=_LINE.line_id,
            title="Strategy session",
            starts_at=FIRST + timedelta(days=1),
            ends_at=FIRST + timedelta(days=1, hours=1),
            previous_starts_at=FIRST,
            service_ends_at=FIRST + timedelta(days=1, hours=1),
            rescheduled_at=AT,
        ),
        b.SessionContested(booking_id=BOOKING, line_id=_LINE.line_id, contested_at=FIRST),
        b.SessionCompleted(
            booking_id=BOOKING, line_id=_LINE.line_id, outcome="took_place", last=True, completed_at=FIRST
        ),
        f.MeetingReady(
            booking_id=BOOKING,
            meeting_id="mtg-1",
            provider="standing_room",
            join_url="https://meet.example.com/1",
            starts_at=FIRST,
            ends_at=FIRST + timedelta(hours=1),
            purchase_id=PURCHASE,
            title="Strategy session",
            expert_id="exp-maya",
            expert_name="Maya Iyer",
            expert_email="maya@experts.example.com",
            expert_time_zone="Asia/Kolkata",
        ),
    )


def _quotation() -> Event:
    return b.QuotationSent(
        booking_id=BOOKING,
        quotation_id="0199a0c4-5f9c-7a11-8e08-4d5e6f708193",
        expert_name="Maya Iyer",
        amount_minor=99900,
        currency="INR",
        starts_at=FIRST,
        ends_at=FIRST + timedelta(hours=1),
        pay_by=AT + timedelta(days=3),
        sent_at=AT,
        unmade=_UNMADE,
    )


def _fulfillment() -> tuple[Event, ...]:
    return (
        f.PurchaseRecorded(
            booking_id=BOOKING,
            purchase_id=PURCHASE,
            line_id=_LINE.line_id,
            course_id="crs-mathematics",
            tier=10,
            recorded_at=AT,
        ),
        f.TrainerAssigned(
            booking_id=BOOKING,
            purchase_id=PURCHASE,
            allocation_id=ALLOCATION,
            trainer_id="trn-01",
            trainer_name="Ananya Sharma",
            trainer_email="ananya@trainers.example.com",
            title="Mathematics, one to one",
            sessions_total=10,
            first_session_at=FIRST,
            assigned_at=AT,
        ),
        f.AllocationPending(
            booking_id=BOOKING,
            purchase_id=PURCHASE,
            allocation_id=ALLOCATION,
            reason="no trainer fits yet",
            pending_at=AT,
        ),
        f.OrdersCreated(booking_id=BOOKING, order_ids=("ord-1", "ord-2"), created_at=AT),
        f.InvoiceIssued(
            booking_id=BOOKING,
            purchase_id=PURCHASE,
            invoice_id=INVOICE,
            invoice_number="PF-2026-000123",
            total_minor=99900,
            currency="INR",
            issued_at=AT,
        ),
        f.FulfillmentCompleted(booking_id=BOOKING, lines=(_DONE,), completed_at=AT),
        f.FulfillmentRejected(booking_id=BOOKING, reason="the course was withdrawn", rejected_at=AT),
    )
