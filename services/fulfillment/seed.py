"""The same trainers on every stage: four subjects, morning and evening, some with little room."""

from __future__ import annotations

from typing import Any

from chassis.work import Database, Work

_ROOM = 1_000_000
_DAY = [f"{hour:02d}:00" for hour in range(8, 21)]
_PEOPLE = (
    ("trn-01", "Ananya Sharma", "female", ("mathematics", "physics"), 12.97, 77.59, _ROOM),
    ("trn-02", "Ravi Menon", "male", ("mathematics",), 12.93, 77.62, _ROOM),
    ("trn-03", "Fatima Khan", "female", ("mathematics", "english"), 19.07, 72.87, _ROOM),
    ("trn-04", "George Thomas", "male", ("physics",), 13.08, 80.27, _ROOM),
    ("trn-05", "Meera Iyer", "female", ("physics", "mathematics"), 12.99, 77.70, _ROOM),
    ("trn-06", "Arjun Das", "male", ("english",), 22.57, 88.36, _ROOM),
    ("trn-07", "Sarah Pinto", "female", ("english",), 15.49, 73.82, _ROOM),
    ("trn-08", "Vikram Rao", "male", ("mathematics",), 17.38, 78.48, _ROOM),
    ("trn-09", "Lakshmi Nair", "female", ("music",), 9.93, 76.26, _ROOM),
    ("trn-10", "Imran Ali", "male", ("music",), 28.61, 77.20, 2),
    ("trn-11", "Divya Joshi", "female", ("english", "music"), 18.52, 73.85, _ROOM),
    ("trn-12", "Karan Singh", "male", ("physics", "english"), 30.73, 76.77, _ROOM),
)


async def seed(database: Database) -> dict[str, Any]:
    """Write the trainers; those who are there keep their load. Returns their ids."""
    async with database.transaction() as work:
        for trainer_id, name, gender, specialties, latitude, longitude, capacity in _PEOPLE:
            await work.execute(
                """INSERT INTO trainers (trainer_id, name, email, gender, latitude, longitude)
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING""",
                trainer_id,
                name,
                f"{name.split(' ', maxsplit=1)[0].lower()}@trainers.example.com",
                gender,
                latitude,
                longitude,
            )
            await _offer(work, trainer_id, specialties, capacity)
    return {"trainers": [person[0] for person in _PEOPLE]}


async def _offer(work: Work, trainer_id: str, specialties: tuple[str, ...], capacity: int) -> None:
    await work.execute(
        "INSERT INTO trainer_specialties (specialty, trainer_id) SELECT s, $1 FROM unnest($2::text[]) s ON CONFLICT DO NOTHING",
        trainer_id,
        list(specialties),
    )
    await work.execute(
        """INSERT INTO trainer_slots (trainer_id, weekday, time_slot, capacity)
           SELECT $1, d, s, $3 FROM generate_series(0, 6) d, unnest($2::text[]) s ON CONFLICT DO NOTHING""",
        trainer_id,
        _DAY,
        capacity,
    )
