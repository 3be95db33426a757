"""Fulfillment's knobs."""

from __future__ import annotations

from pydantic import Field

from chassis.settings import ServiceSettings


class FulfillmentSettings(ServiceSettings):
    """What fulfillment needs beyond every service's knobs."""

    fulfillment_retry_seconds: float = Field(
        default=30.0, gt=0, description="First wait before a pending allocation is tried again."
    )
    invoice_issuer_name: str = "Payfirst Learning Private Limited"
    invoice_issuer_address: str = "12 Residency Road, Bengaluru 560025, India"
