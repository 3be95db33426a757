"""The vendors' clock: real time plus what a test has moved it by, so that authorizations can expire."""

from __future__ import annotations

import time


class VendorClock:
    """Seconds since the epoch as the vendors see them."""

    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def now(self) -> int:
        """The present second."""
        return int(time.time() + self.offset_seconds)

    def advance(self, seconds: float) -> None:
        """Move the clock by `seconds`."""
        self.offset_seconds += seconds
