"""The same catalogue on every stage: courses in four subjects, one with two seats only, English by a partner; consultations
with two experts, one paid at once and one after the session."""

from __future__ import annotations

from datetime import time
from typing import Any

from chassis.work import Database
from services.booking.domain.offers import COURSE, SESSION
from services.booking.domain.refund_policy import STANDARD
from services.booking.storage import experts, offers

PARTNERS = {"english": "vnd-lingua"}
"""The school whose courses we sell in a subject, 80/20 (S1-19); the others are our own."""
_SUBJECTS = {"mathematics": 99900, "physics": 119900, "english": 79900, "music": 89900}
_WORKDAYS = range(5)
_EXPERTS = (
    {
        "expert_id": "exp-maya",
        "name": "Maya Iyer",
        "email": "maya@experts.example.com",
        "bio": "Twenty years of turning around small companies.",
        "skills": ["strategy", "pricing", "fundraising", "hiring", "operations"],
        "time_zone": "Asia/Kolkata",
        "room_url": "https://rooms.example.com/maya",
        "hours": [
            (day, opens, closes) for day in _WORKDAYS for opens, closes in ((time(9), time(13)), (time(14), time(18)))
        ],
    },
    {
        "expert_id": "exp-jonas",
        "name": "Jonas Weber",
        "email": "jonas@experts.example.com",
        "bio": "Tax adviser for people who work in two countries.",
        "skills": ["tax", "relocation", "contracts"],
        "time_zone": "Europe/Berlin",
        "room_url": "https://rooms.example.com/jonas",
        "hours": [(day, time(10), time(17)) for day in range(7)],
    },
)


def catalogue() -> list[dict[str, Any]]:
    """The seeded offers; prices in minor units by number of sessions."""
    courses = [_course(subject, f"{subject.title()}, one to one", base, None) for subject, base in _SUBJECTS.items()]
    circle = _course("english", "English, evening circle with two seats", 59900, 2, "english-evening")
    strategy = _session("strategy", "Strategy, an hour with Maya Iyer", "exp-maya", 80000, "USD", "after_service")
    tax = _session("tax", "Tax advice, an hour with Jonas Weber", "exp-jonas", 249900, "INR", "immediate")
    return [*courses, circle, strategy, tax]


def _course(subject: str, title: str, base_minor: int, seats: int | None, name: str = "") -> dict[str, Any]:
    return {
        "offer_id": f"ofr-course-{name or subject}",
        "kind": COURSE,
        "title": title,
        "description": f"A course in {subject} of 10, 20 or 30 sessions with a trainer of your own.",
        "course_id": f"crs-{name or subject}",
        "specialty": subject,
        "prices": {10: base_minor, 20: base_minor * 19 // 10, 30: base_minor * 27 // 10},
        "currency": "INR",
        "capture_policy": "immediate",
        "session_minutes": 60,
        "refund_policy": STANDARD,
        "seats": seats,
        "partner_id": PARTNERS.get(subject),
        "expert_id": None,
    }


def _session(
    name: str, title: str, expert_id: str, price_minor: int, currency: str, capture_policy: str
) -> dict[str, Any]:
    """A consultation; its expert is the partner whose share it is (S1-18, S1-19)."""
    return {
        "offer_id": f"ofr-session-{name}",
        "kind": SESSION,
        "title": title,
        "description": "Sixty minutes, by video, at a time that you choose.",
        "course_id": None,
        "specialty": None,
        "prices": {1: price_minor},
        "currency": currency,
        "capture_policy": capture_policy,
        "session_minutes": 60,
        "refund_policy": STANDARD,
        "seats": None,
        "partner_id": expert_id,
        "expert_id": expert_id,
    }


async def seed(database: Database) -> dict[str, Any]:
    """Write the catalogue; returns the offer ids by kind, and the experts' ids."""
    made = catalogue()
    async with database.transaction() as work:
        await experts.save(work, _EXPERTS)
        await offers.save(work, made)
    kinds = {kind: [offer["offer_id"] for offer in made if offer["kind"] == kind] for kind in (COURSE, SESSION)}
    return {"offers": kinds, "experts": [expert["expert_id"] for expert in _EXPERTS]}
