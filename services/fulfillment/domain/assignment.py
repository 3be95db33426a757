"""Which trainer gets which purchase: hard rules, then the least loaded, ties by id; with the reasons (S2-05)."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

RULES = ("gender_preference", "time_slot", "distance", "slot_full")
_EARTH_KM = 6371.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a purchase asks for. Two purchases with equal wishes are decided by the same rules."""

    specialty: str
    time_slot: str
    weekdays: tuple[int, ...]
    gender: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    max_distance_km: float | None = None


@dataclass(slots=True)
class Trainer:
    """A candidate: `free` maps (weekday, time slot) to how many students still fit there."""

    trainer_id: str
    gender: str
    latitude: float | None
    longitude: float | None
    load: int
    free: dict[tuple[int, str], int]

    def has_room(self, wish: Wish) -> bool:
        """Whether every wished slot has room for one more."""
        return all(self.free.get((day, wish.time_slot), 0) > 0 for day in wish.weekdays)

    def take(self, wish: Wish) -> None:
        """Count one more student."""
        self.load += 1
        for day in wish.weekdays:
            self.free[day, wish.time_slot] -= 1


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one purchase: who (None: nobody fits), who was considered, which rule removed whom."""

    trainer_id: str | None
    load_before: int
    considered: tuple[str, ...]
    removed: dict[str, tuple[str, ...]]


def distance_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great-circle distance of two points given as latitude and longitude in degrees."""
    (lat1, lon1), (lat2, lon2) = ((math.radians(x), math.radians(y)) for x, y in (a, b))
    half = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_KM * math.asin(math.sqrt(half))


def _broken_rule(wish: Wish, trainer: Trainer) -> str | None:
    """The first hard rule that removes `trainer`, whatever room is left; None when all hold."""
    if wish.gender is not None and trainer.gender != wish.gender:
        return "gender_preference"
    if any((day, wish.time_slot) not in trainer.free for day in wish.weekdays):
        return "time_slot"
    if wish.max_distance_km is not None and wish.latitude is not None and wish.longitude is not None:
        if trainer.latitude is None or trainer.longitude is None:
            return "distance"
        here, there = (wish.latitude, wish.longitude), (trainer.latitude, trainer.longitude)
        if distance_km(here, there) > wish.max_distance_km:
            return "distance"
    return None


class _Field:
    """The candidates that the rules leave for one wish, as a heap of (load, id); stale entries are set right lazily."""

    def __init__(self, wish: Wish, trainers: Sequence[Trainer]) -> None:
        self.considered = tuple(trainer.trainer_id for trainer in trainers)
        self.removed: dict[str, tuple[str, ...]] = {}
        self.heap: list[tuple[int, str]] = []
        for trainer in trainers:
            rule = _broken_rule(wish, trainer)
            if rule is None:
                self.heap.append((trainer.load, trainer.trainer_id))
            else:
                self.removed[rule] = (*self.removed.get(rule, ()), trainer.trainer_id)
        heapq.heapify(self.heap)

    def choose(self, wish: Wish, trainers: dict[str, Trainer]) -> Trainer | None:
        while self.heap:
            load, trainer_id = self.heap[0]
            trainer = trainers[trainer_id]
            if trainer.load != load:
                heapq.heapreplace(self.heap, (trainer.load, trainer_id))
            elif not trainer.has_room(wish):
                heapq.heappop(self.heap)
                self.removed["slot_full"] = (*self.removed.get("slot_full", ()), trainer_id)
            else:
                return trainer
        return None


def assign(wishes: Sequence[Wish], trainers: Mapping[str, Sequence[Trainer]]) -> list[Decision]:
    """Decide for `wishes` in order; `trainers` are those of each specialty, by id, and are counted up in place.

    Deciding for many is the same as deciding one by one: each choice sees the loads that the ones before it left.
    """
    by_id = {trainer.trainer_id: trainer for group in trainers.values() for trainer in group}
    fields: dict[Wish, _Field] = {}
    decisions = []
    for wish in wishes:
        field = fields.get(wish)
        if field is None:
            field = fields[wish] = _Field(wish, trainers.get(wish.specialty, ()))
        chosen = field.choose(wish, by_id)
        load = 0 if chosen is None else chosen.load
        if chosen is not None:
            chosen.take(wish)
        decisions.append(
            Decision(None if chosen is None else chosen.trainer_id, load, field.considered, field.removed.copy())
        )
    return decisions
