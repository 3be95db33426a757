"""Every event that exists, by type; importing this module fills the registry."""

from __future__ import annotations

from contracts import booking_events, fulfillment_events, payment_events
from contracts.event import REGISTRY, Event, decode, schema_of

__all__ = ["REGISTRY", "Event", "booking_events", "decode", "fulfillment_events", "payment_events", "schema_of"]
