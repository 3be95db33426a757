"""What the fulfillment service says on `fulfillment.events.v1`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.event import Event, Part, register
from contracts.topics import FULFILLMENT_EVENTS
from contracts.values import AmountMinor, Currency, Identifier, Instant, ShortText


class FulfillmentEvent(Event):
    """Base of the events about fulfilling a booking."""

    topic: ClassVar = FULFILLMENT_EVENTS


@register
class PurchaseRecorded(FulfillmentEvent):
    """`student_course_purchases` has the purchase; the dashboard shows it (S2-02)."""

    type: ClassVar[str] = "purchase.recorded"
    purchase_id: Identifier
    line_id: Identifier
    course_id: Identifier
    tier: int
    recorded_at: Instant


@register
class TrainerAssigned(FulfillmentEvent):
    """A trainer was chosen and the sessions are laid out (S2-05, S2-06)."""

    type: ClassVar[str] = "trainer.assigned"
    purchase_id: Identifier
    allocation_id: Identifier
    trainer_id: Identifier
    trainer_name: ShortText
    trainer_email: ShortText
    title: ShortText
    sessions_total: Annotated[int, Field(ge=1)]
    first_session_at: Instant
    assigned_at: Instant


@register
class AllocationPending(FulfillmentEvent):
    """No trainer fits yet: visible, approvable, tried again (S2-07, S2-15)."""

    type: ClassVar[str] = "allocation.pending"
    purchase_id: Identifier
    allocation_id: Identifier
    reason: ShortText
    pending_at: Instant


@register
class OrdersCreated(FulfillmentEvent):
    """One order for each vendor, all or none (S3-06, S3-27)."""

    type: ClassVar[str] = "orders.created"
    order_ids: tuple[Identifier, ...] = Field(min_length=1)
    created_at: Instant


@register
class MeetingReady(FulfillmentEvent):
    """The meeting of a paid session exists (S0-16). The expert, who is told by it, is named where there is one."""

    type: ClassVar[str] = "meeting.ready"
    meeting_id: Identifier
    provider: Identifier
    join_url: Annotated[str, Field(max_length=2000)]
    starts_at: Instant
    ends_at: Instant | None = None
    purchase_id: Identifier | None = None
    title: ShortText | None = None
    expert_id: Identifier | None = None
    expert_name: ShortText | None = None
    expert_email: ShortText | None = None
    expert_time_zone: ShortText | None = None


@register
class InvoiceIssued(FulfillmentEvent):
    """The invoice is final and has its number (S3-09, S3-11)."""

    type: ClassVar[str] = "invoice.issued"
    purchase_id: Identifier
    invoice_id: Identifier
    invoice_number: ShortText
    total_minor: AmountMinor
    currency: Currency
    issued_at: Instant


class CompletedLine(Part):
    """What the buyer got for one line: shown in the confirmation mail and on the booking. A session is one session with
    its expert as `trainer`, at `join_url`."""

    purchase_id: Identifier
    title: ShortText
    trainer_id: Identifier
    trainer_name: ShortText
    sessions_total: Annotated[int, Field(ge=1)]
    first_session_at: Instant
    invoice_id: Identifier
    invoice_number: ShortText
    join_url: Annotated[str, Field(max_length=2000)] | None = None


@register
class FulfillmentCompleted(FulfillmentEvent):
    """Everything that was paid for is in place."""

    type: ClassVar[str] = "fulfillment.completed"
    lines: tuple[CompletedLine, ...] = Field(min_length=1)
    completed_at: Instant


@register
class FulfillmentRejected(FulfillmentEvent):
    """It can't be done: booking decides what is owed back (C11)."""

    type: ClassVar[str] = "fulfillment.rejected"
    reason: ShortText
    rejected_at: Instant
