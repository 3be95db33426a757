"""`purchase.recorded` → a trainer and the sessions, or a pending allocation that is tried again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from chassis import telemetry
from chassis.ids import uuid7
from chassis.outcomes import Dead
from chassis.steps import Message
from chassis.work import Database, Work
from contracts.fulfillment_events import AllocationPending, TrainerAssigned
from services.fulfillment.domain.assignment import Decision, Wish, assign
from services.fulfillment.domain.schedule import lay_out
from services.fulfillment.storage import allocations, purchases, trainers

_RETRY_BATCH = 200


async def assign_many(work: Work, messages: Sequence[Message]) -> None:
    """Assign trainers for the batch's purchases, in the order of the messages."""
    causes = {UUID(message.event.purchase_id): message.id for message in messages}
    await assign_purchases(work, list(causes), causes)


async def retry_pending(database: Database) -> int:
    """Try pending allocations again whose time has come; returns how many were looked at."""
    async with database.transaction() as work:
        waiting = await allocations.due(work, _RETRY_BATCH)
        if waiting:
            await assign_purchases(work, waiting, {}, silent=True)
    return len(waiting)


def wish_of(row: Any) -> tuple[Wish, dict[str, Any]]:
    """What a purchase asks for, and its course as stored."""
    course = orjson.loads(row.metadata)
    preferences = course.get("preferences", {})
    wish = Wish(
        row.specialty,
        course["time_slot"],
        tuple(course["weekdays"]),
        preferences.get("gender"),
        preferences.get("latitude"),
        preferences.get("longitude"),
        preferences.get("max_distance_km"),
    )
    return wish, course


async def assign_purchases(
    work: Work, purchase_ids: Sequence[UUID], causes: dict[UUID, UUID], *, silent: bool = False
) -> dict[UUID, Decision]:
    """Decide, write and tell for `purchase_ids`; `silent` tells nothing of those that stay pending.

    A purchase that has its trainer already, by hand or by an earlier message, keeps it: nothing is written, counted or
    told of it, and it is not in the answer. Raises `Dead` when a purchase does not exist.
    """
    rows = await purchases.wanted(work, list(purchase_ids))
    if missing := set(purchase_ids) - rows.keys():
        raise Dead(f"there is no purchase {sorted(map(str, missing))[0]}")
    wished = [wish_of(rows[purchase_id]) for purchase_id in purchase_ids]
    wishes = [wish for wish, _ in wished]
    field = await trainers.lock_candidates(
        work, sorted({wish.specialty for wish in wishes}), sorted({wish.time_slot for wish in wishes})
    )
    decisions = assign(wishes, field.by_specialty)
    batch = _Batch(rows, field.people)
    for purchase_id, (wish, course), decision in zip(purchase_ids, wished, decisions, strict=True):
        batch.add(purchase_id, wish, course, decision)
    written = await allocations.save_many(work, batch.decided, batch.plans)
    made = {p: d for p, d in zip(purchase_ids, decisions, strict=True) if p in written}
    await trainers.count(work, *_counters(made, dict(zip(purchase_ids, wishes, strict=True))))
    for purchase_id, decision in made.items():
        if decision.trainer_id is not None or not silent:
            work.tell(batch.event(purchase_id, decision, written[purchase_id]), causation=causes.get(purchase_id))
    assigned = sum(1 for decision in made.values() if decision.trainer_id is not None)
    telemetry.ASSIGNMENTS.labels("assigned").inc(assigned)
    if not silent:
        telemetry.ASSIGNMENTS.labels("pending").inc(len(made) - assigned)
    return made


def _counters(
    made: dict[UUID, Decision], wishes: dict[UUID, Wish]
) -> tuple[Counter[str], Counter[tuple[str, int, str]]]:
    """The students that trainers and their slots really got: loads equal allocations at any time."""
    loads: Counter[str] = Counter()
    slots: Counter[tuple[str, int, str]] = Counter()
    for purchase_id, decision in made.items():
        if decision.trainer_id is not None:
            wish = wishes[purchase_id]
            loads[decision.trainer_id] += 1
            slots.update((decision.trainer_id, weekday, wish.time_slot) for weekday in wish.weekdays)
    return loads, slots


class _Batch:
    """Collects what one transaction writes: allocations and distinct session plans."""

    def __init__(self, rows: dict[UUID, Any], people: dict[str, Any]) -> None:
        self.rows, self.people = rows, people
        self.decided: list[allocations.Decided] = []
        self.plans: list[allocations.Plan] = []
        self._plan_numbers: dict[tuple[Any, ...], int] = {}
        self._first: dict[int, datetime] = {}
        self._plan_of: dict[UUID, int] = {}

    def add(self, purchase_id: UUID, wish: Wish, course: dict[str, Any], decision: Decision) -> None:
        row = self.rows[purchase_id]
        plan = self._plan(row.tier, wish, course)
        self._plan_of[purchase_id] = plan
        trigger = "no_trainer" if decision.trainer_id is None else "trainer_found"
        reasons = self._reason(decision)
        self.decided.append((uuid7(), purchase_id, row.booking_id, decision.trainer_id, trigger, reasons, plan))

    def _plan(self, tier: int, wish: Wish, course: dict[str, Any]) -> int:
        key = (tier, wish.weekdays, wish.time_slot, course["starts_on"], course["time_zone"])
        number = self._plan_numbers.get(key)
        if number is None:
            number = self._plan_numbers[key] = len(self._plan_numbers)
            instants = lay_out(*key)
            self.plans += [(number, position, at) for position, at in enumerate(instants, 1)]
            self._first[number] = instants[0]
        return number

    def _reason(self, decision: Decision) -> str:
        body = {
            "chosen": decision.trainer_id,
            "load_before": decision.load_before,
            "considered": decision.considered,
            "removed": decision.removed,
        }
        return orjson.dumps(body).decode()

    def event(self, purchase_id: UUID, decision: Decision, allocation_id: UUID) -> TrainerAssigned | AllocationPending:
        row, now = self.rows[purchase_id], datetime.now(UTC)
        if decision.trainer_id is None:
            return AllocationPending(
                booking_id=row.booking_id,
                purchase_id=str(purchase_id),
                allocation_id=str(allocation_id),
                reason="no trainer fits yet",
                pending_at=now,
            )
        trainer = self.people[decision.trainer_id]
        return TrainerAssigned(
            booking_id=row.booking_id,
            purchase_id=str(purchase_id),
            allocation_id=str(allocation_id),
            trainer_id=trainer.trainer_id,
            trainer_name=trainer.name,
            trainer_email=trainer.email,
            title=row.title,
            sessions_total=row.tier,
            first_session_at=self._first[self._plan_of[purchase_id]],
            assigned_at=now,
        )
