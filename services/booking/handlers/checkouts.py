"""Checkout: price the cart, take the places, give out the booking id and the signed checkout token."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

import jwt
import orjson

from chassis.clock import rfc3339
from chassis.identity import Principal, issue_guest_token
from chassis.ids import uuid7
from chassis.problems import Problem
from chassis.work import Work
from contracts.booking_events import CheckoutOpened
from services.booking.domain.offers import Priced, shown
from services.booking.domain.pricing import price
from services.booking.settings import BookingSettings
from services.booking.storage import carts, holds, offers, slots

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def reference() -> str:
    """A new human reference: `BK-` and 8 characters without the ones that look alike (S4-05)."""
    return "BK-" + "".join(secrets.choice(_ALPHABET) for _ in range(8))


async def check_out(
    work: Work, settings: BookingSettings, cart: Any, buyer: dict[str, Any], caller: Principal
) -> dict[str, Any]:
    """Hold what is in the locked `cart`; a cart with a live hold answers with that one again.

    Raises `cart-invalid` (nothing held), `state-conflict` for a converted cart, `slot-taken` when seats or times went
    meanwhile.
    """
    if cart.state == "CONVERTED":
        raise Problem("state-conflict", "This cart was paid; see its booking.", booking_id=cart.booking_id)
    if cart.state == "CHECKED_OUT":
        return answer(settings, await holds.find(work, cart.booking_id))
    lines = await carts.lines_of(work, cart.cart_id)
    priced = price(lines, datetime.now(UTC))
    if priced.problems:
        raise Problem("cart-invalid", "Mend the cart's problems and check out again.", problems=list(priced.problems))
    if not await offers.take_places(work, priced.places):
        raise Problem("slot-taken", "The last places were taken just now; choose another course.")
    booking_id = str(uuid7())
    if priced.slots and not await slots.claim(work, booking_id, priced.slots):
        raise Problem("slot-taken", "This time was taken just now; choose another one.")
    hold = _hold(booking_id, cart.cart_id, priced, lines, buyer, caller)
    await holds.create(work, hold, settings.booking_hold_seconds)
    await carts.mark_checked_out(work, cart.cart_id, booking_id)
    made = await holds.find(work, booking_id)
    work.tell(opened(settings, made))
    return answer(settings, made)


def _hold(
    booking_id: str, cart_id: str, priced: Priced, lines: Any, buyer: dict[str, Any], caller: Principal
) -> dict[str, Any]:
    student = f"guest-{booking_id}" if caller.is_guest else caller.subject
    policies = {line.offer.capture_policy for line in lines}
    return {
        "booking_id": booking_id,
        "reference": reference(),
        "cart_id": cart_id,
        "buyer": {**buyer, "student_id": student},
        "lines": list(priced.lines),
        "places": priced.places,
        "amount_minor": priced.amount_minor,
        "currency": priced.currency,
        "capture_policy": "immediate" if "immediate" in policies else "after_service",
        "refund_policy": lines[0].offer.refund_policy,
        "service_ends_at": max((slot.ends_at for slot in priced.slots), default=None),
    }


def _claims(settings: BookingSettings, hold: Any) -> dict[str, Any]:
    """What payment may know of a checkout, signed in the token or told on Kafka. A service with a time of its own says
    when it ends: the capture is planned by it (C5)."""
    dated = {} if hold.service_ends_at is None else {"service_ends_at": hold.service_ends_at.isoformat()}
    return {
        **dated,
        "booking_id": hold.booking_id,
        "reference": hold.reference,
        "amount_minor": hold.amount_minor,
        "currency": hold.currency,
        "capture_policy": hold.capture_policy,
        "buyer_id": orjson.loads(hold.buyer)["student_id"],
        "exp": int(hold.expires_at.timestamp()) + settings.booking_token_grace_seconds,
    }


def opened(settings: BookingSettings, hold: Any, seller_id: str | None = None) -> CheckoutOpened:
    """What a checkout's token says, for who has only the cart's or the quotation's id."""
    claims = _claims(settings, hold)
    expires_at = datetime.fromtimestamp(claims.pop("exp"), UTC)
    told = {"cart_id": hold.cart_id, "seller_id": seller_id, "opened_at": hold.created_at, "expires_at": expires_at}
    return CheckoutOpened(**claims, **told)


def checkout_token(settings: BookingSettings, hold: Any) -> str:
    """What payment trusts: booking id, amount, currency, kinds, capture policy, buyer and deadline, signed."""
    claims = {
        **_claims(settings, hold),
        "kinds": sorted({line["kind"] for line in orjson.loads(hold.lines)}),
        "aud": "payment",
        "jti": hold.booking_id,
    }
    secret = settings.checkout_token_secret.get_secret_value()
    return jwt.encode(claims, secret, algorithm="HS256", headers={"typ": "checkout+jwt"})


def answer(settings: BookingSettings, hold: Any) -> dict[str, Any]:
    """The 201 of checkout and book: everything that the browser needs to go on."""
    scope = {"booking": hold.booking_id, "cart": hold.cart_id}
    return {
        "booking_id": hold.booking_id,
        "reference": hold.reference,
        "status": "PENDING",
        "expires_at": rfc3339(hold.expires_at),
        "amount_minor": hold.amount_minor,
        "currency": hold.currency,
        "lines": [shown(line) for line in orjson.loads(hold.lines)],
        "checkout_token": checkout_token(settings, hold),
        "guest_token": issue_guest_token(settings.token_secret.get_secret_value(), scope),
    }
