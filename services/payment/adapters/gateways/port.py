"""The port that every gateway's adapter has: what it can do, what it may raise, what it is asked.

Errors, all `GatewayError`:

    GatewayError
    ├── Transient       certainly not executed; the same call may be sent again
    │   └── Away        the breaker is open: not even called
    ├── Unknown         sent, outcome not known: ask before calling again
    ├── Declined        the buyer's side said no
    ├── Rejected        the gateway refused for good; repeating cannot help
    └── Misconfigured   our keys or settings are wrong; a person must mend them
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.payment.domain.observation import Observation, RefundPart, Source


class GatewayError(Exception):
    """Base of what can go wrong at a gateway; the text holds no vendor's raw words for users."""


class Transient(GatewayError):
    """Certainly not executed: the connection failed or the gateway asked us to slow down."""

    def __init__(self, why: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(why)
        self.retry_after_seconds = retry_after_seconds


class Away(Transient):
    """The circuit breaker is open; the call was not made."""


class Unknown(GatewayError):
    """The request left us and no clear answer came back: timeout, 5xx, an answer that can't be read."""


class Declined(GatewayError):
    """The buyer, the bank or the network declined; `reason` is the gateway's code for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Rejected(GatewayError):
    """The gateway refused the request as it is; `reason` is its code, `description` its sentence for our logs."""

    def __init__(self, reason: str, description: str = "") -> None:
        super().__init__(f"{reason}: {description}" if description else reason)
        self.reason, self.description = reason, description


class Misconfigured(GatewayError):
    """The gateway does not accept our keys."""


class UnreadableEvent(Exception):
    """An authentic webhook whose body does not say what it should: a mapping to mend, then a replay."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a gateway can do, declared and not guessed (gateways.md section 0)."""

    capture_policies: frozenset[str]
    partial_capture: bool
    void: bool
    partial_refund: bool
    uncaptured_is_returned: bool
    late_authorization_days: int


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to create: our payment id becomes its receipt, minor units."""

    payment_id: UUID
    booking_id: str
    amount_minor: int
    currency: str

    @property
    def receipt(self) -> str:
        """Our id as the gateway's receipt: 32 characters, because receipts end at 40."""
        return self.payment_id.hex


@dataclass(frozen=True, slots=True)
class GatewayOrder:
    """An order as the gateway has it."""

    gateway_order_id: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """A refund to make: `refund_id` is the idempotency key and the receipt (M-10)."""

    refund_id: UUID
    gateway_payment_id: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Returned:
    """What the checkout gave to the browser, as far as it names things; it proves nothing yet."""

    gateway_order_id: str
    gateway_payment_id: str


class Gateway(Protocol):
    """One vendor. Every async method may raise any `GatewayError`."""

    name: str
    capabilities: Capabilities

    @property
    def takes_webhooks(self) -> bool:
        """Whether a webhook secret is configured; without one there is no route."""
        ...

    async def create_order(self, order: NewOrder) -> GatewayOrder:
        """Make the gateway's order."""
        ...

    async def find_order(self, order: NewOrder) -> GatewayOrder | None:
        """The order that an earlier call made for the same receipt, or None."""
        ...

    def checkout_fields(self, gateway_order_id: str) -> dict[str, str]:
        """What the browser needs to open the gateway's checkout."""
        ...

    def read_return(self, fields: Mapping[str, str]) -> Returned | None:
        """What the browser brought back, if these fields are this gateway's."""
        ...

    def return_is_authentic(self, fields: Mapping[str, str], stored_order_id: str) -> bool:
        """Whether the gateway signed the return for the order that *we* stored (P-21)."""
        ...

    async def observe_payment(
        self, gateway_payment_id: str, source: Source, within_seconds: float | None = None
    ) -> Observation:
        """What the gateway says of one payment; never longer than `within_seconds`."""
        ...

    async def observe_order(self, gateway_order_id: str) -> list[Observation]:
        """What the gateway says of every payment of an order."""
        ...

    async def capture(self, gateway_payment_id: str, amount_minor: int, currency: str) -> Observation:
        """Take the authorized money; converges when it was taken before."""
        ...

    async def refund(self, order: RefundOrder) -> RefundPart:
        """Give money back, once for each `refund_id`."""
        ...

    async def find_refund(self, order: RefundOrder) -> RefundPart | None:
        """The refund that an earlier call made for the same id, or None."""
        ...

    def webhook_is_authentic(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the raw bytes carry a signature by one of the configured secrets."""
        ...

    def webhook_id(self, headers: Mapping[str, str], body: bytes) -> str:
        """The id under which the event is stored once."""
        ...

    def webhook_key(self, body: bytes) -> str:
        """What the event is about, so that events of one order stay in order."""
        ...

    def read_webhook(self, body: bytes, raw: str) -> tuple[Observation, ...]:
        """The observations in an event; empty for events that mean nothing here. Raises `UnreadableEvent`."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
