"""What an invoice says: its lines, its total, its number in text."""

from __future__ import annotations

from typing import Any

ISSUER = "PF"


def lines_for(title: str, tier: int, amount_minor: int) -> tuple[dict[str, Any], ...]:
    """The lines of a course's invoice; their sum is the purchase's amount."""
    return ({"text": f"{title}, {tier} sessions", "kind": "course", "quantity": 1, "amount_minor": amount_minor},)


def session_lines_for(title: str, expert_name: str, amount_minor: int) -> tuple[dict[str, Any], ...]:
    """The lines of a session's invoice. It names no time: a final invoice stays as it is when the session moves."""
    return ({"text": f"{title}, with {expert_name}", "kind": "session", "quantity": 1, "amount_minor": amount_minor},)


def number_text(issuer: str, year: int, number: int) -> str:
    """`PF-2026-000123`: per issuer and year, without gaps."""
    return f"{issuer}-{year}-{number:06d}"
