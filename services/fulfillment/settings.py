"""Fulfillment's knobs."""

from __future__ import annotations

from chassis.settings import ServiceSettings


class FulfillmentSettings(ServiceSettings):
    """What fulfillment needs beyond every service's knobs."""

    invoice_issuer_name: str = "Payfirst Learning Private Limited"
    invoice_issuer_address: str = "12 Residency Road, Bengaluru 560025, India"
