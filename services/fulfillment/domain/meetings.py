"""The meeting of a session: when it takes place, and what it makes of what booking says about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chassis.machine import Decision, Ignore, Move
from services.fulfillment.domain.states import MeetingState, MeetingTrigger
from services.fulfillment.domain.transitions import MEETING


@dataclass(slots=True)
class Meeting:
    """One meeting as it stands; `rescheduled_at` is the latest word about its time, None for the time bought."""

    state: MeetingState
    starts_at: datetime
    ends_at: datetime
    rescheduled_at: datetime | None = None

    def see(self, trigger: MeetingTrigger) -> Decision[MeetingState]:
        """Take `trigger` in; the answer is the machine's."""
        decision = MEETING.decide(self.state, trigger)
        if isinstance(decision, Move):
            self.state = decision.to
        return decision

    def move(self, starts_at: datetime, ends_at: datetime, rescheduled_at: datetime) -> Decision[MeetingState]:
        """Take a new time in, unless the one that stands was decided at the same moment or later."""
        if self.rescheduled_at is not None and rescheduled_at <= self.rescheduled_at:
            return Ignore("a word about its time that is not older was taken before")
        decision = self.see(MeetingTrigger.MOVED)
        if isinstance(decision, Move):
            self.starts_at, self.ends_at, self.rescheduled_at = starts_at, ends_at, rescheduled_at
        return decision
