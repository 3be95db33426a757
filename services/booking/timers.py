"""Door 3: what booking does by the clock."""

from __future__ import annotations

from chassis.steps import Periodic
from services.booking.handlers.attendance import complete_past
from services.booking.handlers.expiry import expire_holds
from services.booking.handlers.watching import watch_paid_not_fulfilled

PERIODICS = (
    Periodic("booking.hold_expiry", 1.0, expire_holds),
    Periodic("booking.past_sessions", 5.0, complete_past),
    Periodic("booking.paid_not_fulfilled", 10.0, watch_paid_not_fulfilled),
)
