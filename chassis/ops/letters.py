"""What an administrator may do to a dead letter: replay, discard, edit, rehearse; each on record with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from chassis import tasks
from chassis.calls import message_of
from chassis.outcomes import failure_of
from chassis.problems import Problem
from chassis.steps import AnyStep, InlineStep, body_models
from chassis.work import Database, Work

_MONEY_FIELDS = ("_minor", "currency", "booking_id", "payment_id")


@dataclass(frozen=True, slots=True)
class Act:
    """Who acts and why. `reason` has at least three characters."""

    actor: str
    reason: str


async def record(work: Work, act: Act, action: str, target: str, booking_id: str | None, detail: Any = None) -> None:
    """Write the audit row, in the transaction of the act."""
    await work.execute(
        "INSERT INTO audit (actor, action, target, booking_id, reason, detail) VALUES ($1, $2, $3, $4, $5, $6::jsonb)",
        act.actor,
        action,
        target,
        booking_id,
        act.reason,
        orjson.dumps(detail or {}).decode(),
    )


async def _locked(work: Work, task_id: int) -> Any:
    row = await work.fetch_one("SELECT * FROM tasks WHERE id = $1 FOR UPDATE", task_id)
    if row is None:
        raise Problem("not-found", "It was resolved or never existed; see /ops/audit.")
    return row


def _still_dead(row: Any, episode: int | None) -> None:
    if row.state != "dead" or (episode is not None and row.episode != episode):
        raise Problem(
            "state-conflict",
            "Somebody else acted first; load it again.",
            state=row.state,
            episode=row.episode,
        )


_REVIVE = """
UPDATE tasks SET state = 'ready', episode = episode + 1, attempts = 0, interruptions = 0, due_at = now(),
       disposition = NULL, dead_at = NULL
WHERE id = $1 RETURNING episode
"""


async def replay(work: Work, task_id: int, act: Act, episode: int | None = None) -> dict[str, Any]:
    """Let the failed step run the same message again, once however often it is clicked.

    Compare-and-set on state and `episode`: a stale click changes nothing and raises `state-conflict` saying so.
    """
    row = await _locked(work, task_id)
    _still_dead(row, episode)
    revived = await work.fetch_one(_REVIVE, task_id)
    assert revived is not None
    await record(work, act, "replay", str(task_id), row.key, {"step": row.step, "episode": revived.episode})
    return {"id": str(task_id), "state": "ready", "episode": revived.episode}


async def discard(work: Work, task_id: int, act: Act, episode: int | None = None) -> dict[str, Any]:
    """Give the message up; what waited behind it goes on. Raises `state-conflict` when it is not dead any more."""
    row = await _locked(work, task_id)
    _still_dead(row, episode)
    await work.execute("DELETE FROM tasks WHERE id = $1", task_id)
    await record(work, act, "discard", str(task_id), row.key, {"step": row.step, "message_id": str(row.message_id)})
    await tasks.free_next(work, {(row.step, row.key)})
    return {"id": str(task_id), "state": "discarded"}


async def edit(work: Work, step: AnyStep, task_id: int, body: dict[str, Any], act: Act) -> dict[str, Any]:
    """Replace the body by a new revision that fits its schema and changes no money and no identity, then replay."""
    row = await _locked(work, task_id)
    _still_dead(row, None)
    model = body_models(step).get(row.type)
    if model is None:
        raise Problem("state-conflict", f"{step.name} takes no {row.type}; discard it instead.")
    try:
        new = model.model_validate(body)
        old = orjson.loads(row.body or b"{}")
    except ValueError as error:
        raise Problem("validation", f"The new body does not fit {row.type}: {failure_of(error).message}") from error
    fresh = orjson.loads(new.model_dump_json(exclude_none=True))
    for path in _differences(old, fresh, ""):
        if path.endswith(_MONEY_FIELDS):
            raise Problem("validation", f"{path} may not be edited: money and identity stay as they were.")
    await work.execute(
        "UPDATE tasks SET body = $2 WHERE id = $1", task_id, new.model_dump_json(exclude_none=True).encode()
    )
    await record(work, act, "edit", str(task_id), row.key, {"changed": _differences(old, fresh, "")})
    return await replay(work, task_id, act)


def _differences(old: Any, new: Any, path: str) -> list[str]:
    """The paths at which two JSON values differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            found
            for name in sorted(old.keys() | new.keys())
            for found in _differences(old.get(name), new.get(name), f"{path}/{name}")
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            found for n, (a, b) in enumerate(zip(old, new, strict=True)) for found in _differences(a, b, f"{path}/{n}")
        ]
    return [] if old == new else [path]


async def rehearse(database: Database, step: AnyStep, task_id: int) -> dict[str, Any]:
    """The dry run: the handler in a transaction that is rolled back. Says how it would end; changes nothing."""
    async with database.rehearsal() as work:
        row = await _locked(work, task_id)
        if not isinstance(step, InlineStep):
            return {"id": str(task_id), "would": "unknown", "why": "this step calls the outside and can't be rehearsed"}
        try:
            await step.handle_many(work, [message_of(step, row)])
        except Exception as error:
            failure = failure_of(error)
            return {"id": str(task_id), "would": "fail", "error": failure.error_class, "why": failure.message}
    return {"id": str(task_id), "would": "succeed"}
