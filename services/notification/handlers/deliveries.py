"""Queue what is owed: one delivery and one sending task for each notice that was not owed before."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.steps import Message
from chassis.work import Work
from contracts.fulfillment_events import TrainerAssigned
from contracts.topics import NOTIFICATION_SENDING
from services.notification.domain.notices import Notice, SendDelivery, notice_of
from services.notification.storage import contacts, deliveries


async def queue_many(work: Work, messages: Sequence[Message]) -> None:
    """At most three statements for any number of events.

    The buyer's address is not asked for here: topics have no order between them, so a whole backlog of events may come
    before `booking.confirmed` was read. The sending task waits for it instead (handlers/sending.py).
    """
    assigned = [message.event for message in messages if isinstance(message.event, TrainerAssigned)]
    if assigned:
        await contacts.record_trainers(work, assigned)
    notices = [notice_of(message.event) for message in messages]
    await queue(work, [notice for notice in notices if notice is not None])


async def queue(work: Work, notices: Sequence[Notice]) -> None:
    """Write `notices` and schedule the sending of the new ones; the delivery's id is the task's message id."""
    if not notices:
        return
    for row in await deliveries.queue(work, notices):
        body = SendDelivery(delivery_id=row.delivery_id)
        work.schedule(NOTIFICATION_SENDING, body, key=row.booking_id, message_id=row.delivery_id)
