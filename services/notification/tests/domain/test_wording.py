"""Amounts, instants and addresses as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.notification.domain.wording import amount, masked, moment, one_line


@pytest.mark.parametrize(
    ("amount_minor", "currency", "written"),
    [
        (199900, "INR", "INR 1,999.00"),
        (5, "INR", "INR 0.05"),
        (500, "JPY", "JPY 500"),
        (1234, "IQD", "IQD 1.234"),
        (0, "USD", "USD 0.00"),
        (100, "ZZZ", "ZZZ 1.00"),
    ],
)
def test_an_amount_has_the_digits_of_its_currency(amount_minor: int, currency: str, written: str) -> None:
    assert amount(amount_minor, currency) == written


@pytest.mark.parametrize(
    ("at", "zone", "written"),
    [
        ((2026, 11, 24, 13, 0), "Asia/Kolkata", "Tuesday 24 November 2026, 18:30 (Asia/Kolkata), 13:00 UTC"),
        (
            (2026, 11, 24, 20, 0),
            "Asia/Kolkata",
            "Wednesday 25 November 2026, 01:30 (Asia/Kolkata), 24 November, 20:00 UTC",
        ),
        ((2026, 11, 1, 6, 30), "America/New_York", "Sunday 1 November 2026, 01:30 (America/New_York), 06:30 UTC"),
        ((2026, 11, 24, 13, 0), "UTC", "Tuesday 24 November 2026, 13:00 UTC"),
        ((2026, 11, 24, 13, 0), "Mars/Olympus", "Tuesday 24 November 2026, 13:00 UTC"),
        ((2026, 11, 24, 13, 0), "../../etc/passwd", "Tuesday 24 November 2026, 13:00 UTC"),
    ],
)
def test_an_instant_is_told_in_the_readers_zone_and_in_utc(at: tuple[int, ...], zone: str, written: str) -> None:
    year, month, day, hour, minute = at
    assert moment(datetime(year, month, day, hour, minute, tzinfo=UTC), zone) == written


@pytest.mark.parametrize(
    ("address", "shown"), [("asha.rao@example.com", "a***@example.com"), ("nobody", "***"), ("@x", "***")]
)
def test_a_masked_address_keeps_its_domain_alone(address: str, shown: str) -> None:
    assert masked(address) == shown


def test_line_breaks_do_not_reach_a_header() -> None:
    assert one_line("Yoga\r\nBcc: all@example.com") == "Yoga Bcc: all@example.com"
