"""How an instant is written for others. Deadlines are decided by the database's clock."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(instant: datetime) -> str:
    """`instant`, which is aware, as RFC 3339 has it: UTC, with `Z`."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
