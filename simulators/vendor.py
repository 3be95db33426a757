"""What every simulated vendor offers to the application: its routes, its controls, its books and its way to misbehave."""

from __future__ import annotations

from typing import Any, Protocol

from fastapi import APIRouter
from fastapi.responses import Response


class Vendor(Protocol):
    """One vendor below `/<name>`; its controls below `/control/<name>`."""

    name: str

    def routes(self) -> APIRouter:
        """The vendor's own paths, hosted pages included, without the `/<name>` in front."""
        ...

    def controls(self) -> APIRouter:
        """The routes that act as the buyer or the bank, without the `/control/<name>` in front."""
        ...

    def state(self) -> dict[str, Any]:
        """The vendor's books: plain JSON, lists by kind, every amount in minor units."""
        ...

    def failure(self, kind: str) -> Response:
        """The vendor's own answer for an `error_500` or `rate_limited` fault: its status, headers and error body."""
        ...

    def clock_moved(self) -> None:
        """The vendors' clock was moved: expire, settle and send what became due."""
        ...

    def reset(self) -> None:
        """Forget everything."""
        ...
