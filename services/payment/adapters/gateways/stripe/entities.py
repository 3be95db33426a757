"""Stripe's objects as its API and its webhooks show them; only the fields that count."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

GATEWAY = "stripe"
Minor = Annotated[int, Field(strict=True, ge=0, le=10**15)]
Text = Annotated[str, Field(min_length=1, max_length=255)]


def _expanded(value: Any) -> Any:
    """An object that was not expanded comes as its id: then nothing but the id is known."""
    return {"id": value} if isinstance(value, str) else value


class Entity(BaseModel):
    """An object with an id; our own ids come back in `metadata`."""

    model_config = ConfigDict(extra="ignore")

    id: Text
    metadata: dict[str, str] = {}


class BalanceTransaction(Entity):
    """A movement on the platform's balance, with what Stripe kept."""

    fee: Minor | None = None


class Card(BaseModel):
    """What a card charge says beside its amount."""

    capture_before: int | None = None


class MethodDetails(BaseModel):
    """How a charge was paid."""

    card: Card | None = None


class PaymentError(BaseModel):
    """Why the last attempt failed."""

    code: str | None = None
    decline_code: str | None = None
    charge: str | None = None

    @property
    def reason(self) -> str | None:
        """The bank's code, else Stripe's."""
        return (self.decline_code or self.code or "")[:100] or None


class RefundEntity(Entity):
    """A refund as Stripe shows it."""

    amount: Minor
    currency: Text
    status: str | None = None
    payment_intent: Annotated[Entity | None, BeforeValidator(_expanded)] = None
    failure_reason: str | None = None
    balance_transaction: Annotated[BalanceTransaction | None, BeforeValidator(_expanded)] = None


class Refunds(BaseModel):
    """The refunds that a charge shows."""

    data: list[RefundEntity] = []


class ChargeEntity(Entity):
    """A charge as Stripe shows it; all but the id only when expanded."""

    amount: Minor | None = None
    amount_captured: Minor | None = None
    amount_refunded: Minor | None = None
    captured: bool | None = None
    refunded: bool | None = None
    currency: str | None = None
    status: str | None = None
    payment_intent: Annotated[Entity | None, BeforeValidator(_expanded)] = None
    payment_method_details: MethodDetails | None = None
    balance_transaction: Annotated[BalanceTransaction | None, BeforeValidator(_expanded)] = None
    refunds: Refunds | None = None


class IntentEntity(Entity):
    """A payment intent as Stripe shows it; only the fields that count."""

    amount: Minor
    amount_received: Minor = 0
    currency: Text
    status: Text
    client_secret: str | None = None
    latest_charge: Annotated[ChargeEntity | None, BeforeValidator(_expanded)] = None
    last_payment_error: PaymentError | None = None


class SetupEntity(Entity):
    """A setup intent as Stripe shows it."""

    status: Text
    client_secret: str | None = None
    customer: Annotated[Entity | None, BeforeValidator(_expanded)] = None
    payment_method: Annotated[Entity | None, BeforeValidator(_expanded)] = None
    last_setup_error: PaymentError | None = None


class EvidenceDetails(BaseModel):
    """Until when a dispute is answered."""

    due_by: int | None = None


class DisputeEntity(Entity):
    """A dispute as Stripe shows it."""

    amount: Minor
    currency: Text
    status: Text
    reason: str | None = None
    charge: Annotated[Entity, BeforeValidator(_expanded)]
    payment_intent: Annotated[Entity | None, BeforeValidator(_expanded)] = None
    evidence_details: EvidenceDetails | None = None


class TransferEntity(Entity):
    """A transfer to a connected account as Stripe shows it."""

    amount: Minor
    amount_reversed: Minor = 0
    currency: Text
    destination: Annotated[Entity, BeforeValidator(_expanded)]
    reversed: bool = False
    transfer_group: str | None = None


def own_id(value: object) -> UUID | None:
    """Our id as the metadata brings it back."""
    try:
        return UUID(str(value))
    except ValueError:
        return None
