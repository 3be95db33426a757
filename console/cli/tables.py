"""How the operator's commands look: tables and colours; every foreign text is escaped."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import orjson
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chassis.pages import money, visible
from console.words import ago, counted, span, stamp

out = Console()
errors = Console(stderr=True)
_SHORT = 70
COLOURS = {
    "told": "blue",
    "taken": "green",
    "attempt failed": "yellow",
    "dead": "red",
    "replay": "magenta",
    "discard": "magenta",
}


def print_json(value: Any) -> None:
    """JSON on standard output, for programs."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode() + "\n")


def _text(value: object) -> str:
    return escape(visible(value))


def titled(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table; the columns named in `right` are aligned to the right."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def lag(steps: list[dict[str, Any]]) -> None:
    """One row for each step that reads topics."""
    right = ("messages", "oldest", "per second", "drains in")
    table = titled("Lag by step", "step", *right, right=right)
    for step in steps:
        messages, oldest = step["messages"], step["oldest_seconds"]
        colour = "green" if not messages else "red" if oldest > 60 else "yellow"
        drain = step["drain_seconds"]
        table.add_row(
            _text(step["step"]),
            f"[{colour}]{messages}[/]",
            f"[{colour}]{span(oldest)}[/]",
            f"{step['rate_per_second']:.1f}",
            "unknown" if drain is None else span(drain) if messages else "",
        )
    out.print(table)


def dead_letters(letters: list[dict[str, Any]], total: int) -> None:
    """The list, oldest first; three lines each, so that it fits a narrow terminal."""
    table = _lines(f"{len(letters)} of {total} dead letters")
    table.add_column("id", no_wrap=True)
    table.add_column("step, booking, error", ratio=1, overflow="fold")
    table.add_column("amount", justify="right", no_wrap=True)
    table.add_column("died", justify="right", no_wrap=True)
    for item in letters:
        table.add_row(
            f"[bold]{_text(item['ref'])}[/]",
            f"{_text(item['step'])}\n[dim]{_text(item['booking_id'])}[/]\n"
            f"[red]{_text(item['error_class'])}[/] {_text(_short(item['error_message']))}",
            money(item.get("amount_minor"), item.get("currency")),
            f"{_text(ago(item['dead_at']))}\n[dim]{counted(item['attempts'], 'try', 'tries')}[/]",
        )
    out.print(table)


def _lines(title: str) -> Table:
    return Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_lines=False, padding=(0, 1, 0, 0)
    )


def _short(text: object) -> str:
    said = str(text or "")
    return said if len(said) <= _SHORT else said[: _SHORT - 1] + "…"


def dead_letter(reference: str, item: dict[str, Any]) -> None:
    """One dead letter: facts, payload, attempts, acts."""
    table = Table(title=escape(reference), title_justify="left", show_header=False)
    for name in (
        "step",
        "type",
        "booking_id",
        "state",
        "disposition",
        "attempts",
        "episode",
        "error_class",
        "error_message",
        "fingerprint",
        "topic",
        "partition",
        "offset",
        "first_failed_at",
        "dead_at",
        "message_id",
    ):
        if item.get(name) is not None:
            table.add_row(name.replace("_", " "), _text(item[name]))
    out.print(table)
    out.print("[bold]Payload[/]")
    payload = item["payload"]
    out.print(_text(payload if isinstance(payload, str) else json.dumps(payload, indent=2, ensure_ascii=False)))
    for title, rows, columns in (
        ("Attempts", item["attempt_log"], ("attempt", "episode", "failed_at", "error_class", "error_message")),
        ("Acts", item["acts"], ("at", "actor", "action", "reason")),
    ):
        if rows:
            table = titled(title, *(name.replace("_", " ") for name in columns))
            for row in rows:
                table.add_row(*(_text(row[name]) for name in columns))
            out.print(table)


def timeline(booking_id: str, entries: list[dict[str, Any]]) -> None:
    """The journey, one row an entry."""
    table = _lines(f"The journey of {_text(booking_id)}")
    for column in ("time", "service", "what", "partition / offset"):
        table.add_column(column, no_wrap=column in ("time", "service"), overflow="fold")
    for entry in entries:
        what = str(entry["what"])
        said = [f"[{COLOURS.get(what, 'white')}]{_text(what)}[/] {_text(entry.get('type'))}".rstrip()]
        said += [_text(entry[name]) for name in ("error_class", "reason") if entry.get(name)]
        if entry.get("step"):
            said.append(f"[dim]by {_text(entry['step'])}[/]")
        place = ""
        if entry.get("offset") is not None:
            place = f"{_text(entry['topic'])} [bold]{entry['partition']}/{entry['offset']}[/]"
        table.add_row(stamp(entry["at"])[11:], _text(entry["service"]), "\n".join(said), place)
    out.print(table)


def progress(quiet: bool) -> Callable[[dict[str, Any]], None]:
    """A function that prints a bulk replay's progress when it changed."""
    last: list[str] = []

    def show(run: dict[str, Any]) -> None:
        outcomes = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(run["outcomes"].items()))
        line = f"{run['state']}: {outcomes or 'nothing matched'}"
        if not quiet and last[-1:] != [line]:
            last.append(line)
            colour = {"done": "green", "stopped": "red"}.get(run["state"], "yellow")
            out.print(f"[{colour}]{escape(line)}[/]")

    return show
