"""Identifiers: time-ordered UUIDs (RFC 9562, version 7)."""

from __future__ import annotations

from uuid import UUID

import uuid_utils
from asyncpg.pgproto.pgproto import UUID as FastUUID  # noqa: N811 - a UUID in C, for speed


def uuid7() -> UUID:
    """A new UUIDv7; later calls in one process sort after earlier ones."""
    made: UUID = FastUUID(uuid_utils.uuid7().bytes)
    return made
