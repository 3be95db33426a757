"""What administrators and trainers do by hand: try again, approve with a named trainer, complete a session."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from chassis.ids import uuid7
from chassis.ops.letters import Act, record
from chassis.problems import Problem
from chassis.work import Work
from contracts.fulfillment_events import TrainerAssigned
from services.fulfillment.domain.assignment import Wish
from services.fulfillment.domain.schedule import lay_out
from services.fulfillment.handlers.assignments import assign_purchases, wish_of
from services.fulfillment.storage import allocations, purchases, trainers

_OF_STUDENT = """
SELECT p.purchase_id FROM student_course_purchases p LEFT JOIN trainer_allocations a ON a.purchase_id = p.purchase_id
WHERE p.student_id = $1 AND p.course_id = $2 AND a.state IS DISTINCT FROM 'approved' ORDER BY p.purchase_id
"""


async def retry(work: Work, student_id: str, course_id: str, act: Act) -> list[dict[str, Any]]:
    """Let the rules choose again for a student's purchases of a course that have no trainer (S2-23)."""
    waiting = [row.purchase_id for row in await work.fetch(_OF_STUDENT, student_id, course_id)]
    if not waiting:
        raise Problem("not-found", "No purchase of this student and course waits for a trainer.")
    decided = await assign_purchases(work, waiting, {}, silent=True)
    await record(work, act, "retry-auto-assign", student_id, None, {"course_id": course_id})
    return [
        {
            "purchase_id": str(purchase_id),
            "status": "approved" if decision.trainer_id else "pending",
            "trainer_id": decision.trainer_id,
            "considered": decision.considered,
            "removed": decision.removed,
        }
        for purchase_id, decision in decided.items()
    ]


async def approve(work: Work, purchase_id: UUID, trainer_id: str, act: Act) -> dict[str, Any]:
    """Give a purchase to a named trainer, whatever the rules say; what they would have said comes back as warnings.

    Raises `not-found` for an unknown purchase or trainer and `state-conflict` when a trainer was assigned before.
    """
    wanted = (await purchases.wanted(work, [purchase_id])).get(purchase_id)
    trainer = await work.fetch_one("SELECT * FROM trainers WHERE trainer_id = $1 FOR UPDATE", trainer_id)
    standing = await allocations.of_purchase(work, purchase_id)
    if wanted is None or trainer is None:
        raise Problem("not-found", "There is no such purchase or trainer.")
    if standing is not None and standing.state == "approved":
        raise Problem("state-conflict", "A trainer was assigned before.", trainer_id=standing.trainer_id)
    wish, course = wish_of(wanted)
    instants = lay_out(wanted.tier, wish.weekdays, wish.time_slot, course["starts_on"], course["time_zone"])
    decision = orjson.dumps({"chosen": trainer_id, "by": act.actor, "reason": act.reason}).decode()
    decided = (uuid7(), purchase_id, wanted.booking_id, trainer_id, "approved_by_hand", decision, 0)
    written = await allocations.save_many(work, [decided], [(0, n, at) for n, at in enumerate(instants, 1)])
    if purchase_id not in written:
        raise Problem("state-conflict", "Somebody else assigned a trainer at the same moment.")
    warnings = await _count(work, trainer_id, wish)
    await record(
        work, act, "approve-allocation", str(written[purchase_id]), wanted.booking_id, {"trainer_id": trainer_id}
    )
    work.tell(
        TrainerAssigned(
            booking_id=wanted.booking_id,
            purchase_id=str(purchase_id),
            allocation_id=str(written[purchase_id]),
            trainer_id=trainer_id,
            trainer_name=trainer.name,
            trainer_email=trainer.email,
            title=wanted.title,
            sessions_total=wanted.tier,
            first_session_at=instants[0],
            assigned_at=datetime.now(UTC),
        )
    )
    return {
        "allocation_id": str(written[purchase_id]),
        "status": "approved",
        "trainer_id": trainer_id,
        "warnings": warnings,
    }


async def _count(work: Work, trainer_id: str, wish: Wish) -> list[str]:
    """Count the student in; a slot without room is made larger by one, and said."""
    warnings = []
    for weekday in wish.weekdays:
        full = await work.execute(
            """INSERT INTO trainer_slots AS s (trainer_id, weekday, time_slot, capacity) VALUES ($1, $2, $3, 1)
               ON CONFLICT (trainer_id, weekday, time_slot) DO UPDATE SET capacity = s.capacity + 1
               WHERE s.taken >= s.capacity""",
            trainer_id,
            weekday,
            wish.time_slot,
        )
        if full:
            warnings.append(f"no room on weekday {weekday} at {wish.time_slot}; room was made")
    slots = Counter({(trainer_id, weekday, wish.time_slot): 1 for weekday in wish.weekdays})
    await trainers.count(work, Counter({trainer_id: 1}), slots)
    return warnings


async def complete_session(work: Work, allocation_id: UUID, number: int, trainer_id: str | None) -> dict[str, Any]:
    """A session took place; progress follows by trigger. `trainer_id` None is an administrator.

    Raises `not-found` for a session that is another trainer's or does not exist.
    """
    row = await work.fetch_one(
        """SELECT s.state, a.trainer_id, a.purchase_id FROM tutoring_sessions s JOIN trainer_allocations a USING (allocation_id)
           WHERE s.allocation_id = $1 AND s.number = $2 FOR UPDATE OF s""",
        allocation_id,
        number,
    )
    if row is None or (trainer_id is not None and row.trainer_id != trainer_id):
        raise Problem("not-found", "You have no such session.")
    await work.execute(
        """UPDATE tutoring_sessions SET state = 'completed', completed_at = now()
           WHERE allocation_id = $1 AND number = $2 AND state = 'planned'""",
        allocation_id,
        number,
    )
    return {"session_id": f"{allocation_id}:{number}", "status": "completed", "purchase_id": str(row.purchase_id)}
