"""Door 2: which messages fulfillment takes, and who handles them."""

from __future__ import annotations

from chassis.steps import InlineStep
from contracts.booking_events import BookingConfirmed
from contracts.fulfillment_events import AllocationPending, PurchaseRecorded, TrainerAssigned
from contracts.topics import FULFILLMENT_ASSIGNMENTS, FULFILLMENT_INVOICES, FULFILLMENT_PURCHASES
from services.fulfillment.handlers.assignments import assign_many
from services.fulfillment.handlers.invoices import issue_many
from services.fulfillment.handlers.purchases import record_many

STEPS = (
    InlineStep(FULFILLMENT_PURCHASES, (BookingConfirmed,), record_many),
    InlineStep(FULFILLMENT_ASSIGNMENTS, (PurchaseRecorded,), assign_many),
    InlineStep(FULFILLMENT_INVOICES, (TrainerAssigned, AllocationPending), issue_many),
)
