"""Opening cases: one statement for any number, each trouble once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from chassis.ids import uuid7
from chassis.work import Work

_OPEN = """
INSERT INTO cases (id, kind, dedupe, detail, payment_id, booking_id, expected_minor, seen_minor, currency, deadline_at)
SELECT u.id, u.kind, u.dedupe, u.detail, u.payment_id, u.booking_id, u.expected_minor, u.seen_minor, u.currency,
       coalesce(u.deadline_at, now() + make_interval(secs => 3600 * $11::float8))
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::bigint[], $8::bigint[],
            $9::text[], $10::timestamptz[])
     AS u (id, kind, dedupe, detail, payment_id, booking_id, expected_minor, seen_minor, currency, deadline_at)
ON CONFLICT (dedupe) DO NOTHING
"""


class NewCase(NamedTuple):
    """A case to open; amounts are minor units. Without `deadline_at` the usual deadline counts."""

    kind: str
    dedupe: str
    detail: str
    payment_id: UUID | None = None
    booking_id: str | None = None
    expected_minor: int | None = None
    seen_minor: int | None = None
    currency: str | None = None
    deadline_at: datetime | None = None


async def open_cases(work: Work, cases: Sequence[NewCase], deadline_hours: float) -> None:
    """Open those of `cases` whose `dedupe` is new."""
    if cases:
        columns = map(list, zip(*cases, strict=True))
        await work.execute(_OPEN, [uuid7() for _ in cases], *columns, deadline_hours)
