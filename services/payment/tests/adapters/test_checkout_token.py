"""The checkout token: only what booking signed, as it signed it, until it ends."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import orjson
import pytest

from services.payment.adapters.checkout_token import TokenRefused, TokenUnreadable, read
from services.payment.tests.samples import AMOUNT, CHECKOUT_SECRET, checkout_token


def test_a_token_of_booking_is_read() -> None:
    checkout = read(checkout_token(booking_id="b-1"), CHECKOUT_SECRET)
    assert (checkout.booking_id, checkout.amount_minor, checkout.currency) == ("b-1", AMOUNT, "INR")


def test_an_edited_token_is_refused() -> None:
    head, claims, mac = checkout_token().split(".")
    cheap = {**orjson.loads(base64.urlsafe_b64decode(claims + "==")), "amount_minor": 1}
    edited = base64.urlsafe_b64encode(orjson.dumps(cheap)).rstrip(b"=").decode()
    with pytest.raises(TokenRefused):
        read(f"{head}.{edited}.{mac}", CHECKOUT_SECRET)


@pytest.mark.parametrize(
    "change",
    [
        {"secret": "another-secret-that-is-long-enough-01"},
        {"typ": "JWT"},
        {"aud": "booking"},
        {"amount_minor": 0},
        {"amount_minor": -5},
        {"amount_minor": 10.5},
        {"amount_minor": "99900"},
        {"currency": "inr"},
        {"booking_id": ""},
    ],
)
def test_a_token_that_is_not_as_booking_signs_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused) as caught:
        read(checkout_token(**change), CHECKOUT_SECRET)
    assert not caught.value.expired


def test_an_unsigned_token_is_refused() -> None:
    claims = jwt.decode(checkout_token(), options={"verify_signature": False})
    with pytest.raises(TokenRefused):
        read(jwt.encode(claims, "", algorithm="none", headers={"typ": "checkout+jwt"}), CHECKOUT_SECRET)


def test_an_ended_token_says_so() -> None:
    with pytest.raises(TokenRefused) as caught:
        read(checkout_token(exp=datetime.now(UTC) - timedelta(seconds=1)), CHECKOUT_SECRET)
    assert caught.value.expired


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é", "null"])
def test_what_is_no_token_is_unreadable(text: str) -> None:
    with pytest.raises(TokenUnreadable):
        read(text, CHECKOUT_SECRET)
