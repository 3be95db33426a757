"""The checkout token: what booking signed at checkout, which payment trusts and nothing from the browser (design 2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import jwt
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from contracts.values import Currency, Identifier, Reference

AUDIENCE = "payment"
TYPE = "checkout+jwt"


class TokenRefused(Exception):
    """The token is not one of ours, was edited, or has ended. `expired` tells the last from the others."""

    def __init__(self, why: str, *, expired: bool = False) -> None:
        super().__init__(why)
        self.expired = expired


class TokenUnreadable(Exception):
    """What was sent is no JWT at all."""


class _Claims(BaseModel):
    model_config = ConfigDict(extra="ignore")

    booking_id: Identifier
    reference: Reference
    amount_minor: int = Field(strict=True, gt=0, le=10**15)
    currency: Currency
    kinds: tuple[str, ...] = ()
    capture_policy: str
    buyer_id: Identifier
    service_ends_at: AwareDatetime | None = None
    exp: AwareDatetime
    jti: Identifier


@dataclass(frozen=True, slots=True)
class Checkout:
    """What is to be paid: booking id, human reference, minor units and currency, capture policy, buyer, deadline.

    `service_ends_at`: the end of what is sold, where it has a date; the capture is planned by it (C5).
    """

    booking_id: str
    reference: str
    amount_minor: int
    currency: str
    capture_policy: str
    buyer_id: str
    expires_at: datetime
    service_ends_at: datetime | None = None


def read(token: str, secret: str) -> Checkout:
    """The checkout in `token`. Raises `TokenUnreadable` for no JWT, `TokenRefused` for a forged, edited or ended one.

    One fixed algorithm and type, our audience, and no leeway: the deadline is the hold's (reliability 5.1).
    """
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise TokenUnreadable("this is no token") from error
    if header.get("typ") != TYPE:
        raise TokenRefused("the token is of another type")
    try:
        claims = jwt.decode(
            token, secret, algorithms=["HS256"], audience=AUDIENCE, options={"require": ["exp", "aud", "jti"]}
        )
        checkout = _Claims.model_validate(claims)
    except jwt.ExpiredSignatureError as error:
        raise TokenRefused("the checkout has ended", expired=True) from error
    except (jwt.InvalidTokenError, ValidationError) as error:
        raise TokenRefused("the token was not signed by booking as it stands") from error
    return Checkout(
        checkout.booking_id,
        checkout.reference,
        checkout.amount_minor,
        checkout.currency,
        checkout.capture_policy,
        checkout.buyer_id,
        checkout.exp,
        checkout.service_ends_at,
    )
