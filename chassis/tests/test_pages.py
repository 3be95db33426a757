"""Money, instants and foreign text on pages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chassis.pages import instant, money, see_other, visible


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(99900, "INR", "₹999.00"), (4195800, "INR", "₹41,958.00"), (500, "JPY", "JP¥500"), (None, "INR", ""), (1, "", "")],
)
def test_money_has_the_currencys_own_decimals(minor: int | None, currency: str, text: str) -> None:
    assert money(minor, currency) == text


def test_control_and_direction_characters_are_shown_and_not_obeyed() -> None:
    assert visible("a\u202eb\x1b[31m\x00") == "a\\u202eb\\u001b[31m\\u0000"
    assert visible("नमस्ते\n\tžluťoučký") == "नमस्ते\n\tžluťoučký"


def test_an_instant_without_a_zone_is_utc_and_nonsense_is_none() -> None:
    assert instant("2026-11-20T22:03:10") == datetime(2026, 11, 20, 22, 3, 10, tzinfo=UTC)
    assert instant("soon") is None


@pytest.mark.parametrize("path", ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)"])
def test_a_redirect_never_leaves_the_site(path: str) -> None:
    assert see_other(path).headers["location"] == "/"
