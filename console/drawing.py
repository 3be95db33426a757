"""The picture of a journey: where every entry stands on the services' lanes, and which message led to which step."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

from chassis.pages import instant
from console.upstream import SERVICES

_LEFT, _RIGHT, _TOP, _LANE = 118.0, 36.0, 34.0, 62.0
_NEAR, _FAR = 24.0, 190.0
_WIDTH = 1150.0
_MOST_SHRINK = 0.55
_TICK_GAP = 74.0
_SPREAD = 13.0


@dataclass(frozen=True)
class Mark:
    """An entry in the picture: place, look (`told`, `taken`, `failed`, `waiting`, `dead`, `act`) and its words."""

    x: float
    y: float
    look: str
    words: str
    row: int


@dataclass(frozen=True)
class Arrow:
    """A message on its way: from where it was told to where a step took it."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass
class Picture:
    """Lanes, ticks, marks and arrows, with the size that they need."""

    width: float
    height: float
    lanes: list[tuple[str, float]]
    ticks: list[tuple[float, str]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    left: float = _LEFT


def look_of(entry: dict[str, Any]) -> str:
    """How an entry is drawn and coloured."""
    what = str(entry.get("what"))
    if what in ("told", "taken", "dead"):
        return what
    if what == "attempt failed":
        return "failed"
    return "waiting" if what in ("ready", "running", "held", "blocked") else "act"


def words_of(entry: dict[str, Any]) -> str:
    """What an entry says, on one line."""
    names = ("type", "step", "error_class", "actor", "reason")
    return " · ".join([str(entry.get("what")), *(str(entry[name]) for name in names if entry.get(name))])


def elapsed(seconds: float) -> str:
    """Time since the first entry, short."""
    if seconds < 1:
        return f"+{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"+{seconds:.1f} s"
    minutes = seconds / 60
    return (
        f"+{minutes:.0f} min"
        if minutes < 120
        else f"+{minutes / 60:.0f} h"
        if minutes < 2880
        else f"+{minutes / 1440:.0f} d"
    )


def draw(entries: list[dict[str, Any]]) -> Picture | None:
    """The picture of `entries` (in order of time); None when there are none.

    The axis shortens idle time: a gap's width grows with its logarithm, so that milliseconds and days are both seen.
    """
    moments = [instant(entry.get("at")) for entry in entries]
    seconds = [moment.timestamp() for moment in moments if moment is not None]
    if not entries or len(seconds) != len(entries):
        return None
    xs = _positions(seconds)
    lanes = [(name, _TOP + _LANE * (number + 0.5)) for number, name in enumerate(SERVICES)]
    picture = Picture(max(xs) + _RIGHT, _TOP + _LANE * len(SERVICES) + 30, lanes)
    level = dict(lanes)
    used: dict[tuple[str, float], int] = {}
    for row, (entry, x) in enumerate(zip(entries, xs, strict=True)):
        place = (entry["service"], round(x))
        used[place] = used.get(place, 0) + 1
        y = level[entry["service"]] + _stack(used[place] - 1)
        picture.marks.append(Mark(x, y, look_of(entry), words_of(entry), row))
    picture.arrows = _arrows(entries, picture.marks)
    last = -_TICK_GAP
    for x, moment in zip(xs, seconds, strict=True):
        if x - last >= _TICK_GAP:
            picture.ticks.append((x, elapsed(moment - seconds[0])))
            last = x
    return picture


def _positions(seconds: list[float]) -> list[float]:
    """Places along the axis, stretched or shrunk to fill the usual room; a very long journey gets more and scrolls."""
    steps = [0.0]
    for before, after in itertools.pairwise(seconds):
        gap = max(0.0, after - before) * 1000
        steps.append(0.0 if gap < 0.5 else min(_FAR, _NEAR + 13 * math.log2(1 + gap)))
    total = sum(steps)
    room = _WIDTH - _LEFT - _RIGHT - 20
    stretch = room / total if total and room / total > _MOST_SHRINK else 1.0
    place, xs = _LEFT + 20, []
    for step in steps:
        place += step * stretch
        xs.append(round(place, 1))
    return xs


def _stack(number: int) -> float:
    """Entries of the same instant stand above and below the lane's line: 0, 13, -13, 26 …"""
    return ((number + 1) // 2) * _SPREAD * (1 if number % 2 else -1)


def _arrows(entries: list[dict[str, Any]], marks: list[Mark]) -> list[Arrow]:
    told = {
        entry["message_id"]: mark
        for entry, mark in zip(entries, marks, strict=True)
        if entry["what"] == "told" and entry.get("message_id")
    }
    arrows = []
    for entry, mark in zip(entries, marks, strict=True):
        source = told.get(entry.get("message_id")) if entry["what"] == "taken" else None
        if source is not None:
            arrows.append(Arrow(source.x, source.y, mark.x, mark.y))
    return arrows
