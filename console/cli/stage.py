"""Commands of the local stage: up, down, status, clean, logs, token."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import httpx2
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chassis.identity import issue_account_token
from deploy.stage import claim
from deploy.stage.claim import AlreadyRunning
from deploy.stage.stage import Stage
from deploy.stage.unprivileged import remove

out = Console(width=None if sys.stdout.isatty() else 140)
_ADDRESSES = ("storefront", "console", "booking", "payment", "fulfillment", "notification", "simulators", "mail")
_DOWN_SECONDS, _UP_SECONDS = 60.0, 300.0
_INTERRUPTED = 130
T = TypeVar("T")


def home() -> Path:
    """Where the stage keeps its data: PAYFIRST_HOME, else `.payfirst` in this folder."""
    return Path(os.environ.get("PAYFIRST_HOME", ".payfirst"))


def show_addresses(record: dict[str, Any]) -> None:
    """Where everything is."""
    table = Table(title="Addresses", show_header=False, box=None)
    for name in _ADDRESSES:
        table.add_row(name, record[name])
    table.add_row("kafka", record["kafka"])
    out.print(table)


def register(app: typer.Typer) -> None:
    """Add the stage's commands to `app`."""
    for command in (up, down, status, clean, logs, token):
        app.command()(command)


@contextlib.asynccontextmanager
async def running_stage() -> AsyncIterator[dict[str, Any]]:
    """A stage of this home, shown while it starts; stopped at the end. Gives the content of stage.json."""
    started = time.monotonic()
    out.print("[bold]Starting the stage[/] [dim](the first start fetches Kafka's jars)[/]")
    with out.status("PostgreSQL and Kafka") as waiting:

        def report(name: str, seconds: float) -> None:
            out.print(f"  [green]✓[/] {name:<14} [dim]{seconds:5.1f} s[/]")
            waiting.update(f"{name} is ready, {time.monotonic() - started:.0f} s so far")

        stage = Stage(home(), int(os.environ.get("PAYFIRST_PORT_BASE", "8100")), report=report)
        record = await stage.start()
    out.print(f"[bold green]Ready[/] after {time.monotonic() - started:.1f} s; data in {home()}")
    try:
        yield record
    finally:
        out.print("[bold]Stopping[/]")
        await stage.stop()


async def until_signal() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    out.print("[dim]Ctrl-C stops everything.[/]")
    await stopped.wait()


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. What is wrong is said in one message; Ctrl-C and SIGTERM stop in order at any time."""

    async def guarded() -> T:
        task = asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await work

    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError:
        out.print("Stopped before it was done.")
        raise typer.Exit(_INTERRUPTED) from None
    except AlreadyRunning as error:
        out.print(f"[yellow]{escape(str(error))}[/]", soft_wrap=True)
        raise typer.Exit(1) from None
    except RuntimeError as error:
        out.print(f"[red]{escape(str(error))}[/]", soft_wrap=True)
        raise typer.Exit(1) from None


def up(
    detach: Annotated[bool, typer.Option(help="Return when everything is ready; `payfirst down` stops it")] = False,
) -> None:
    """Start everything on this machine and keep it running until Ctrl-C."""

    async def work() -> None:
        async with running_stage() as record:
            show_addresses(record)
            await until_signal()

    if detach:
        _up_detached()
    else:
        run(work())


def _up_detached() -> None:
    """Start a launcher of its own session; returns when stage.json is there."""
    if claim.owner(home()):  # 0: what a killed launcher left is ending; the new one waits for it
        out.print(f"[yellow]{escape(str(AlreadyRunning(home())))}[/]", soft_wrap=True)
        raise typer.Exit(1)
    (home() / "logs").mkdir(parents=True, exist_ok=True)
    said = home() / "logs" / "launcher.log"
    with said.open("w") as log:
        command = [sys.executable, "-m", "console.cli.app", "up"]
        launcher = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    end = time.monotonic() + _UP_SECONDS
    ready = home() / "stage.json"
    # A stage.json that a crash left is removed by the launcher that takes the home.
    while not (claim.owner(home()) == launcher.pid and ready.exists()):
        if launcher.poll() is not None or time.monotonic() > end:
            sys.stdout.write(said.read_text())
            raise typer.Exit(1)
        time.sleep(0.1)
    show_addresses(json.loads(ready.read_text()))


def down() -> None:
    """Stop the stage that runs in this folder."""
    if claim.owner(home()) is None:
        if home().exists():
            claim.forget(home())
        out.print("No stage is running here.")
        return
    end = time.monotonic() + _DOWN_SECONDS
    asked = 0
    while (pid := claim.owner(home())) is not None:
        if pid != asked and pid:
            asked = pid
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        if time.monotonic() > end:
            out.print(f"[red]Process {pid} does not stop; see {home()}/logs.[/]")
            raise typer.Exit(1)
        time.sleep(0.1)
    out.print("Stopped.")


def status() -> None:
    """Say which parts of the stage are ready; exit code 1 when one is not."""
    path = home() / "stage.json"
    if claim.owner(home()) is None:
        out.print(f"No stage is running in {home()}; start one with `make up`.")
        raise typer.Exit(1)
    if not path.exists():
        out.print("The stage is still starting, or stopping.")
        raise typer.Exit(1)
    record = json.loads(path.read_text())
    table = Table(show_header=False, box=None)
    well = True
    for name in _ADDRESSES:
        said = _health(name, record[name])
        well = well and said == "ready"
        table.add_row(name, record[name], f"[{'green' if said == 'ready' else 'red'}]{escape(said)}[/]")
    out.print(table)
    raise typer.Exit(0 if well else 1)


def _health(name: str, url: str) -> str:
    path = {"console": "/health/live", "storefront": "/health/live", "simulators": "/health/live"}.get(name)
    path = "/messages" if name == "mail" else path or "/health/ready"
    try:
        answer = httpx2.get(f"{url}{path}", timeout=5)
    except httpx2.TransportError as error:
        return f"does not answer ({type(error).__name__})"
    return "ready" if answer.status_code == 200 else answer.text[:200]


def clean() -> None:
    """Stop the stage and remove its data; downloads stay in the cache folder."""
    down()
    remove(home())
    out.print(f"{home()} is gone.")


def logs(name: Annotated[str, typer.Argument(help="booking, payment, kafka …; all when left out")] = "") -> None:
    """Show the last lines of the stage's logs."""
    folder = home() / "logs"
    for path in sorted(folder.glob(f"{name or '*'}.log")):
        out.rule(path.stem)
        sys.stdout.write("\n".join(path.read_text(errors="replace").splitlines()[-40:]) + "\n")


def token(
    role: Annotated[str, typer.Option(help="buyer, expert, vendor, admin or ops")] = "admin",
    subject: Annotated[str, typer.Option(help="whom the token is for")] = "admin",
) -> None:
    """Print an account token of the local stage, good for a day."""
    path = home() / "secrets.json"
    if not path.exists():
        out.print("[red]There is no stage here yet: run `make up` first.[/]")
        raise typer.Exit(1)
    secret = json.loads(path.read_text())["TOKEN_SECRET"]
    sys.stdout.write(issue_account_token(secret, subject, [role]) + "\n")
