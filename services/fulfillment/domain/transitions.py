"""The tables that are fulfillment's machines: allocation, invoice and meeting."""

from __future__ import annotations

from chassis.machine import Ignore, Machine, Move, Refuse
from services.fulfillment.domain.states import AllocationState as A
from services.fulfillment.domain.states import AllocationTrigger as AT
from services.fulfillment.domain.states import InvoiceState as I
from services.fulfillment.domain.states import InvoiceTrigger as IT
from services.fulfillment.domain.states import MeetingState as M
from services.fulfillment.domain.states import MeetingTrigger as MT

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

MEETING = Machine(
    "meeting",
    M,
    MT,
    {
        (M.LIVE, MT.MOVED): Move(M.MOVED),
        (M.LIVE, MT.HELD): Move(M.HELD),
        (M.LIVE, MT.CANCELLED): Move(M.REMOVED),
        (M.MOVED, MT.MOVED): Move(M.MOVED),
        (M.MOVED, MT.HELD): Move(M.HELD),
        (M.MOVED, MT.CANCELLED): Move(M.REMOVED),
        (M.HELD, MT.MOVED): Ignore("it was held: its time is past"),
        (M.HELD, MT.HELD): Ignore("it was held before"),
        (M.HELD, MT.CANCELLED): Ignore("it was held before the booking was cancelled"),
        (M.REMOVED, MT.MOVED): Ignore("it was removed with its booking"),
        (M.REMOVED, MT.HELD): Ignore("it was removed with its booking"),
        (M.REMOVED, MT.CANCELLED): Ignore("it was removed before"),
    },
    terminal={M.HELD, M.REMOVED},
)
