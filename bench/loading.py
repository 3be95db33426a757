"""Prepares purchases for a bench: holds in booking's database, secured payments in payment's outbox, set-based."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from chassis.ids import uuid7
from contracts.payment_events import PaymentSecured
from contracts.topics import PAYMENT_EVENTS

AMOUNT_MINOR = 99900
_SUBJECTS = ("mathematics", "physics", "english", "music")
_SLOTS = ("09:00", "10:00", "16:00", "18:00")


def _line(number: int) -> dict[str, Any]:
    subject = _SUBJECTS[number % len(_SUBJECTS)]
    return {
        "line_id": str(uuid7()),
        "offer_id": f"ofr-course-{subject}",
        "kind": "course",
        "title": f"{subject.title()}, one to one",
        "quantity": 1,
        "unit_minor": AMOUNT_MINOR,
        "total_minor": AMOUNT_MINOR,
        "course": {
            "course_id": f"crs-{subject}",
            "tier": 10,
            "specialty": subject,
            "time_slot": _SLOTS[number % len(_SLOTS)],
            "weekdays": [0, 2, 4],
            "starts_on": "2027-01-04",
            "time_zone": "Asia/Kolkata",
            "session_minutes": 60,
            "preferences": {},
        },
    }


def _reference(booking_id: UUID) -> str:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    value, text = booking_id.int & (2**40 - 1), ""
    for _ in range(8):
        value, digit = divmod(value, 32)
        text += alphabet[digit]
    return f"BK-{text}"


async def hold_places(booking_url: str, count: int) -> list[UUID]:
    """Write `count` checked-out carts with live holds; returns their booking ids."""
    connection = await asyncpg.connect(booking_url)
    ids = [uuid7() for _ in range(count)]
    try:
        for start in range(0, count, 5000):
            part = ids[start : start + 5000]
            buyers = [
                orjson.dumps(
                    {"student_id": f"guest-{i}", "name": "Bench Buyer", "email": f"b{i.hex[-12:]}@example.com"}
                ).decode()
                for i in part
            ]
            lines = [orjson.dumps([_line(start + n)]).decode() for n in range(len(part))]
            texts = [str(i) for i in part]
            await connection.execute(_HOLDS, texts, [_reference(i) for i in part], buyers, lines, AMOUNT_MINOR)
    finally:
        await connection.close()
    return ids


_HOLDS = """
WITH carted AS (
    INSERT INTO carts (cart_id, booking_id) SELECT 'cart-' || b, b FROM unnest($1::text[]) AS b
), kept AS (
    INSERT INTO hold_contents (booking_id, buyer, lines, refund_policy)
    SELECT b, u::jsonb, l::jsonb, '{}' FROM unnest($1::text[], $3::text[], $4::text[]) AS t (b, u, l)
)
INSERT INTO holds (booking_id, reference, cart_id, state, amount_minor, currency, capture_policy, expires_at)
SELECT b, r, 'cart-' || b, 'held', $5, 'INR', 'immediate', now() + interval '1 day'
FROM unnest($1::text[], $2::text[]) AS t (b, r)
"""
_TELL = """
WITH told AS (
    INSERT INTO events (event_id, topic, key, type, body, traceparent)
    SELECT e, $1, k, 'payment.secured', b, '00-' || replace(k, '-', '') || '-' || right(replace(k, '-', ''), 16) || '-01'
    FROM unnest($2::uuid[], $3::text[], $4::bytea[]) AS t (e, k, b) RETURNING id
)
INSERT INTO outbox (id) SELECT id FROM told
"""


def secured_body(booking_id: UUID) -> bytes:
    """The body of the event that says that `booking_id` is paid."""
    return PaymentSecured(
        booking_id=str(booking_id),
        payment_id=f"pay-{booking_id}",
        gateway="razorpay",
        amount_minor=AMOUNT_MINOR,
        currency="INR",
        secured_as="captured",
        secured_at=datetime.now(UTC),
    ).encode()


class Teller:
    """Tells secured payments through payment's outbox, as its own transactions do."""

    def __init__(self, payment_url: str) -> None:
        self._url = payment_url
        self._pool: Any = None

    async def __aenter__(self) -> Teller:
        self._pool = await asyncpg.create_pool(self._url, min_size=1, max_size=4)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    async def tell(self, booking_ids: list[UUID]) -> None:
        """One transaction for all of `booking_ids`."""
        await self._pool.execute(
            _TELL,
            PAYMENT_EVENTS.name,
            [uuid7() for _ in booking_ids],
            [str(i) for i in booking_ids],
            [secured_body(i) for i in booking_ids],
        )
