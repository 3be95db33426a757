"""Carts and their lines."""

from __future__ import annotations

from typing import Any

import orjson

from chassis.work import Work
from services.booking.domain.offers import Line
from services.booking.storage.experts import HOURS, expert_of
from services.booking.storage.offers import offer_of

_LINES = f"""
SELECT l.line_id, l.quantity, l.wish, o.*, e.name AS expert_name, e.email AS expert_email,
       e.time_zone AS expert_time_zone, e.room_url, e.active AS expert_active, {HOURS},
       EXISTS (SELECT 1 FROM slots s WHERE s.state = 'claimed' AND s.expert_id = o.expert_id
                  AND s.booking_id IS DISTINCT FROM c.booking_id
                  AND tstzrange(s.starts_at, s.ends_at)
                      && tstzrange((l.wish ->> 'starts_at')::timestamptz,
                                   (l.wish ->> 'starts_at')::timestamptz + make_interval(mins => o.session_minutes))
              ) AS is_taken
FROM cart_lines l JOIN carts c USING (cart_id) JOIN offers o USING (offer_id) LEFT JOIN experts e USING (expert_id)
WHERE l.cart_id = $1 ORDER BY l.line_id
"""  # noqa: S608 - a constant text


async def create(work: Work, cart_id: str, owner: str | None) -> None:
    """A new open cart; `owner` is an account's subject, None for a guest."""
    await work.execute("INSERT INTO carts (cart_id, owner) VALUES ($1, $2)", cart_id, owner)


async def find(work: Work, cart_id: str, *, lock: bool = False) -> Any | None:
    """A cart with its state, which follows from its hold; locked when something is about to change."""
    if lock:
        await work.fetch_one("SELECT 1 FROM carts WHERE cart_id = $1 FOR UPDATE", cart_id)
    return await work.fetch_one(
        """SELECT c.*, CASE WHEN h.state = 'converted' THEN 'CONVERTED'
                            WHEN h.state = 'held' AND h.expires_at > now() THEN 'CHECKED_OUT'
                            ELSE 'OPEN' END AS state
           FROM carts c LEFT JOIN holds h USING (booking_id) WHERE c.cart_id = $1""",
        cart_id,
    )


async def lines_of(work: Work, cart_id: str) -> list[Line]:
    """The cart's lines with their offers, in the order they were added; whether another booking claims their time."""
    rows = await work.fetch(_LINES, cart_id)
    return [
        Line(row.line_id, offer_of(row, expert_of(row)), row.quantity, orjson.loads(row.wish), row.is_taken)
        for row in rows
    ]


async def add_line(work: Work, cart_id: str, line_id: str, offer_id: str, quantity: int, wish: dict[str, Any]) -> None:
    """Add a line."""
    await work.execute(
        "INSERT INTO cart_lines (line_id, cart_id, offer_id, quantity, wish) VALUES ($1, $2, $3, $4, $5::jsonb)",
        line_id,
        cart_id,
        offer_id,
        quantity,
        orjson.dumps(wish).decode(),
    )


async def remove_line(work: Work, cart_id: str, line_id: str) -> bool:
    """Remove a line; False when the cart has no such line."""
    return await work.execute("DELETE FROM cart_lines WHERE cart_id = $1 AND line_id = $2", cart_id, line_id) == 1


async def mark_checked_out(work: Work, cart_id: str, booking_id: str) -> None:
    """The cart now has a live hold."""
    await work.execute("UPDATE carts SET booking_id = $2 WHERE cart_id = $1", cart_id, booking_id)
