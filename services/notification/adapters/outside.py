"""How handing something over can fail: proven not delivered, or nobody knows."""

from __future__ import annotations


class NotSent(Exception):
    """The outside did not take it, for certain. `outcome` says what follows: Held, RetryAfter or a `Deferred`."""

    def __init__(self, outcome: Exception) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


class Deferred(Exception):
    """The outside asks for a later try (SMTP 4xx, push service busy): climbs the ladder."""


class OutcomeUnknown(Exception):
    """It was handed over and no answer came: it may have been delivered. Climbs the ladder, and is counted."""
