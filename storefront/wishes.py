"""From the forms of courses and sessions to the body of a cart line; what is wrong with it is said by booking, not here."""

from __future__ import annotations

from typing import Any

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TIME_SLOTS = tuple(f"{hour:02d}:00" for hour in range(7, 21))
ZONES = (
    "Asia/Kolkata",
    "Asia/Dubai",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "UTC",
)
FIELDS = {
    "tier": "tier",
    "time_slot": "time_slot",
    "schedule/weekdays": "weekdays",
    "schedule/starts_on": "starts_on",
    "schedule/time_zone": "time_zone",
    "starts_at": "starts_at",
    "time_zone": "time_zone",
    "answers": "question",
    "preferences/gender": "gender",
    "preferences/latitude": "latitude",
    "preferences/longitude": "longitude",
    "preferences/max_distance_km": "max_distance_km",
    "buyer/name": "name",
    "buyer/email": "email",
    "buyer/phone": "phone",
}
_ADVICE = {
    "tier": "Choose how many sessions.",
    "weekdays": "Choose at least one day.",
    "starts_on": "Choose the first day.",
    "time_zone": "Choose a time zone of the list.",
    "starts_at": "Choose one of the times.",
    "question": "Write at most 2000 characters.",
    "name": "Write your name, as it shall stand on the invoice.",
    "email": "This is no address that mail can reach.",
    "phone": "Write it with digits, such as +91 98000 00001, or leave it empty.",
    "latitude": "A number from -90 to 90, or empty.",
    "longitude": "A number from -180 to 180, or empty.",
    "max_distance_km": "A number of kilometres, or empty.",
}


def _number(text: str) -> float | int | str | None:
    """A number when it is one; other text goes as it is, so that booking says what is wrong with it."""
    stripped = text.strip()
    if not stripped:
        return None
    try:
        return int(stripped) if stripped.isdigit() else float(stripped)
    except ValueError:
        return stripped


def line_body(offer_id: str, form: dict[str, str]) -> dict[str, Any]:
    """The body of `POST /carts/{id}/lines` for a filled course form; no price is in it."""
    wanted: dict[str, Any] = {
        name: _number(form.get(name, "")) for name in ("latitude", "longitude", "max_distance_km")
    }
    wanted["gender"] = form.get("gender") or None
    return {
        "offer_id": offer_id,
        "tier": _number(form.get("tier", "")),
        "time_slot": form.get("time_slot", ""),
        "schedule": {
            "weekdays": [day for day in range(7) if form.get(f"weekday_{day}") == "yes"],
            "starts_on": form.get("starts_on", ""),
            "time_zone": form.get("time_zone", ""),
        },
        "preferences": {name: value for name, value in wanted.items() if value is not None},
    }


def session_body(offer_id: str, form: dict[str, str]) -> dict[str, Any]:
    """The body of `POST /carts/{id}/lines` for a chosen time; what the expert should know goes with it when it was written."""
    question = form.get("question", "").strip()
    return {
        "offer_id": offer_id,
        "starts_at": form.get("starts_at", ""),
        "time_zone": form.get("time_zone", ""),
        "answers": {"question": question} if question else {},
    }


def buyer_body(form: dict[str, str]) -> dict[str, Any]:
    """The body of checkout."""
    buyer = {name: form.get(name, "").strip() for name in ("name", "email", "phone")}
    return {"buyer": {name: value for name, value in buyer.items() if value or name != "phone"}}


def mistakes(errors: list[tuple[str, str]]) -> dict[str, str]:
    """What is wrong by form field, in words for buyers; the field `""` takes what belongs to none."""
    found: dict[str, str] = {}
    for pointer, text in errors:
        path = pointer.strip("/")
        field = next((name for prefix, name in FIELDS.items() if path == prefix or path.startswith(prefix + "/")), "")
        found.setdefault(field, _ADVICE.get(field, text))
    return found
