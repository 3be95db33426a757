"""Door 2: which messages fulfillment takes, and who handles them."""

from __future__ import annotations

from chassis.steps import InlineStep
from contracts.booking_events import BookingCancelled, BookingConfirmed, BookingRescheduled, SessionCompleted
from contracts.fulfillment_events import AllocationPending, MeetingReady, PurchaseRecorded, TrainerAssigned
from contracts.topics import FULFILLMENT_ASSIGNMENTS, FULFILLMENT_INVOICES, FULFILLMENT_PURCHASES
from services.fulfillment.handlers.assignments import assign_many
from services.fulfillment.handlers.invoices import issue_many
from services.fulfillment.handlers.purchases import take_many

_FROM_BOOKING = (BookingConfirmed, BookingRescheduled, SessionCompleted, BookingCancelled)
STEPS = (
    InlineStep(FULFILLMENT_PURCHASES, _FROM_BOOKING, take_many),
    InlineStep(FULFILLMENT_ASSIGNMENTS, (PurchaseRecorded,), assign_many),
    InlineStep(FULFILLMENT_INVOICES, (TrainerAssigned, AllocationPending, MeetingReady), issue_many),
)
