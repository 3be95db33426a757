"""Identifiers: time-ordered UUIDs (RFC 9562, version 7)."""

from __future__ import annotations

from uuid import UUID

import uuid_utils


def uuid7() -> UUID:
    """A new UUIDv7; later calls in one process sort after earlier ones."""
    return UUID(int=uuid_utils.uuid7().int)
