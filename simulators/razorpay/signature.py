"""Razorpay's two signatures: of the checkout's answer and of a webhook's raw body."""

from __future__ import annotations

import hashlib
import hmac


def sign(secret: str, message: bytes) -> str:
    """Hexadecimal HMAC-SHA256."""
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def checkout_signature(key_secret: str, order_id: str, payment_id: str) -> str:
    """What the checkout hands to the browser: over `order_id|payment_id` with the API secret."""
    return sign(key_secret, f"{order_id}|{payment_id}".encode())
