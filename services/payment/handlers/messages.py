"""The bodies of payment's own tasks."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class TaskBody(BaseModel):
    """Base of the task bodies."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ObservationReceived(TaskBody):
    """A stored webhook waits to be worked on."""

    type: ClassVar[str] = "observation.received"
    gateway: str
    gateway_event_id: UUID


class CaptureDue(TaskBody):
    """An authorized payment should have been captured by now: ask, and capture."""

    type: ClassVar[str] = "capture.due"
    booking_id: str
    payment_id: UUID
    amount_minor: int
    currency: str


class ChargeDue(TaskBody):
    """A saved method is to be charged. `charges`: how many were made or begun when this one was scheduled."""

    type: ClassVar[str] = "charge.due"
    booking_id: str
    payment_id: UUID
    amount_minor: int
    currency: str
    charges: int


class RefundRun(TaskBody):
    """A refund of ours waits for its call, or for the next question about it."""

    type: ClassVar[str] = "refund.run"
    booking_id: str
    payment_id: UUID
    refund_id: UUID
    amount_minor: int
    currency: str


class PayoutRun(TaskBody):
    """A payout to a partner waits for its call, or for the next question about it."""

    type: ClassVar[str] = "payout.run"
    payout_id: UUID
