"""What is known of one session that was sold, and which news of it its expert is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contracts.booking_events import BookingCancelled, BookingRescheduled, SessionCompleted
from services.notification.domain.notices import Notice, cancelled_for_expert, rescheduled_for_expert

News = BookingRescheduled | SessionCompleted | BookingCancelled


@dataclass(slots=True)
class Consultation:
    """One line's session: whose it is, when it begins as things stand, and when it ended by being held or cancelled."""

    booking_id: str
    line_id: str
    expert_id: str
    title: str
    starts_at: datetime
    rescheduled_at: datetime | None = None
    ended_at: datetime | None = None

    def hear(self, event: News) -> Notice | None:
        """Take `event` in; what its expert is to be told of it. Late and repeated words change and tell nothing."""
        if self.ended_at is not None or (not isinstance(event, BookingCancelled) and event.line_id != self.line_id):
            return None
        if isinstance(event, BookingRescheduled):
            return self._move(event)
        if isinstance(event, SessionCompleted):
            self.ended_at = event.completed_at
            return None
        self.ended_at = event.cancelled_at
        return cancelled_for_expert(event, self.expert_id, self.line_id, self.title, self.starts_at)

    def _move(self, event: BookingRescheduled) -> Notice | None:
        if self.rescheduled_at is not None and event.rescheduled_at <= self.rescheduled_at:
            return None
        self.starts_at, self.rescheduled_at = event.starts_at, event.rescheduled_at
        return rescheduled_for_expert(event, self.expert_id)
