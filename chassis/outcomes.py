"""How handling a message can end: done, retry after, dead, held. Which error means which is decided here alone."""

from __future__ import annotations

import hashlib
import re
import traceback
from dataclasses import dataclass
from enum import StrEnum

import asyncpg
from sqlalchemy.exc import TimeoutError as PoolTimeout


class RetryAfter(Exception):
    """The handler asks for another attempt after `seconds`; spends an attempt of the ladder."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(why)
        self.seconds = seconds


class Dead(Exception):
    """No later attempt can succeed: the message becomes a dead letter at once."""

    def __init__(self, why: str, disposition: str = "NON_RETRYABLE") -> None:
        super().__init__(why)
        self.disposition = disposition


class Held(Exception):
    """Something outside is known to be away (an open breaker): wait `seconds`, spend no attempt."""

    def __init__(self, by: str, seconds: float = 5.0) -> None:
        super().__init__(f"held by {by}")
        self.by = by
        self.seconds = seconds


class LeaseLost(Exception):
    """Another worker has taken the task over; this worker's effect must not commit."""


class Verdict(StrEnum):
    """What an error means for the work that met it."""

    AWAY = "away"  # the database is not there: nobody's attempt, wait and read again
    CONFLICT = "conflict"  # a concurrent transaction won: run the same again at once
    FAILED = "failed"  # this message's attempt failed


_AWAY_STATES = ("08", "57P", "53")
_CONFLICT_STATES = ("40001", "40P01", "55P03")


def verdict(error: BaseException) -> Verdict:
    """Classify an error that escaped a transaction by its SQLSTATE (PostgreSQL appendix A)."""
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        return Verdict.FAILED  # a value that the driver can't encode is the message's fault
    if isinstance(error, OSError | PoolTimeout | asyncpg.InterfaceError | asyncpg.InternalClientError):
        return Verdict.AWAY
    state = getattr(error, "sqlstate", None) or ""
    if state.startswith(_AWAY_STATES):
        return Verdict.AWAY
    return Verdict.CONFLICT if state in _CONFLICT_STATES else Verdict.FAILED


@dataclass(frozen=True, slots=True)
class Failure:
    """What is kept of an error: class, scrubbed message of at most 1,000 characters, fingerprint without ids."""

    error_class: str
    message: str
    fingerprint: str


_SECRETS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+|\b\d{12,19}\b|(?i:bearer\s+\S+)|eyJ[\w-]+\.[\w-]+\.[\w-]*")


def failure_of(error: BaseException) -> Failure:
    """Describe `error` without personal data: mails, card-like numbers and tokens are blanked out."""
    name = type(error).__name__
    text = str(error)
    if isinstance(error, asyncpg.PostgresError):
        text = text.partition("\n")[0]
    frames = [
        f"{frame.filename.rsplit('/', 1)[-1]}:{frame.name}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    digest = hashlib.blake2b(f"{name}|{'|'.join(frames[-4:])}".encode(), digest_size=6).hexdigest()
    return Failure(name, _SECRETS.sub("[removed]", text)[:1000], digest)
