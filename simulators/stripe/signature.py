"""Stripe's webhook signature: `t=<epoch>,v1=<hex>`, HMAC-SHA256 over `t.body`, one `v1` for each secret (1.6)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable


def header(secrets: Iterable[str], body: bytes, at_seconds: int) -> str:
    """The `Stripe-Signature` of `body`, made at `at_seconds` since the epoch."""
    signed = f"{at_seconds}.".encode() + body
    made = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={at_seconds}", *(f"v1={signature}" for signature in made)])
