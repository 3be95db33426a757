"""Stripe's webhook signature, `t=<epoch>,v1=<hex>`, checked by the vendor's own code (gateways.md 1.6)."""

from __future__ import annotations

import time
from collections.abc import Iterable

import stripe

TOLERANCE_SECONDS = 300
"""How old a signature may be; an event's redelivery is signed anew."""


def is_authentic(body: bytes, header: str | None, secrets: Iterable[str]) -> bool:
    """Whether one of `secrets` (several while one is being replaced) signed `body` within the last five minutes."""
    if not header:
        return False
    try:
        payload = body.decode()
    except UnicodeDecodeError:
        return False
    return any(_signed(payload, header, secret) for secret in secrets) and not _of_the_future(header)


def _signed(payload: str, header: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(payload, header, secret, TOLERANCE_SECONDS))
    except (stripe.SignatureVerificationError, ValueError):
        return False


def _of_the_future(header: str) -> bool:
    """The SDK lets times of the future pass; a signature made for tomorrow is refused all the same."""
    stamps = [part[2:] for part in header.split(",") if part.startswith("t=")]
    return not stamps or not stamps[0].isdigit() or int(stamps[0]) > time.time() + TOLERANCE_SECONDS
