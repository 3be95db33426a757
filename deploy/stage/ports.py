"""Ports of the stage: fixed when they are free, the next free one otherwise, always below the ephemeral range."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable

HIGHEST = 32767  # above it a readiness poll can connect to itself


def is_free(port: int) -> bool:
    """Whether nobody listens on `port` of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Ports:
    """Hands out ports from `base` on; one that is taken is skipped, none is given twice."""

    def __init__(self, base: int) -> None:
        self.base = base
        self._given: set[int] = set()

    def take(self, offset: int) -> int:
        """The port `base + offset`, or the next free one. Raises `RuntimeError` when none is left below 32768."""
        for port in range(self.base + offset, HIGHEST):
            if port not in self._given and is_free(port):
                self._given.add(port)
                return port
        raise RuntimeError(f"no free port between {self.base + offset} and {HIGHEST}")


async def wait_open(port: int, seconds: float, alive: Callable[[], bool] = lambda: True) -> None:
    """Return when `port` of loopback accepts a connection.

    Raises `TimeoutError` after `seconds`, and at once when the server that should listen there is no longer `alive`.
    """
    end = time.monotonic() + seconds
    while True:
        if not alive():
            raise TimeoutError(f"the server of port {port} has ended")
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        if time.monotonic() > end:
            raise TimeoutError(f"nobody listens on port {port} after {seconds:g} s")
        await asyncio.sleep(0.05)
