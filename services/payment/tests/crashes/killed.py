"""Payment as a process that is killed at named points, and started again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from chassis.testing import eventually
from chassis.work import Database
from services.payment.tests.stage import ROOT

EVERY_POINT = (
    "gateway.calling:POST",
    "gateway.sent:POST",
    "gateway.answered:POST",
    "gateway.sent:GET",
    "task.before_commit",
    "work.before_commit",
)
POINTS = EVERY_POINT if os.environ.get("CRASH_POINTS") == "all" else ("gateway.sent:POST",)
"""The worst moment always: the gateway has acted and nobody here knows. All of them with `make crashes`."""
KNOBS = {
    "PAYMENT_GATEWAY_TIMEOUT_SECONDS": "2",
    "PAYMENT_POLL_FIRST_SECONDS": "0.5",
    "PAYMENT_REFUND_CHECK_SECONDS": "1",
    "PAYMENT_ORDER_LEASE_SECONDS": "1",
    "PAYMENT_BREAKER_FAILURES": "50",
    "PAYMENT_CAPTURE_AFTER_SECONDS": "0",
    "PAYMENT_PAYOUT_HOLD_SECONDS": "0",
    "PAYMENT_PAYOUT_CHECK_SECONDS": "1",
    "LOG_LEVEL": "ERROR",
}


@dataclass
class Killed:
    """The payment service as a process that dies at armed points and is started again."""

    environment: dict[str, str]
    faults: Path
    database: Database
    api: httpx2.AsyncClient
    simulator: httpx2.AsyncClient
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    admin: dict[str, str] = field(default_factory=dict)

    def keep_alive(self) -> None:
        """Start it when it is not running."""
        if self.process is None or self.process.poll() is not None:
            self.deaths += self.process is not None
            command = [sys.executable, "-m", "services.payment", "all"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment)

    def arm(self, point: str) -> None:
        """The next to reach `point` dies."""
        (self.faults / point).touch()

    async def until(self, check: Callable[[], Any], what: str, seconds: float = 40.0) -> None:
        """Poll until `check` holds; the service is started again whenever it died."""

        async def there() -> bool:
            self.keep_alive()
            try:
                return bool(await check())
            except httpx2.HTTPError:
                return False

        await eventually(there, seconds, what=what)

    async def ready(self) -> None:
        """Wait until it answers."""

        async def live() -> bool:
            return (await self.api.get("/health/ready")).status_code == 200

        await self.until(live, "payment ready")

    async def died(self, before: int) -> None:
        """Wait until the armed point was reached."""

        async def there() -> bool:
            return self.deaths > before

        await self.until(there, "a death at the armed point")

    async def lose_a_reply(self, vendor: str, route: str) -> None:
        """The gateway does what it is asked once and drops the connection."""
        fault = {"vendor": vendor, "kind": "drop_after_commit", "route": route, "method": "POST", "until_seconds": 60}
        assert (await self.simulator.post("/control/faults", json=fault)).status_code == 201
