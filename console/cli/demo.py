"""The command `demo`: the stage, a few buyers who purchase a course, and one purchase's journey on screen."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer
from rich.markup import escape
from rich.table import Table

from bench.buyer import Buyer
from console.cli.stage import out, run, running_stage, show_addresses, until_signal
from console.journeys import journey

_WHOLE = ("time", "service", "partition", "offset")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(demo)


def demo(
    once: Annotated[bool, typer.Option(help="End after the purchase instead of waiting for Ctrl-C")] = False,
    stage_file: Annotated[str, typer.Option(help="Use a running stage, by its stage.json")] = "",
) -> None:
    """Start the stage, let a few buyers purchase a course, show one purchase's journey."""
    running = json.loads(Path(stage_file).read_text()) if stage_file else None

    async def work() -> bool:
        if running is not None:
            return await _purchases(running)
        async with running_stage() as record:
            fulfilled = await _purchases(record)
            show_addresses(record)
            if not once:
                await until_signal()
            return fulfilled

    raise typer.Exit(0 if run(work()) else 1)


async def _purchases(record: dict[str, Any], buyers: int = 3) -> bool:
    out.print(f"[bold]{buyers} buyers purchase a course each[/]")
    async with httpx2.AsyncClient(timeout=30) as client:
        buyer = Buyer(record, client)
        try:
            results = await asyncio.gather(*(_purchase(buyer, number) for number in range(buyers)))
        except (RuntimeError, TimeoutError, httpx2.TransportError) as error:
            out.print(f"[red]The purchase was not fulfilled: {escape(str(error))}[/]", soft_wrap=True)
            return False
        urls = {name: record[name] for name in ("booking", "payment", "fulfillment", "notification")}
        entries = await journey(client, urls, record["tokens"]["ops"], results[0])
    table = Table(title=f"The journey of {results[0]}")
    for column in ("time", "service", "what", "message", "topic", "partition", "offset"):
        table.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
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
