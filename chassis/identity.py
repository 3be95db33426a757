"""Who is asking: account tokens with roles, guest tokens that open one cart or booking, both JWT by HS256."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import jwt
from fastapi import Depends, Request

from chassis import telemetry
from chassis.problems import Problem

ACCOUNT_AUDIENCE = "payfirst"
GUEST_AUDIENCE = "payfirst-guest"
ROLES = frozenset({"buyer", "expert", "vendor", "admin", "ops"})
_LEEWAY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: `subject` and `roles` of an account, or the `scope` of a guest token (`cart` or `booking` → id)."""

    subject: str
    roles: frozenset[str] = frozenset()
    scope: dict[str, str] = field(default_factory=dict)

    @property
    def is_guest(self) -> bool:
        """Whether this is a guest token: good for what its scope names alone."""
        return bool(self.scope)

    @property
    def is_staff(self) -> bool:
        """Whether the caller may see what operators see."""
        return bool(self.roles & {"admin", "ops"})

    def may(self, noun: str, identifier: str) -> bool:
        """Whether a guest's scope names this very thing."""
        return self.scope.get(noun) == identifier

    def owns(self, noun: str, identifier: str, owner: str | None) -> bool:
        """Whether a thing is the caller's: its guest's by scope, else the account's that is its `owner`."""
        return self.may(noun, identifier) if self.is_guest else self.subject == owner


def issue_account_token(secret: str, subject: str, roles: list[str], valid_seconds: int = 86_400) -> str:
    """A token for the account `subject`. Raises `ValueError` for a role that does not exist."""
    if unknown := set(roles) - ROLES:
        raise ValueError(f"unknown roles {sorted(unknown)}; known are {sorted(ROLES)}")
    return _issue(secret, {"sub": subject, "roles": roles, "aud": ACCOUNT_AUDIENCE}, valid_seconds)


def issue_guest_token(secret: str, scope: dict[str, str], valid_seconds: int = 30 * 86_400) -> str:
    """A token that opens what `scope` names (`{"cart": id}`, `{"booking": id}`) and nothing else."""
    return _issue(secret, {"sub": "guest", "scope": scope, "aud": GUEST_AUDIENCE}, valid_seconds)


def _issue(secret: str, claims: dict[str, Any], valid_seconds: int) -> str:
    now = datetime.now(UTC)
    return jwt.encode({**claims, "iat": now, "exp": now + timedelta(seconds=valid_seconds)}, secret, algorithm="HS256")


def principal_of(token: str, secret: str) -> Principal:
    """The caller that `token` proves. Raises `jwt.InvalidTokenError` for anything but a token of ours, unexpired."""
    claims = jwt.decode(
        token,
        secret,
        algorithms=["HS256"],
        audience=[ACCOUNT_AUDIENCE, GUEST_AUDIENCE],
        leeway=_LEEWAY_SECONDS,
        options={"require": ["exp", "sub", "aud"]},
    )
    if claims["aud"] == GUEST_AUDIENCE:
        scope = claims.get("scope")
        if not isinstance(scope, dict) or not scope:
            raise jwt.InvalidTokenError("a guest token without scope")
        return Principal("guest", frozenset(), {str(k): str(v) for k, v in scope.items()})
    roles = claims.get("roles")
    return Principal(str(claims["sub"]), frozenset(roles if isinstance(roles, list) else []) & ROLES)


def principal_of_header(header: str, secret: str) -> Principal:
    """The caller that an Authorization header proves. Raises `jwt.InvalidTokenError` as `principal_of` does."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise jwt.InvalidTokenError("not a bearer token")
    return principal_of(token.strip(), secret)


async def maybe_caller(request: Request) -> Principal | None:
    """The caller, or None when no token came. Raises `unauthenticated` for a token that is not good."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    known: Principal | None = getattr(request.state, "principal", None)  # the rate limit has asked already
    if known is not None:
        return known
    try:
        return principal_of_header(header, request.app.state.settings.token_secret.get_secret_value())
    except jwt.InvalidTokenError as error:
        telemetry.SECURITY_EVENTS.labels(request.app.state.service, "token").inc()
        raise Problem("unauthenticated", "The token is not valid; get a new one.") from error


async def caller(request: Request) -> Principal:
    """The caller. Raises `unauthenticated` when there is none."""
    principal = await maybe_caller(request)
    if principal is None:
        raise Problem("unauthenticated", "Send Authorization: Bearer with an account or guest token.")
    return principal


MaybeCaller = Annotated[Principal | None, Depends(maybe_caller)]
Caller = Annotated[Principal, Depends(caller)]


def require(*roles: str) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency: the caller must have one of `roles`, else `forbidden`."""

    async def check(principal: Caller) -> Principal:
        if not principal.roles & set(roles):
            raise Problem("forbidden", f"This needs the role {' or '.join(roles)}.")
        return principal

    return check
