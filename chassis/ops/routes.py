"""The `/ops` routes of every service: lag, outbox, tasks, dead letters, replays, timeline and audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from aiokafka.errors import KafkaError
from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from chassis.identity import Principal, require
from chassis.lag import probe_for
from chassis.ops import letters, replays, views
from chassis.ops.letters import Act
from chassis.problems import Problem
from chassis.serving import Db
from chassis.steps import AnyStep

Operator = Annotated[Principal, Depends(require("ops", "admin"))]
Admin = Annotated[Principal, Depends(require("admin"))]


class Reason(BaseModel):
    """Why an act is done; `episode` makes a stale click harmless."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(min_length=3, max_length=500)
    episode: int | None = None


class Edit(Reason):
    """A new body for a dead letter."""

    body: dict[str, Any]


class ReplayMany(BaseModel):
    """Which dead letters to replay: every field given must match."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(min_length=3, max_length=500)
    step: str | None = None
    fingerprint: str | None = None
    error: str | None = None
    booking_id: str | None = None
    since: datetime | None = None


def _number(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdigit() or len(token) > 18:
        raise Problem("validation", "This is not an id or page token of ours.")
    return int(token)


def router(steps: Sequence[AnyStep]) -> APIRouter:
    """The routes for a service with `steps`."""
    routes = APIRouter(prefix="/ops", tags=["ops"])
    by_name = {step.name: step for step in steps}
    _reading(routes, steps)
    _looking_closer(routes, list(by_name))
    _acting(routes, by_name)
    return routes


def _reading(routes: APIRouter, steps: Sequence[AnyStep]) -> None:
    @routes.get("/lag")
    async def lag(_: Operator, request: Request) -> dict[str, Any]:
        try:
            measured = await probe_for(request.app.state.settings.bootstrap).measure(steps)
        except (KafkaError, TimeoutError, OSError) as error:
            raise Problem("dependency-unavailable", "The broker does not answer; lag is unknown.") from error
        return {"steps": [asdict(item) for item in measured]}

    @routes.get("/outbox")
    async def outbox(_: Operator, database: Db) -> dict[str, Any]:
        async with database.transaction() as work:
            return await views.outbox(work)

    @routes.get("/tasks")
    async def tasks(
        _: Operator, database: Db, state: str | None = None, step: str | None = None, page_token: str | None = None
    ) -> dict[str, Any]:
        async with database.transaction() as work:
            return await views.tasks(work, state, step, _number(page_token))


def _looking_closer(routes: APIRouter, names: list[str]) -> None:
    @routes.get("/dead-letters")
    async def dead_letters(
        _: Operator,
        database: Db,
        step: str | None = None,
        error: str | None = None,
        booking_id: str | None = None,
        since: datetime | None = None,
        page_token: str | None = None,
    ) -> dict[str, Any]:
        async with database.transaction() as work:
            return await views.dead_letters(work, step, error, booking_id, since, _number(page_token))

    @routes.get("/dead-letters/{task_id}")
    async def dead_letter(_: Operator, database: Db, task_id: str) -> dict[str, Any]:
        async with database.transaction() as work:
            return await views.dead_letter(work, _number(task_id))

    @routes.get("/timeline/{booking_id}")
    async def timeline(
        _: Operator, database: Db, booking_id: str, message_id: Annotated[list[UUID] | None, Query()] = None
    ) -> dict[str, Any]:
        async with database.transaction() as work:
            return {"entries": await views.timeline(work, booking_id, names, message_id or [])}

    @routes.get("/audit")
    async def audit(_: Operator, database: Db, booking_id: str | None = None, page_token: str | None = None) -> Any:
        async with database.transaction() as work:
            rows = await work.fetch(
                "SELECT * FROM audit WHERE ($1::text IS NULL OR booking_id = $1) AND id > $2 ORDER BY id LIMIT $3",
                booking_id,
                _number(page_token),
                views.PAGE,
            )
        return {
            "entries": [views.as_dict(row) for row in rows],
            "next_page_token": str(rows[-1].id) if len(rows) == views.PAGE else None,
        }


def _acting(routes: APIRouter, steps: dict[str, AnyStep]) -> None:
    @routes.post("/dead-letters/{task_id}/replay")
    async def replay(caller: Admin, database: Db, task_id: str, body: Reason, dry_run: bool = False) -> dict[str, Any]:
        if dry_run:
            return await letters.rehearse(database, await _step_of(database, steps, task_id), _number(task_id))
        async with database.transaction() as work:
            answer = await letters.replay(work, _number(task_id), Act(caller.subject, body.reason), body.episode)
        database.wake_tasks()
        return answer

    @routes.post("/dead-letters/{task_id}/discard")
    async def discard(caller: Admin, database: Db, task_id: str, body: Reason) -> dict[str, Any]:
        async with database.transaction() as work:
            return await letters.discard(work, _number(task_id), Act(caller.subject, body.reason), body.episode)

    @routes.post("/dead-letters/{task_id}/edit")
    async def edit(caller: Admin, database: Db, task_id: str, body: Edit) -> dict[str, Any]:
        step = await _step_of(database, steps, task_id)
        async with database.transaction() as work:
            return await letters.edit(work, step, _number(task_id), body.body, Act(caller.subject, body.reason))

    @routes.post("/replays", status_code=201)
    async def replay_many(caller: Admin, database: Db, body: ReplayMany) -> dict[str, Any]:
        chosen = body.model_dump(mode="json", exclude={"reason"}, exclude_none=True)
        async with database.transaction() as work:
            return await replays.begin(work, Act(caller.subject, body.reason), chosen, body.since)

    @routes.get("/replays/{replay_id}")
    async def show_replay(_: Operator, database: Db, replay_id: UUID) -> dict[str, Any]:
        async with database.transaction() as work:
            return await replays.show(work, replay_id)


async def _step_of(database: Any, steps: dict[str, AnyStep], task_id: str) -> AnyStep:
    async with database.transaction() as work:
        row = await work.fetch_one("SELECT step FROM tasks WHERE id = $1", _number(task_id))
    if row is None or row.step not in steps:
        raise Problem("not-found", "It was resolved or never existed; see /ops/audit.")
    return steps[row.step]
