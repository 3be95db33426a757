"""Stripe's idempotency keys: the first result comes again, another request under the same key does not (1.5)."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.stripe.errors import Refused

KEPT_SECONDS = 24 * 3600
"""How long a key is kept, on the vendors' clock."""
_LONGEST = 255


@dataclass(slots=True)
class Kept:
    """One key: what was asked and when; the answer, once there is one."""

    asked: str
    since: int
    answer: tuple[int, bytes] | None = None


class Keys:
    """The keys that were used."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}

    def clear(self) -> None:
        """Forget every key."""
        self._kept.clear()

    def begin(self, key: str, asked: str, now: int) -> tuple[int, bytes] | None:
        """The earlier answer, or None when the request is to be executed, which `finish` or `drop` must end.

        Raises `Refused`: 400 `idempotency_error` for another request, 409 while the first one is running.
        """
        if len(key) > _LONGEST:
            raise Refused(400, "idempotency_error", f"An idempotency key has at most {_LONGEST} characters.")
        kept = self._kept.get(key)
        if kept is None or now - kept.since >= KEPT_SECONDS:
            self._kept[key] = Kept(asked, now)
            return None
        if kept.asked != asked:
            words = f"The idempotency key {key!r} was used before with other parameters or another path."
            raise Refused(400, "idempotency_error", words)
        if kept.answer is None:
            words = f"A request with the idempotency key {key!r} is being executed: try again later."
            raise Refused(409, "idempotency_error", words, code="idempotency_key_in_use")
        return kept.answer

    def finish(self, key: str, status: int, body: bytes) -> None:
        """Keep the answer."""
        self._kept[key].answer = (status, body)

    def drop(self, key: str) -> None:
        """Nothing was executed: the key is free again."""
        self._kept.pop(key, None)
