"""Remember whom to tell: the buyer of each confirmed booking, and of a saved card or money that goes back without one."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.steps import Message
from chassis.work import Work
from services.notification.storage import contacts


async def record_many(work: Work, messages: Sequence[Message]) -> None:
    """One statement for any number of `booking.confirmed`, `hold.extended` and `refund.due`."""
    await contacts.record_buyers(work, [message.event for message in messages])
