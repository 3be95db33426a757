"""Templates of the storefront and how values look in them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from chassis.pages import csrf_token, instant, money, visible
from storefront.times import moment
from storefront.wishes import WEEKDAYS

FOLDER = Path(__file__).parent


def clock(value: object) -> str:
    """The time of day of an instant, in UTC: `14:32 UTC`; the page's script shows the buyer's own."""
    moment = instant(value) if value else None
    return "" if moment is None else moment.astimezone(UTC).strftime("%H:%M UTC")


def day(value: object) -> str:
    """The day and time of an instant: `Mon 23 November, 14:32 UTC`."""
    moment = instant(value) if value else None
    return "" if moment is None else moment.astimezone(UTC).strftime("%a %-d %B, %H:%M UTC")


def web_link(value: object) -> str | None:
    """An address that a browser opens as a page; None for any other scheme: what a provider told is no script of ours."""
    return str(value) if str(value).startswith(("https://", "http://")) else None


def minutes_left(value: object) -> int:
    """Whole minutes until an instant, at least 0."""
    moment = instant(value) if value else None
    return 0 if moment is None else max(0, int((moment - datetime.now(UTC)).total_seconds() // 60))


def days(numbers: list[int]) -> str:
    """`Mon, Wed` for 0 and 2."""
    return ", ".join(WEEKDAYS[number][:3] for number in numbers if 0 <= number < len(WEEKDAYS))


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(money=money, clock=clock, day=day, days=days, minutes_left=minutes_left, visible=visible)
    made.filters.update(moment=moment, web_link=web_link)
    made.finalize = lambda value: "" if value is None else value
    return made


_templates = _environment()


def page(request: Request, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """The template `name` as an answer."""
    is_live = "x-live" in request.headers
    notice, good_news = (None if is_live else request.session.pop(name, None) for name in ("notice", "good_news"))
    html = _templates.get_template(name).render(
        csrf=csrf_token(request),
        notice=notice,
        good_news=good_news,
        has_cart="cart" in request.session,
        has_booking="booking" in request.session,
        **values,
    )
    return HTMLResponse(html, status)
