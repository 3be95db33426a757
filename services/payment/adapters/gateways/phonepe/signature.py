"""PhonePe's webhook authorization: a static hash of user and password. It does not cover the body (gateways.md 3.4)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable


def of_webhook(username: str, password: str) -> str:
    """The value of the `Authorization` header: hexadecimal SHA-256 of `username:password`."""
    return hashlib.sha256(f"{username}:{password}".encode()).hexdigest()


def is_authentic(authorization: str | None, username: str, passwords: Iterable[str]) -> bool:
    """Whether the header is that of one of the passwords (several while one is being replaced); in constant time."""
    if not authorization or not username:
        return False
    given = authorization.strip().encode("utf-8", "replace")
    matches = [hmac.compare_digest(of_webhook(username, password).encode(), given) for password in passwords]
    return any(matches)
