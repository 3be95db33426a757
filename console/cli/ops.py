"""Operator commands: lag, dead letters, replay, discard, and the journey of a purchase."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer
from rich.markup import escape

from chassis.pages import visible
from console import journeys, letters
from console.cli import tables
from console.cli.target import Target, load
from console.upstream import Services, UpstreamError, settled
from contracts.topics import STEPS

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it goes on record")]
Reference = Annotated[str, typer.Argument(help="service:id, as the list of dead letters shows it")]


def register(app: typer.Typer) -> None:
    """Add the operators' commands to `app`."""
    app.command("lag")(lag)
    app.command("dead-letters")(dead_letters)
    app.command("show")(show)
    app.command("replay")(replay)
    app.command("replay-many")(replay_many)
    app.command("discard")(discard)
    app.command("timeline")(timeline)


def ask(work: Callable[[Services], Awaitable[Any]], target: Target | None = None) -> Any:
    """Run `work` against the services; what they refuse is printed and ends the command with 1."""

    async def run() -> Any:
        async with (target or load()).services() as services:
            return await work(services)

    try:
        return asyncio.run(run())
    except UpstreamError as error:
        tables.errors.print(f"[red]{escape(visible(error))}[/]")
        raise typer.Exit(1) from None


def _reference(reference: str) -> tuple[str, str]:
    try:
        return letters.parse_reference(reference)
    except ValueError as error:
        tables.errors.print(f"[red]{escape(str(error))}[/]")
        raise typer.Exit(2) from None


def _warn(missing: dict[str, UpstreamError]) -> None:
    for error in missing.values():
        tables.errors.print(f"[yellow]{escape(visible(error))}[/]")


def lag(as_json: Json = False) -> None:
    """How far every step is behind: messages, age of the oldest, time to drain."""

    async def work(services: Services) -> Any:
        return await settled((name, services.get(name, "/ops/lag")) for name in services.addresses)

    answers, missing = ask(work)
    steps = [step for answer in answers.values() for step in answer["steps"]]
    if as_json:
        tables.print_json({"steps": steps, "missing": {name: str(error) for name, error in missing.items()}})
    else:
        tables.lag(steps)
    _warn(missing)
    raise typer.Exit(1 if missing else 0)


def dead_letters(
    step: Annotated[str, typer.Option(help="Only of this step")] = "",
    error: Annotated[str, typer.Option(help="Only with this error class or fingerprint")] = "",
    booking_id: Annotated[str, typer.Option("--booking", help="Only of this booking id")] = "",
    since: Annotated[str, typer.Option(help="Only that died since, RFC 3339")] = "",
    as_json: Json = False,
) -> None:
    """Messages that spent their attempts or can't succeed."""
    chosen = letters.Filter(step=step, error=error, booking_id=booking_id, since=since)
    found = ask(lambda services: letters.everything(services, chosen))
    if as_json:
        tables.print_json({"total": found.total, "dead_letters": found.letters})
    else:
        tables.dead_letters(found.letters, found.total)
    _warn(found.missing)
    raise typer.Exit(1 if found.missing else 0)


def show(reference: Reference, as_json: Json = False) -> None:
    """One dead letter: its payload, attempts and what was done about it."""
    service, identifier = _reference(reference)
    letter = ask(lambda services: services.get(service, f"/ops/dead-letters/{identifier}"))
    if as_json:
        tables.print_json(letter)
    else:
        tables.dead_letter(reference, letter)


def replay(
    reference: Reference,
    reason: Reason,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how it would end")] = False,
    as_json: Json = False,
) -> None:
    """Let the failed step run the same message again."""
    service, identifier = _reference(reference)
    path = f"/ops/dead-letters/{identifier}/replay"
    query = {"dry_run": "true"} if dry_run else None
    _answer(ask(lambda services: services.post(service, path, {"reason": reason}, query)), as_json)


def discard(reference: Reference, reason: Reason, as_json: Json = False) -> None:
    """Give a message up; what waits behind it goes on."""
    service, identifier = _reference(reference)
    path = f"/ops/dead-letters/{identifier}/discard"
    _answer(ask(lambda services: services.post(service, path, {"reason": reason})), as_json)


def _answer(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        tables.print_json(answer)
        return
    colour = "red" if answer.get("would") == "fail" else "green"
    tables.out.print(" ".join(f"{name}=[{colour}]{escape(visible(value))}[/]" for name, value in answer.items()))


def replay_many(
    step: Annotated[str, typer.Option(help="Replay the dead letters of this step")],
    reason: Reason,
    error: Annotated[str, typer.Option(help="Only with this error class")] = "",
    booking_id: Annotated[str, typer.Option("--booking", help="Only of this booking id")] = "",
    follow: Annotated[bool, typer.Option(help="Wait and show progress")] = True,
    as_json: Json = False,
) -> None:
    """Replay many in waves of 1, 5, 25 and the rest; it stops itself when they come back dead."""
    if step not in {known.name for known in STEPS}:
        raise typer.BadParameter(f"There is no step {step!r}; see `payfirst lag`.")
    chosen = letters.Filter(step=step, error=error, booking_id=booking_id)

    async def work(services: Services) -> dict[str, Any]:
        begun = await letters.begin_replays(services, chosen, reason)
        (run,) = begun
        if not as_json:
            tables.out.print(f"{run['count']} dead letters of {escape(step)} are frozen as replay {run['id']}")
        return await letters.followed(services, run, tables.progress(as_json)) if follow else run

    ended = ask(work)
    if as_json:
        tables.print_json(ended)
    raise typer.Exit(1 if ended["state"] == "stopped" else 0)


def timeline(booking_id: Annotated[str, typer.Argument(help="Booking id")], as_json: Json = False) -> None:
    """The journey of a purchase through all services."""
    entries, missing = ask(lambda services: journeys.gather(services, booking_id))
    if as_json:
        tables.print_json({"booking_id": booking_id, "entries": entries})
    elif entries:
        tables.timeline(booking_id, entries)
    else:
        tables.errors.print(f"[yellow]No service knows of booking {escape(visible(booking_id))}.[/]")
    _warn(missing)
    raise typer.Exit(0 if entries and not missing else 1)
