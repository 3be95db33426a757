"""Who uses the console: the token in the session's cookie, checked at every request; people with role ops or admin."""

from __future__ import annotations

from typing import Annotated

import jwt
from fastapi import Depends, Request

from chassis.identity import Principal, principal_of
from chassis.pages import FormRefused
from console.upstream import Services


class SignInNeeded(Exception):
    """Nobody is signed in, or the token has ended."""


def principal_in(token: str, secret: str) -> Principal | None:
    """The operator that `token` proves; None for anything else."""
    try:
        principal = principal_of(token, secret)
    except jwt.InvalidTokenError:
        return None
    return principal if principal.is_staff and not principal.is_guest else None


async def person(request: Request) -> Principal:
    """Who is signed in. Raises `SignInNeeded`."""
    token = request.session.get("token")
    secret = request.app.state.settings.token_secret.get_secret_value()
    principal = principal_in(token, secret) if isinstance(token, str) else None
    if principal is None:
        raise SignInNeeded
    return principal


Person = Annotated[Principal, Depends(person)]


async def administrator(who: Person) -> Principal:
    """Who is signed in, when that one may act. Raises `FormRefused`."""
    if "admin" not in who.roles:
        raise FormRefused(403, "This needs the role admin; yours may only look. Nothing was changed.")
    return who


Administrator = Annotated[Principal, Depends(administrator)]


async def reading(request: Request, _: Person) -> Services:
    """The services, asked with the console's own token: for what everyone who is signed in may see."""
    services: Services = request.app.state.services
    return services


async def acting(request: Request, _: Administrator) -> Services:
    """The services, asked with the person's own token, so that the service's audit names the person."""
    services: Services = request.app.state.services
    return services.acting(request.session["token"])


Reading = Annotated[Services, Depends(reading)]
Acting = Annotated[Services, Depends(acting)]
