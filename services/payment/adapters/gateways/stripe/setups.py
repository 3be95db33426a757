"""Stripe's setup intents in our words: a card that is saved, which is no money."""

from __future__ import annotations

from services.payment.adapters.gateways.stripe.entities import GATEWAY, SetupEntity, own_id
from services.payment.domain.observation import NO_CURRENCY, Observation, Seen, SetupPart, Source

SETUP_EVENTS = frozenset({"setup_intent.succeeded", "setup_intent.setup_failed", "setup_intent.canceled"})
_SETUP_ID = "seti_"


def is_setup(gateway_order_id: str) -> bool:
    """Whether an order of ours is a setup intent."""
    return gateway_order_id.startswith(_SETUP_ID)


def setup_observations(setup: SetupEntity, source: Source, account: str, raw: str) -> list[Observation]:
    """What a setup intent says: one observation, or none where nobody tried yet."""
    status = _status(setup)
    if status is None:
        return []
    part = SetupPart()
    if status is Seen.METHOD_SAVED and setup.customer is not None and setup.payment_method is not None:
        part = SetupPart(setup.customer.id, setup.payment_method.id)
    error = setup.last_setup_error
    seen = Observation(
        gateway=GATEWAY,
        gateway_order_id=setup.id,
        gateway_payment_id=setup.id,
        status=status,
        amount_minor=0,
        currency=NO_CURRENCY,
        account=account,
        source=source,
        raw=raw,
        payment_id=own_id(setup.metadata.get("payment_id")),
        reason=error.reason if status is Seen.FAILED and error is not None else None,
        setup=part,
    )
    return [seen]


def _status(setup: SetupEntity) -> Seen | None:
    """A card that is not kept for a customer could not be charged later: it counts as not saved yet."""
    if setup.status == "succeeded":
        return Seen.METHOD_SAVED if setup.customer is not None and setup.payment_method is not None else Seen.PENDING
    if setup.status == "canceled":
        return Seen.VOIDED
    if setup.status == "requires_payment_method":
        return Seen.FAILED if setup.last_setup_error is not None else None
    return None if setup.status == "requires_confirmation" else Seen.PENDING
