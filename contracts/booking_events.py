"""What the booking service says on `booking.events.v1`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.event import Event, Part, register
from contracts.topics import BOOKING_EVENTS
from contracts.values import AmountMinor, Currency, Identifier, Instant, Reference, ShortText

Kind = Literal["session", "course", "rental", "service", "quotation"]
Weekday = Annotated[int, Field(ge=0, le=6, description="Monday is 0.")]


class Buyer(Part):
    """Who bought: needed for the invoice and for mails. Travels in `booking.confirmed`; where that is never said, in
    `refund.due`; where it is said weeks later or perhaps never, in `hold.extended` and `quotation.sent`; and nowhere else."""

    student_id: Identifier
    name: ShortText
    email: ShortText
    phone: ShortText | None = None


class Preferences(Part):
    """What the buyer asks of a trainer (S2-05). Latitude and longitude in degrees, distance in kilometres."""

    gender: Literal["female", "male"] | None = None
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    max_distance_km: float | None = Field(default=None, gt=0)


class CourseWish(Part):
    """What a course line asks for: tier of 10, 20 or 30 sessions (S2-03), specialty, time slot and days."""

    course_id: Identifier
    tier: Literal[10, 20, 30]
    specialty: Identifier
    time_slot: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="Local start time, HH:MM.")]
    weekdays: tuple[Weekday, ...] = Field(min_length=1, max_length=7)
    starts_on: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    time_zone: ShortText
    session_minutes: int = Field(default=60, ge=15, le=480)
    preferences: Preferences = Preferences()


class SessionWish(Part):
    """What a session line asks for: whose time, and when (S1-02). `time_zone` is the one that the buyer thinks in,
    `room_url` the expert's standing room, which is where they meet unless a provider makes a meeting."""

    expert_id: Identifier
    expert_name: ShortText
    expert_email: ShortText
    expert_time_zone: ShortText
    room_url: Annotated[str, Field(min_length=1, max_length=2000)]
    starts_at: Instant
    ends_at: Instant
    time_zone: ShortText


class ConfirmedLine(Part):
    """One line of what was bought, at the price that the price book gave."""

    line_id: Identifier
    offer_id: Identifier
    kind: Kind
    title: ShortText
    quantity: int = Field(ge=1, le=1000)
    unit_minor: AmountMinor
    total_minor: AmountMinor
    course: CourseWish | None = None
    session: SessionWish | None = None
    partner_id: Identifier | None = None
    partner_bps: Annotated[int, Field(ge=0, le=10_000, description="The partner's share in basis points.")] = 8000


def time_zone_of(lines: Sequence[ConfirmedLine]) -> str:
    """The zone that the buyer thinks in: that of the first line that names one, UTC when there is none."""
    wishes = (line.course or line.session for line in lines)
    return next((wish.time_zone for wish in wishes if wish is not None), "UTC")


@register
class CheckoutOpened(Event):
    """A cart was checked out: what its checkout token says, for who has only the cart's id (S4-03, ADR 0015).

    `buyer_id` names the account, or nobody (`guest-…`); `expires_at` is the end of the checkout token. Of a quotation the
    `cart_id` is its own, and `seller_id` the expert who asks for the money.
    """

    type: ClassVar[str] = "checkout.opened"
    topic: ClassVar = BOOKING_EVENTS

    cart_id: Identifier
    reference: Reference
    amount_minor: AmountMinor
    currency: Currency
    capture_policy: Literal["immediate", "after_service"]
    buyer_id: Identifier
    seller_id: Identifier | None = None
    service_ends_at: Instant | None = None
    opened_at: Instant
    expires_at: Instant


@register
class BookingConfirmed(Event):
    """The hold became a booking: fulfillment may begin (design section 4, step 4)."""

    type: ClassVar[str] = "booking.confirmed"
    topic: ClassVar = BOOKING_EVENTS

    reference: Reference
    payment_id: Identifier
    buyer: Buyer
    lines: tuple[ConfirmedLine, ...] = Field(min_length=1)
    amount_minor: AmountMinor
    currency: Currency
    confirmed_at: Instant


