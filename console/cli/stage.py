"""Commands of the local stage: up, down, demo, clean, logs, token."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer
from rich.console import Console
from rich.table import Table

from bench.buyer import Buyer
from chassis.identity import issue_account_token
from console.journeys import journey
from deploy.stage.stage import AlreadyRunning, Stage

out = Console()
_ADDRESSES = ("storefront", "console", "booking", "payment", "fulfillment", "notification", "simulators", "mail")


def home() -> Path:
    """Where the stage keeps its data: PAYFIRST_HOME, else `.payfirst` in this folder."""
    return Path(os.environ.get("PAYFIRST_HOME", ".payfirst"))


def _report(name: str, seconds: float) -> None:
    out.print(f"  [green]✓[/] {name:<14} [dim]{seconds:5.1f} s[/]")


def _show_addresses(record: dict[str, Any]) -> None:
    table = Table(title="Addresses", show_header=False, box=None)
    for name in _ADDRESSES:
        table.add_row(name, record[name])
    table.add_row("kafka", record["kafka"])
    out.print(table)


def register(app: typer.Typer) -> None:
    """Add the stage's commands to `app`."""
    for command in (up, down, demo, clean, logs, token):
        app.command()(command)


@contextlib.asynccontextmanager
async def _stage() -> AsyncIterator[dict[str, Any]]:
    started = time.monotonic()
    out.print("[bold]Starting the stage[/]")
    stage = Stage(home(), int(os.environ.get("PAYFIRST_PORT_BASE", "8100")), report=_report)
    record = await stage.start()
    out.print(f"[bold green]Ready[/] after {time.monotonic() - started:.1f} s; data in {home()}")
    try:
        yield record
    finally:
        out.print("[bold]Stopping[/]")
        await stage.stop()


async def _until_signal() -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    out.print("[dim]Ctrl-C stops everything.[/]")
    await stopped.wait()


def _run(work: Any) -> Any:
    try:
        return asyncio.run(work)
    except AlreadyRunning as error:
        out.print(f"[yellow]{error}[/]")
        raise typer.Exit(1) from None
    except RuntimeError as error:
        out.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None


def up() -> None:
    """Start everything on this machine and keep it running until Ctrl-C."""

    async def run() -> None:
        async with _stage() as record:
            _show_addresses(record)
            await _until_signal()

    _run(run())


def down() -> None:
    """Stop the stage that runs in this folder."""
    path = home() / "pid"
    if not path.exists():
        out.print("No stage is running here.")
        return
    pid = int(path.read_text())
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + 40
    while path.exists() and time.monotonic() < end:
        time.sleep(0.1)
    out.print("Stopped." if not path.exists() else f"Process {pid} is still stopping.")


def clean() -> None:
    """Stop the stage and remove its data; downloads stay in the cache folder."""
    down()
    shutil.rmtree(home(), ignore_errors=True)
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


def demo(
    once: Annotated[bool, typer.Option(help="End after the purchase instead of waiting for Ctrl-C")] = False,
    stage_file: Annotated[str, typer.Option(help="Use a running stage, by its stage.json")] = "",
) -> None:
    """Start the stage, let a few buyers purchase a course, show one purchase's journey."""
    running = json.loads(Path(stage_file).read_text()) if stage_file else None

    async def run() -> bool:
        if running is not None:
            return await _purchases(running)
        async with _stage() as record:
            fulfilled = await _purchases(record)
            _show_addresses(record)
            if not once:
                await _until_signal()
            return fulfilled

    raise typer.Exit(0 if _run(run()) else 1)


async def _purchases(record: dict[str, Any], buyers: int = 3) -> bool:
    out.print(f"[bold]{buyers} buyers purchase a course each[/]")
    async with httpx2.AsyncClient(timeout=30) as client:
        buyer = Buyer(record, client)
        try:
            results = await asyncio.gather(*(_purchase(buyer, number) for number in range(buyers)))
        except (RuntimeError, TimeoutError, httpx2.TransportError) as error:
            out.print(f"[red]The purchase was not fulfilled: {error}[/]")
            return False
        urls = {name: record[name] for name in ("booking", "payment", "fulfillment", "notification")}
        entries = await journey(client, urls, record["tokens"]["ops"], results[0])
    table = Table(title=f"The journey of {results[0]}")
    for column in ("time", "service", "what", "message", "topic", "partition", "offset"):
        table.add_column(column, overflow="fold")
    for entry in entries:
        what = " ".join(str(entry[name]) for name in ("what", "step") if entry.get(name))
        values = (str(entry["at"])[11:23], entry["service"], what, entry.get("type"), entry.get("topic"))
        table.add_row(*(str(v or "") for v in values), _text(entry.get("partition")), _text(entry.get("offset")))
    out.print(table)
    return True


def _text(value: Any) -> str:
    return "" if value is None else str(value)


async def _purchase(buyer: Buyer, number: int) -> str:
    checkout = await buyer.check_out(email=f"buyer{number}@example.com")
    out.print(f"  buyer {number}: place held, order {checkout.order_id} for {checkout.amount_minor} minor units")
    triple = await buyer.pay(checkout)
    started = time.monotonic()
    answer = await buyer.verify(triple, checkout)
    verified = time.monotonic() - started
    await buyer.wait_fulfilled(checkout)
    out.print(
        f"  buyer {number}: [green]fulfilled[/] {time.monotonic() - started:.2f} s after paying "
        f"(verify answered {answer.status_code} in {verified * 1000:.0f} ms)"
    )
    return checkout.booking_id
