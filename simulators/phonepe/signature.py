"""The static authorization that PhonePe's webhooks carry. It does not cover the body (gateways.md 3.4)."""

from __future__ import annotations

import hashlib


def authorization(username: str, password: str) -> str:
    """Lower-case hexadecimal SHA-256 of `username:password`."""
    return hashlib.sha256(f"{username}:{password}".encode()).hexdigest()
