"""Rate limits: a caller has a token bucket for each group of routes; an empty one answers 429 with Retry-After (ADR 0014)."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from fastapi import Request
from starlette.datastructures import Headers

from chassis import problems, telemetry
from chassis.identity import principal_of_header
from chassis.problems import Problem
from chassis.settings import ServiceSettings

_UNLIMITED = ("/health/", "/metrics")  # for machines of our own that ask by the clock
_ADMIN = ("/ops/", "/api/v1/admin/")
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` requests at once, `per_second` in the long run; 0 a second: no limit."""

    per_second: float
    burst: int


class Buckets:
    """The token buckets of the latest callers; who was away longest is forgotten first, and starts full again.

    A bucket is one number, the instant at which it will be full: a request moves that on by the time of one token.
    """

    def __init__(self, callers: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._callers, self._clock = callers, clock
        self._full_at: OrderedDict[tuple[str, str], float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, group: str, caller: str, limit: Limit) -> float:
        """Take one token: 0, or the seconds until there is one, and then nothing was taken."""
        if limit.per_second <= 0:
            return 0.0
        now, token_seconds = self._clock(), 1 / limit.per_second
        full_at = max(self._full_at.get((group, caller), now), now) + token_seconds
        waits = full_at - now - limit.burst * token_seconds
        if waits > 1e-9:
            return waits
        self._full_at[group, caller] = full_at
        self._full_at.move_to_end((group, caller))
        if len(self._full_at) > self._callers:
            self._full_at.popitem(last=False)
        return 0.0


def address_of(scope: Any) -> str:
    """The client's address: an IPv4 one as it is, of IPv6 the /64 network, which is what one customer is given."""
    host = str((scope.get("client") or ("unknown",))[0])[:64]
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    return str(address.ipv4_mapped or ipaddress.IPv6Network((address, 64), strict=False))


class Limits:
    """The limits of one service's door, with the buckets of its callers in this process."""

    def __init__(self, service: str, settings: ServiceSettings, exempt: Sequence[str] = ()) -> None:
        self._service, self._factor = service, settings.rate_limit_address_factor
        self._secret = settings.token_secret.get_secret_value()
        self._exempt = (*_UNLIMITED, *exempt)
        self._buckets = Buckets(settings.rate_limit_callers)
        self._limits = {
            "reads": Limit(settings.rate_limit_reads_per_second, settings.rate_limit_reads_burst),
            "writes": Limit(settings.rate_limit_writes_per_second, settings.rate_limit_writes_burst),
            "admin": Limit(settings.rate_limit_admin_per_second, settings.rate_limit_admin_burst),
            "forged": Limit(settings.rate_limit_forged_per_second, settings.rate_limit_forged_burst),
        }

    def group_of(self, method: str, path: str) -> str | None:
        """Which limit a request falls under; None: none, or the route's own."""
        if path.startswith(self._exempt):
            return None
        if path.startswith(_ADMIN):
            return "admin"
        return "reads" if method in _READS else "writes"

    def check(self, scope: Any) -> None:
        """Take a token for the request in `scope`; its principal is left there for the route. Raises `rate-limited`."""
        group = self.group_of(scope["method"], scope["path"])
        if group is None:
            return
        header = Headers(scope=scope).get("authorization")
        principal = None
        if header is not None:
            try:
                principal = principal_of_header(header, self._secret)
            except jwt.InvalidTokenError:
                pass  # the route refuses it; until then it is nobody's, and counts for its address
            else:
                scope.setdefault("state", {})["principal"] = principal
        if principal is not None and not principal.is_guest:
            self._take(group, "account", principal.subject, self._limits[group])
            return
        if principal is not None:
            things = "|".join(f"{noun}:{identifier}" for noun, identifier in sorted(principal.scope.items()))
            self._take(group, "guest", things, self._limits[group])
        # Guest tokens are free, so a guest counts for the address too; many people may share one, so it has more.
        limit = self._limits[group]
        wide = Limit(limit.per_second * self._factor, limit.burst * self._factor)
        self._take(group, "address", address_of(scope), wide)

    def charge_forged(self, request: Request) -> None:
        """Count a forged webhook for its address. Raises `rate-limited`; an authentic one is never asked."""
        self._take("forged", "address", address_of(request.scope), self._limits["forged"])

    def _take(self, group: str, kind: str, name: str, limit: Limit) -> None:
        waits = self._buckets.take(group, f"{kind} {name}", limit)
        if waits > 0:
            telemetry.RATE_LIMITED.labels(self._service, group, kind).inc()
            seconds = math.ceil(waits)
            raise Problem("rate-limited", f"Wait {seconds} s and send again.", retry_after_seconds=seconds)


class RateLimit:
    """ASGI middleware: answers 429 before the body is read and before any route is looked for."""

    def __init__(self, app: Any, service: str, limits: Limits) -> None:
        self.app, self.service, self.limits = app, service, limits

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http":
            try:
                self.limits.check(scope)
            except Problem as problem:
                await problems.response(problem, self.service)(scope, receive, send)
                return
        await self.app(scope, receive, send)
