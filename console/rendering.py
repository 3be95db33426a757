"""Templates of the console and how values look in them: money, instants, ages, foreign text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from chassis.identity import Principal
from chassis.pages import csrf_token, money, visible
from console.words import ago, counted, span, stamp

FOLDER = Path(__file__).parent
_PERSONAL = frozenset({"name", "email", "phone", "trainer_email", "trainer_name", "latitude", "longitude"})
_HIDDEN = "•••"


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
