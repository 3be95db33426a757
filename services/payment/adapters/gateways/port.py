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
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.payment.domain.capabilities import Capabilities, CaptureMode
from services.payment.domain.declines import Decline
from services.payment.domain.observation import Heard, Observation, PayoutPart, RefundPart, Source
from services.payment.domain.states import OrderPurpose


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
class NewOrder:
    """An order to create, amounts in minor units. `number`: the how-manieth order of the payment, from 1.

    `return_url`: where a gateway that leads the buyer away sends them back to. `expires_at`: when the offer to pay ends.
    """

    payment_id: UUID
    booking_id: str
    reference: str
    amount_minor: int
    currency: str
    expires_at: datetime
    capture_mode: CaptureMode = CaptureMode.AUTOMATIC
    number: int = 1
    return_url: str = ""
    purpose: OrderPurpose = OrderPurpose.PAY

    @property
    def receipt(self) -> str:
        """Our id as the gateway's receipt and idempotency key: 32 characters, `-2` … behind it from the second order."""
        return self.payment_id.hex if self.number == 1 else f"{self.payment_id.hex}-{self.number}"


@dataclass(frozen=True, slots=True)
class GatewayOrder:
    """An order as the gateway has it. `checkout`: what the browser needs besides the id; stored with the order.

    `payable` is False when the order exists but the buyer cannot be led to it any more: another one is made.
    """

    gateway_order_id: str
    amount_minor: int
    currency: str
    checkout: Mapping[str, str] = field(default_factory=dict)
    payable: bool = True


@dataclass(frozen=True, slots=True)
class Charge:
    """One of the gateway's payments under an order of ours: what captures, voids and refunds are about."""

    gateway_order_id: str
    gateway_payment_id: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class SavedMethod:
    """What was saved of a buyer, by the gateway's ids."""

    customer_id: str
    method_id: str


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """A refund of `amount_minor` to make: `refund_id` is the idempotency key and the receipt (M-10)."""

    refund_id: UUID
    charge: Charge
    amount_minor: int

    @property
    def currency(self) -> str:
        """The charge's currency: money goes back as it came (M-12)."""
        return self.charge.currency


@dataclass(frozen=True, slots=True)
class PayoutOrder:
    """Money for a partner: `destination` is their account at the gateway, `payout_id` the idempotency key."""

    payout_id: UUID
    destination: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Returned:
    """What the checkout gave to the browser, as far as it names things; it proves nothing yet. One id is set at least."""

    gateway_order_id: str | None = None
    gateway_payment_id: str | None = None
    payment_id: UUID | None = None


class Payouts(Protocol):
    """How a vendor sends money to partners. Every async method may raise any `GatewayError`.

    `currencies`: None means all.
    """

    currencies: frozenset[str] | None

    def takes_destination(self, destination: str) -> bool:
        """Whether `destination` has the form of an account of this vendor."""
        ...

    async def send(self, order: PayoutOrder) -> PayoutPart:
        """Send it, once for each `payout_id`: what an earlier call sent is looked for first and given again. A balance
        of ours that is too low is `Transient`."""
        ...

    async def find(self, order: PayoutOrder) -> PayoutPart | None:
        """The payout that an earlier call made for the same id, or None."""
        ...

    async def between(self, since: datetime, until: datetime) -> list[PayoutPart]:
        """What the vendor's own list says of the payouts of a period."""
        ...


class SavedMethods(Protocol):
    """How a vendor charges a saved method while the buyer is away. Every async method may raise any `GatewayError`."""

    async def charge(self, order: NewOrder, saved: SavedMethod) -> GatewayOrder:
        """Make an order that `saved` pays at once, once for each `receipt`; a declined one is an order too."""
        ...

    async def find_charge(self, order: NewOrder, saved: SavedMethod) -> GatewayOrder | None:
        """The order that an earlier call made for the same receipt, or None."""
        ...


class Gateway(Protocol):
    """One vendor. Every async method may raise any `GatewayError`. `payouts`: None where it sends nothing to partners;
    `saved`: None where no method can be saved."""

    name: str
    capabilities: Capabilities
    payouts: Payouts | None
    saved: SavedMethods | None

    @property
    def is_away(self) -> bool:
        """Whether calls are refused at the moment because the gateway does not answer."""
        ...

    def decline_of(self, reason: str) -> Decline:
        """The class of a failed attempt's code: what a shop may tell the buyer."""
        ...

    @property
    def takes_webhooks(self) -> bool:
        """Whether a webhook secret is configured; without one there is no route."""
        ...

    def owns(self, account: str) -> bool:
        """Whether `account`, as an event names it, is the merchant account that is configured here."""
        ...

    async def create_order(self, order: NewOrder) -> GatewayOrder:
        """Make the gateway's order, once for each `receipt`; one that saves a method only with `saves_methods`."""
        ...

    async def find_order(self, order: NewOrder) -> GatewayOrder | None:
        """The order that an earlier call made for the same receipt, or None."""
        ...

    def checkout_fields(self, gateway_order_id: str, checkout: Mapping[str, str]) -> dict[str, str]:
        """What the browser needs to open the gateway's checkout of an order, `checkout` as it was stored."""
        ...

    def read_return(self, fields: Mapping[str, str]) -> Returned | None:
        """What the browser brought back, if these fields are this gateway's."""
        ...

    def return_is_authentic(self, fields: Mapping[str, str], stored_order_id: str) -> bool:
        """Whether the gateway signed the return for the order that *we* stored (P-21); True where it signs nothing,
        because then the return only says which order to ask about."""
        ...

    async def observe_order(
        self, gateway_order_id: str, source: Source = Source.POLL, within_seconds: float | None = None
    ) -> list[Observation]:
        """What the gateway says of every payment of an order, oldest first; one try of `within_seconds` if given."""
        ...

    async def capture(self, charge: Charge, amount_minor: int) -> Observation:
        """Take `amount_minor` of the authorized money; converges when it was taken before. Less than all of it only
        with `partial_capture`."""
        ...

    async def void(self, charge: Charge) -> Observation:
        """Release the authorized money; only with `void`. Converges when it was released or captured before."""
        ...

    async def refund(self, order: RefundOrder) -> RefundPart:
        """Give money back, once for each `refund_id`."""
        ...

    async def find_refund(self, order: RefundOrder) -> RefundPart | None:
        """The refund that an earlier call made for the same id, or None."""
        ...

    async def observe_between(self, since: datetime, until: datetime) -> list[Observation]:
        """What the gateway's own list says of its payments and refunds of a period; only with `lists_payments`."""
        ...

    def webhook_is_authentic(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the channel proved itself by one of the configured secrets."""
        ...

    def webhook_id(self, headers: Mapping[str, str], body: bytes) -> str:
        """The id under which the event is stored once."""
        ...

    def webhook_key(self, body: bytes) -> str:
        """What the event is about, so that events of one order stay in order."""
        ...

    def read_webhook(self, body: bytes, raw: str) -> Heard:
        """What an event says; nothing for events that mean nothing here. Raises `UnreadableEvent`."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
