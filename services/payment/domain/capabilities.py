"""What a gateway can do, declared and not guessed: the planner and the buyer's choice read nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CaptureMode(StrEnum):
    """When the gateway takes the money of an order: by itself at once, or when we ask within its deadline."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One gateway's abilities (gateways.md section 0).

    `authorization_seconds`: how long an authorization is held at least, where the gateway names no time of its own;
    `off_session_seconds`: one that is made of a saved method while the buyer is away.
    `late_authorization_days`: how long a failed payment may still turn into a success. `order_takes_retries`: a
    declined buyer pays the same order again. `webhooks_prove`: a webhook's signature covers its body; without that it
    is a hint and the truth is asked for. `lists_payments`: the gateway lists its payments of a period.
    `currencies`: None means all. `methods`: what the buyer can pay with there.
    """

    capture_modes: frozenset[CaptureMode]
    partial_capture: bool = False
    void: bool = False
    partial_refund: bool = True
    uncaptured_is_returned: bool = False
    saves_methods: bool = False
    authorization_seconds: float = 0.0
    off_session_seconds: float = 0.0
    late_authorization_days: int = 0
    order_takes_retries: bool = True
    webhooks_prove: bool = True
    lists_payments: bool = True
    currencies: frozenset[str] | None = None
    methods: tuple[str, ...] = ()

    def takes(self, currency: str) -> bool:
        """Whether money in `currency` can be taken."""
        return self.currencies is None or currency in self.currencies
