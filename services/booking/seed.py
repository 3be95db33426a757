"""The same catalogue on every stage: courses in four subjects, one with two seats only, English by a partner."""

from __future__ import annotations

from typing import Any

from chassis.work import Database
from services.booking.storage import offers

REFUND_POLICY = {"full_hours": 24, "partial_hours": 4, "partial_percent": 50, "none_hours": 2}
PARTNERS = {"english": "vnd-lingua"}
"""The school whose courses we sell in a subject, 80/20 (S1-19); the others are our own."""
_SUBJECTS = {"mathematics": 99900, "physics": 119900, "english": 79900, "music": 89900}


def catalogue() -> list[dict[str, Any]]:
    """The seeded offers; prices in minor units of INR by tier."""
    courses = [_course(subject, f"{subject.title()}, one to one", base, None) for subject, base in _SUBJECTS.items()]
    return [*courses, _course("english", "English, evening circle with two seats", 59900, 2, "english-evening")]


def _course(subject: str, title: str, base_minor: int, seats: int | None, name: str = "") -> dict[str, Any]:
    return {
        "offer_id": f"ofr-course-{name or subject}",
        "title": title,
        "description": f"A course in {subject} of 10, 20 or 30 sessions with a trainer of your own.",
        "course_id": f"crs-{name or subject}",
        "specialty": subject,
        "prices": {10: base_minor, 20: base_minor * 19 // 10, 30: base_minor * 27 // 10},
        "refund_policy": REFUND_POLICY,
        "seats": seats,
        "partner_id": PARTNERS.get(subject),
    }


async def seed(database: Database) -> dict[str, Any]:
    """Write the catalogue; returns the offer ids by kind."""
    made = catalogue()
    async with database.transaction() as work:
        await offers.save(work, made)
    return {"offers": {"course": [offer["offer_id"] for offer in made]}}