@register
class BookingCancelled(Event):
    """The booking ended before it was given (S1-17). `refund_minor` is what goes back, where that was decided with it."""

    type: ClassVar[str] = "booking.cancelled"
    topic: ClassVar = BOOKING_EVENTS

    reference: Reference
    reason: ShortText
    cancelled_at: Instant
    refund_minor: AmountMinor | None = None
    currency: Currency | None = None


@register
class BookingRescheduled(Event):
    """One of the booking's sessions takes place at another time; booking and payment stay the same ones.

    `service_ends_at` is when the last of its sessions ends: payment plans by it (C5).
    """

    type: ClassVar[str] = "booking.rescheduled"
    topic: ClassVar = BOOKING_EVENTS

    reference: Reference
    line_id: Identifier
    title: ShortText
    starts_at: Instant
    ends_at: Instant
    previous_starts_at: Instant
    service_ends_at: Instant
    rescheduled_at: Instant


@register
class SessionCompleted(Event):
    """The expert says how a session went: it took place, or the buyer did not come (S1-02). When `last`, none of the
    booking's sessions is awaited any more, and money that is only authorized is captured (C5)."""

    type: ClassVar[str] = "session.completed"
    topic: ClassVar = BOOKING_EVENTS

    line_id: Identifier
    outcome: Literal["took_place", "buyer_absent"]
    last: bool
    completed_at: Instant


class UnmadeBooking(Part):
    """Whom a mail is for while no booking was made, and what they wanted: `titles`, in their `time_zone`."""

    reference: Reference
    buyer: Buyer
    time_zone: ShortText
    titles: tuple[ShortText, ...] = Field(min_length=1)


@register
class RefundDue(Event):
    """Booking decided what is owed back; payment returns it. `refund_key` makes the intent unique for the payment.

    `unmade` is there when nobody was told of the buyer by `booking.confirmed`.
    """

    type: ClassVar[str] = "refund.due"
    topic: ClassVar = BOOKING_EVENTS

    payment_id: Identifier
    refund_key: Identifier
    amount_minor: AmountMinor
    currency: Currency
    reason: ShortText
    unmade: UnmadeBooking | None = None


@register
class SessionContested(Event):
    """The buyer says that the expert did not come: money that is only authorized waits for a person's decision (C5)."""

    type: ClassVar[str] = "session.contested"
    topic: ClassVar = BOOKING_EVENTS

    line_id: Identifier
    contested_at: Instant


@register
class QuotationSent(Event):
    """An expert offers one buyer a session at a price of its own; the time is held, and can be paid until `pay_by` (S0-19)."""

    type: ClassVar[str] = "quotation.sent"
    topic: ClassVar = BOOKING_EVENTS

    quotation_id: Identifier
    expert_name: ShortText
    amount_minor: AmountMinor
    currency: Currency
    starts_at: Instant
    ends_at: Instant
    pay_by: Instant
    sent_at: Instant
    unmade: UnmadeBooking


@register
class HoldExtended(Event):
    """The buyer's method was saved: the hold keeps its places until `expires_at`, and `amount_minor` is charged at
    `charge_at`. Nothing is charged before."""

    type: ClassVar[str] = "hold.extended"
    topic: ClassVar = BOOKING_EVENTS

    payment_id: Identifier
    amount_minor: AmountMinor
    currency: Currency
    charge_at: Instant
    pay_by: Instant
    expires_at: Instant
    extended_at: Instant
    unmade: UnmadeBooking


@register
class HoldExpired(Event):
    """The deadline of an unpaid hold passed; its places are free again (C2)."""

    type: ClassVar[str] = "hold.expired"
    topic: ClassVar = BOOKING_EVENTS

    expired_at: Instant
