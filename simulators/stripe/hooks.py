"""Stripe's webhooks: an event's bytes, signed anew at each attempt, or wrongly or too old on order."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from simulators.clock import VendorClock
from simulators.stripe import signature
from simulators.stripe.books import Thing
from simulators.webhooks import Delivery, Mode, Sender

HookMode = Literal["normal", "late", "twice", "reordered", "lost", "forged", "stale"]
"""`stale`: rightly signed, but ten minutes ago."""
_STALE_SECONDS = 600
_ROLL_SECONDS = 24 * 3600
_FORGER = "whsec_not_the_merchants"


class Signed(Delivery):
    """A webhook whose signature is made when it is sent: every retry has a new `t`."""

    secrets: tuple[str, ...]
    age_seconds: int

    def fresh_headers(self) -> dict[str, str]:
        """The headers for an attempt now. By the real clock: the receiver compares `t` with its own."""
        made_at = int(time.time()) - self.age_seconds
        return {**self.headers, "Stripe-Signature": signature.header(self.secrets, self.body, made_at)}


@dataclass
class Hooks:
    """The merchant's endpoint: its address and secrets. `mode` is for what no tester's order says otherwise."""

    sender: Sender
    clock: VendorClock
    url: str
    secret: str
    mode: HookMode = "normal"
    former: tuple[str, int] | None = None

    def roll(self, secret: str) -> None:
        """Sign with another secret from now on, and for a day with the present one too."""
        self.former = (self.secret, self.clock.now() + _ROLL_SECONDS)
        self.secret = secret

    def secrets(self) -> tuple[str, ...]:
        """The secrets that sign now."""
        if self.former is None or self.clock.now() >= self.former[1]:
            return (self.secret,)
        return (self.secret, self.former[0])

    def send(self, events: Iterable[Thing], mode: HookMode | None = None, delay_seconds: float = 0.0) -> None:
        """Send `events` in their order; without an address nothing is sent."""
        chosen = mode or self.mode
        deliveries: list[Delivery] = [self._delivery(event, chosen) for event in events]
        if self.url and deliveries:
            carried: Mode = "forged" if chosen == "stale" else chosen
            self.sender.send(deliveries, carried, delay_seconds)

    def _delivery(self, event: Thing, mode: HookMode) -> Signed:
        raw = json.dumps(event, indent=2).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        delivery = Signed(event["id"], event["type"], self.url, raw, headers, "stripe")
        delivery.secrets = (_FORGER,) if mode == "forged" else self.secrets()
        delivery.age_seconds = _STALE_SECONDS if mode == "stale" else 0
        return delivery

    def sent(self) -> list[Thing]:
        """What was sent or is on its way, without secrets."""
        mine = (delivery for delivery in self.sender.log if isinstance(delivery, Signed))
        names = ("event_id", "event", "attempts", "status", "state")
        return [{**{name: getattr(item, name) for name in names}, "body": item.body.decode()} for item in mine]
