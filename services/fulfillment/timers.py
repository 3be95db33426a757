"""Door 3: what fulfillment does by the clock."""

from __future__ import annotations

from chassis.steps import Periodic
from services.fulfillment.handlers.assignments import retry_pending

PERIODICS = (Periodic("fulfillment.pending_allocations", 2.0, retry_pending),)
