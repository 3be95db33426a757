"""Razorpay's signatures: HMAC-SHA256 over the raw webhook, and over `order|payment` for the browser's return.

Checked here and not by the vendor's SDK: the SDK wants text instead of the bytes that were signed, and is synchronous.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable


def of_webhook(body: bytes, secret: str) -> str:
    """The hexadecimal signature of a webhook's raw bytes."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def of_return(gateway_order_id: str, gateway_payment_id: str, key_secret: str) -> str:
    """The hexadecimal signature that the checkout gives to the browser."""
    text = f"{gateway_order_id}|{gateway_payment_id}"
    return hmac.new(key_secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def webhook_is_authentic(body: bytes, signature: str | None, secrets: Iterable[str]) -> bool:
    """Whether one of `secrets` (several while one is being replaced, F-69) signed `body`; in constant time."""
    if not signature:
        return False
    given = signature.encode("utf-8", "replace")
    matches = [hmac.compare_digest(of_webhook(body, secret).encode(), given) for secret in secrets]
    return any(matches)


def return_is_authentic(gateway_order_id: str, gateway_payment_id: str, signature: str, key_secret: str) -> bool:
    """Whether Razorpay signed this payment for this order; in constant time."""
    expected = of_return(gateway_order_id, gateway_payment_id, key_secret).encode()
    return hmac.compare_digest(expected, signature.encode("utf-8", "replace"))
