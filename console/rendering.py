"""Templates of the console and how values look in them: money, instants, ages, foreign text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from chassis.identity import Principal
from chassis.pages import csrf_token, instant, money, visible

FOLDER = Path(__file__).parent
_PERSONAL = frozenset({"name", "email", "phone", "trainer_email", "trainer_name", "latitude", "longitude"})
_HIDDEN = "•••"


def stamp(value: object) -> str:
    """An instant as `2026-11-20 23:43:20.123`, in UTC; empty for none."""
    moment = instant(value) if value else None
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def span(seconds: float | None) -> str:
    """A length of time as people say it: `0.4 s`, `3 min`, `2 h 5 min`, `4 d`; a dash for unknown."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds else "0 s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def ago(value: object) -> str:
    """How long since an instant."""
    moment = instant(value) if value else None
    return "" if moment is None else f"{span(max(0.0, (datetime.now(UTC) - moment).total_seconds()))} ago"


def counted(number: int | None, one: str, many: str) -> str:
    """`1 booking`, `3 bookings`."""
    return f"{'–' if number is None else f'{number:,}'} {one if number == 1 else many}"


def payload_text(payload: Any, *, personal: bool) -> str:
    """A payload as text; without `personal`, what names or reaches a person is hidden."""
    shown = payload if personal else without_personal(payload)
    if isinstance(shown, str):
        return visible(shown) if personal else f"{_HIDDEN} not JSON: shown to administrators only"
    return visible(json.dumps(shown, indent=2, ensure_ascii=False))


def without_personal(value: Any) -> Any:
    """`value` with personal fields replaced, at any depth."""
    if isinstance(value, dict):
        return {key: _HIDDEN if key in _PERSONAL else without_personal(item) for key, item in value.items()}
    return [without_personal(item) for item in value] if isinstance(value, list) else value


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(stamp=stamp, span=span, ago=ago, money=money, visible=visible, counted=counted)
    made.finalize = lambda value: "" if value is None else value
    return made


_templates = _environment()


def page(
    request: Request, name: str, who: Principal | None, *, status: int = 200, section: str = "", **values: Any
) -> HTMLResponse:
    """The template `name` as an answer; takes the session's notice along and forgets it."""
    notice = None if "x-live" in request.headers else request.session.pop("notice", None)
    html = _templates.get_template(name).render(
        csrf=csrf_token(request),
        who=who,
        may_act=who is not None and "admin" in who.roles,
        notice=notice,
        section=section,
        path=request.url.path,
        **values,
    )
    return HTMLResponse(html, status)


def notify(request: Request, text: str, tone: str = "good") -> None:
    """Leave a notice for the next page; `tone` is `good`, `bad` or `plain`."""
    request.session["notice"] = {"text": text[:600], "tone": tone}
