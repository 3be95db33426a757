"""Trainers: a batch's candidates under lock, and their counters written once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from chassis.work import Work
from services.fulfillment.domain.assignment import Trainer

_CANDIDATES = """
SELECT t.trainer_id, t.name, t.email, t.gender, t.latitude, t.longitude, t.active_load
FROM trainers t
WHERE t.active AND t.trainer_id IN (SELECT trainer_id FROM trainer_specialties WHERE specialty = ANY($1::text[]))
ORDER BY t.trainer_id FOR UPDATE
"""
_SPECIALTIES = """
SELECT specialty, trainer_id FROM trainer_specialties WHERE specialty = ANY($1::text[]) ORDER BY specialty, trainer_id
"""
_SLOTS = """
SELECT trainer_id, weekday, time_slot, capacity - taken AS free FROM trainer_slots
WHERE trainer_id = ANY($1::text[]) AND time_slot = ANY($2::text[])
"""


class Field:
    """The candidates of a batch: by specialty for the decision, by id for what is told of them."""

    def __init__(self, by_specialty: dict[str, Sequence[Trainer]], people: dict[str, Any]) -> None:
        self.by_specialty, self.people = by_specialty, people


async def lock_candidates(work: Work, specialties: list[str], time_slots: list[str]) -> Field:
    """Lock every trainer of `specialties` in order of id, with the room in the slots of `time_slots`."""
    people = {row.trainer_id: row for row in await work.fetch(_CANDIDATES, specialties)}
    free: dict[str, dict[tuple[int, str], int]] = {trainer_id: {} for trainer_id in people}
    for row in await work.fetch(_SLOTS, list(people), time_slots):
        free[row.trainer_id][row.weekday, row.time_slot] = row.free
    trainers = {
        trainer_id: Trainer(trainer_id, row.gender, row.latitude, row.longitude, row.active_load, free[trainer_id])
        for trainer_id, row in people.items()
    }
    by_specialty: dict[str, list[Trainer]] = {}
    for row in await work.fetch(_SPECIALTIES, specialties):
        if row.trainer_id in trainers:
            by_specialty.setdefault(row.specialty, []).append(trainers[row.trainer_id])
    return Field(dict(by_specialty), people)


_COUNT = """
WITH loaded AS (
    UPDATE trainers t SET active_load = t.active_load + n.students
    FROM unnest($1::text[], $2::int[]) AS n (trainer_id, students) WHERE t.trainer_id = n.trainer_id
)
UPDATE trainer_slots s SET taken = s.taken + n.students
FROM unnest($3::text[], $4::int[], $5::text[], $6::int[]) AS n (trainer_id, weekday, time_slot, students)
WHERE s.trainer_id = n.trainer_id AND s.weekday = n.weekday AND s.time_slot = n.time_slot
"""


async def count(work: Work, loads: Counter[str], slots: Counter[tuple[str, int, str]]) -> None:
    """Add students to trainers and to their slots: each counter once for the batch."""
    places = sorted(slots)
    await work.execute(
        _COUNT,
        list(loads),
        list(loads.values()),
        [trainer_id for trainer_id, _, _ in places],
        [weekday for _, weekday, _ in places],
        [time_slot for _, _, time_slot in places],
        [slots[place] for place in places],
    )
