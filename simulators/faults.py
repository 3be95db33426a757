"""Misbehaviour as data: which vendor, which route, what kind, how often, until when."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Literal

from fastapi import Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from simulators.vendor import Vendor

Kind = Literal[
    "timeout_after_success",
    "drop_after_commit",
    "error_500",
    "rate_limited",
    "slow",
    "unreachable",
    "malformed_json",
    "reject_4xx",
    "reject_5xx",
    "drop_after_data",
]


class Fault(BaseModel):
    """One order to misbehave. `times` None is for ever; `route` is a part of the path; both ends may be left open."""

    model_config = ConfigDict(extra="forbid")
    vendor: str
    kind: Kind
    route: str = ""
    method: str = ""
    times: int | None = Field(default=1, ge=1)
    until_seconds: float | None = Field(default=None, gt=0)
    delay_seconds: float = Field(default=30.0, ge=0, le=120)


class Faults:
    """The orders in force."""

    def __init__(self) -> None:
        self._orders: list[tuple[Fault, float | None]] = []
        self.bitten: dict[str, int] = {}

    def add(self, fault: Fault) -> None:
        """Put `fault` in force."""
        end = None if fault.until_seconds is None else time.monotonic() + fault.until_seconds
        self._orders.append((fault, end))

    def clear(self) -> None:
        """Behave again."""
        self._orders.clear()

    def listing(self) -> list[dict[str, Any]]:
        """The orders in force, for people."""
        return [fault.model_dump() for fault, _ in self._orders]

    def take(self, vendor: str, method: str, path: str) -> Fault | None:
        """The first order that fits this call, used up by one."""
        now = time.monotonic()
        self._orders = [(fault, end) for fault, end in self._orders if end is None or end > now]
        for position, (fault, _) in enumerate(self._orders):
            if fault.vendor == vendor and fault.route in path and fault.method in ("", method):
                self.bitten[fault.kind] = self.bitten.get(fault.kind, 0) + 1
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        del self._orders[position]
                return fault
        return None


class Dropped(Exception):
    """The connection ends without an answer."""


async def apply(fault: Fault, vendor: Vendor | None, request: Request, answer: Any) -> Response:
    """Misbehave as `fault` says; `answer()` is the real handler, for faults that strike after success."""
    if fault.kind == "unreachable":
        raise Dropped
    if fault.kind in ("error_500", "rate_limited"):
        plain = JSONResponse({}, 500 if fault.kind == "error_500" else 429)
        return plain if vendor is None else vendor.failure(fault.kind)
    if fault.kind == "slow":
        await asyncio.sleep(fault.delay_seconds)
        return await answer(request)  # type: ignore[no-any-return]
    real: Response = await answer(request)
    if fault.kind == "malformed_json":
        return PlainTextResponse("<html>upstream connect error</html>", 200, media_type="application/json")
    if fault.kind == "timeout_after_success":
        await asyncio.sleep(fault.delay_seconds)
        return real
    raise Dropped
