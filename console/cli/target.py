"""Which stage the operator's commands speak to, and with what token."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import typer

from console.upstream import SERVICES, Services


@dataclass(frozen=True)
class Target:
    """Addresses by service and a token with the role `admin` (or `ops`, to read only)."""

    addresses: dict[str, str]
    token: str
    transport: httpx2.AsyncBaseTransport | None = None

    @contextlib.asynccontextmanager
    async def services(self) -> AsyncIterator[Services]:
        """A client of these services."""
        async with httpx2.AsyncClient(transport=self.transport) as client:
            yield Services(client, self.addresses, self.token)


def load() -> Target:
    """The target: BOOKING_URL …, PAYFIRST_TOKEN of the environment over `$PAYFIRST_HOME/stage.json`.

    Raises `typer.BadParameter` that says what is missing.
    """
    path = Path(os.environ.get("PAYFIRST_HOME", ".payfirst")) / "stage.json"
    stage = json.loads(path.read_text()) if path.exists() else {}
    addresses = {name: os.environ.get(f"{name.upper()}_URL") or stage.get(name, "") for name in SERVICES}
    token = os.environ.get("PAYFIRST_TOKEN") or stage.get("tokens", {}).get("admin", "")
    missing = [f"{name.upper()}_URL" for name, address in addresses.items() if not address]
    if not token:
        missing.append("PAYFIRST_TOKEN")
    if missing:
        raise typer.BadParameter(f"There is no {path}; run `make up`, or set {', '.join(missing)}.")
    return Target(addresses, token)
