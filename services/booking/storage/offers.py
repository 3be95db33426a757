"""Offers: the price book, and the seats of those that have only so many."""

from __future__ import annotations

from typing import Any

import orjson

from chassis.work import Work
from services.booking.domain.offers import Expert, Offer

_COLUMNS = """offer_id, kind, title, description, course_id, specialty, prices, price_version, currency, capture_policy,
              refund_policy, session_minutes, seats, seats_taken, active, partner_id, partner_bps, expert_id"""


def offer_of(row: Any, expert: Expert | None = None) -> Offer:
    """The offer in a row, with whose time it is."""
    return Offer(
        row.offer_id,
        row.kind,
        row.title,
        row.course_id,
        row.specialty,
        {int(tier): minor for tier, minor in orjson.loads(row.prices).items()},
        row.currency,
        row.capture_policy,
        orjson.loads(row.refund_policy),
        row.session_minutes,
        None if row.seats is None else row.seats - row.seats_taken,
        row.active,
        row.partner_id,
        row.partner_bps,
        expert,
    )


async def page(work: Work, kind: str | None, after: str, size: int) -> list[Any]:
    """Active offers in order of id, after the id `after`."""
    sql = f"""SELECT {_COLUMNS} FROM offers
              WHERE active AND ($1::text IS NULL OR kind = $1) AND offer_id > $2 ORDER BY offer_id LIMIT $3"""  # noqa: S608
    return list(await work.fetch(sql, kind, after, size))


async def find(work: Work, offer_id: str) -> Any | None:
    """One offer's row, or None."""
    return await work.fetch_one(f"SELECT {_COLUMNS} FROM offers WHERE offer_id = $1", offer_id)  # noqa: S608


async def take_places(work: Work, places: dict[str, int]) -> bool:
    """Take seats of every offer in `places`, in order of id; False when one has too few (roll back then)."""
    for offer_id, count in sorted(places.items()):
        taken = await work.execute(
            "UPDATE offers SET seats_taken = seats_taken + $2 WHERE offer_id = $1 AND seats_taken + $2 <= seats",
            offer_id,
            count,
        )
        if not taken:
            return False
    return True


async def give_places_back(work: Work, places: dict[str, int]) -> None:
    """Free seats, in order of id."""
    for offer_id, count in sorted(places.items()):
        await work.execute("UPDATE offers SET seats_taken = seats_taken - $2 WHERE offer_id = $1", offer_id, count)


async def save(work: Work, offers: list[dict[str, Any]]) -> None:
    """Write offers, replacing what they say but not the seats that are taken."""
    for offer in offers:
        await work.execute(
            """INSERT INTO offers (offer_id, title, description, course_id, specialty, prices, refund_policy, seats,
                                   partner_id, kind, currency, capture_policy, session_minutes, expert_id)
               VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb, $8, $9, $10, $11, $12, $13, $14)
               ON CONFLICT (offer_id) DO UPDATE
               SET title = excluded.title, prices = excluded.prices, partner_id = excluded.partner_id""",
            offer["offer_id"],
            offer["title"],
            offer["description"],
            offer["course_id"],
            offer["specialty"],
            orjson.dumps(offer["prices"], option=orjson.OPT_NON_STR_KEYS).decode(),
            orjson.dumps(offer["refund_policy"]).decode(),
            offer["seats"],
            offer["partner_id"],
            offer["kind"],
            offer["currency"],
            offer["capture_policy"],
            offer["session_minutes"],
            offer["expert_id"],
        )
