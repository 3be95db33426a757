"""The tables that are fulfillment's machines: allocation and invoice."""

from __future__ import annotations

from chassis.machine import Ignore, Machine, Move, Refuse
from services.fulfillment.domain.states import AllocationState as A
from services.fulfillment.domain.states import AllocationTrigger as AT
from services.fulfillment.domain.states import InvoiceState as I
from services.fulfillment.domain.states import InvoiceTrigger as IT

ALLOCATION = Machine(
    "allocation",
    A,
    AT,
    {
        (A.PENDING, AT.TRAINER_FOUND): Move(A.APPROVED),
        (A.PENDING, AT.NO_TRAINER): Ignore("still nobody"),
        (A.PENDING, AT.APPROVED_BY_HAND): Move(A.APPROVED),
        (A.APPROVED, AT.TRAINER_FOUND): Ignore("a trainer was assigned before"),
        (A.APPROVED, AT.NO_TRAINER): Ignore("a trainer was assigned before"),
        (A.APPROVED, AT.APPROVED_BY_HAND): Refuse("it is approved already"),
    },
    terminal={A.APPROVED},
)

INVOICE = Machine(
    "invoice",
    I,
    IT,
    {
        (I.DRAFT, IT.NUMBERED): Move(I.FINALIZED),
        (I.DRAFT, IT.CORRECTED): Refuse("a draft is changed, not corrected"),
        (I.FINALIZED, IT.NUMBERED): Ignore("it has its number"),
        (I.FINALIZED, IT.CORRECTED): Move(I.CREDITED),
        (I.CREDITED, IT.NUMBERED): Ignore("it has its number"),
        (I.CREDITED, IT.CORRECTED): Ignore("it was credited before"),
    },
    terminal={I.CREDITED},
)
