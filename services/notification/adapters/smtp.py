"""A small pool of SMTP connections that says of every mail: accepted, refused, not sent, or nobody knows."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from chassis.outcomes import Held
from services.notification.adapters.outside import Deferred, NotSent, OutcomeUnknown
from services.notification.domain.delivery import Answer

_AWAY_SECONDS, _MISCONFIGURED_SECONDS = 5.0, 30.0
_CREDENTIAL_CODES = frozenset({530, 534, 535, 538})
_CLOSING = 421


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail goes and how. Times in seconds."""

    host: str
    port: int
    tls: Literal["implicit", "starttls", "none"]
    username: str = ""
    password: str = ""
    timeout_seconds: float = 10.0
    connections: int = 4
    mails_per_second: float = 100.0
    mails_per_connection: int = 100
    idle_seconds: float = 30.0


@dataclass(slots=True)
class _Line:
    """One connection with what the pool must know of it."""

    client: SMTP
    mails: int = 0
    used_at: float = 0.0


class Mailer:
    """Hands over one mail to one ASCII address at a time, over at most `server.connections` connections."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._room = asyncio.Semaphore(server.connections)
        self._idle: list[_Line] = []
        self._next_at = 0.0

    async def send(self, sender: str, recipient: str, mail: bytes) -> Answer:
        """Accepted, or refused for ever. Raises `NotSent` (server away, credentials, 4xx) and `OutcomeUnknown`.

        The outcome is unknown only once DATA was begun: whatever fails before that is proven not to have been sent.
        """
        await self._pace()
        async with self._line() as line:
            await self._greet(line, sender)
            if refusal := await self._address(line, recipient):
                return refusal
            return await self._hand_over(line, mail)

    async def close(self) -> None:
        """Say goodbye on every idle connection."""
        idle, self._idle = self._idle, []
        for line in idle:
            with contextlib.suppress(SMTPException, OSError):
                await line.client.quit()

    async def _pace(self) -> None:
        """Wait for this mail's place in time: one place each 1/`mails_per_second`."""
        now = time.monotonic()
        place = max(self._next_at, now)
        self._next_at = place + 1.0 / self._server.mails_per_second
        if place > now:
            await asyncio.sleep(place - now)

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[_Line]:
        """A live connection; it goes back to the pool only when nothing went wrong on it."""
        async with self._room:
            line = await self._live_line()
            try:
                yield line
            except BaseException:
                line.client.close()
                raise
            line.mails, line.used_at = line.mails + 1, time.monotonic()
            if line.client.is_connected and line.mails < self._server.mails_per_connection:
                self._idle.append(line)
            else:
                line.client.close()

    async def _live_line(self) -> _Line:
        while self._idle:
            line = self._idle.pop()
            if not line.client.is_connected:
                continue
            if time.monotonic() - line.used_at < self._server.idle_seconds:
                return line
            try:
                await line.client.noop()
            except (SMTPException, OSError):
                line.client.close()
            else:
                return line
        return _Line(await self._connect())

    async def _connect(self) -> SMTP:
        server = self._server
        client = SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls == "implicit",
            start_tls=server.tls == "starttls",
            username=server.username or None,
            password=server.password or None,
            timeout=server.timeout_seconds,
        )
        try:
            await client.connect()
            await client.ehlo()
        except SMTPAuthenticationError as error:
            raise NotSent(Held("smtp-credentials", _MISCONFIGURED_SECONDS)) from error
        except SMTPResponseException as error:
            wrong = error.code in _CREDENTIAL_CODES
            held = Held("smtp-credentials", _MISCONFIGURED_SECONDS) if wrong else Held("smtp", _AWAY_SECONDS)
            raise NotSent(held) from error
        except (SMTPException, OSError) as error:
            raise NotSent(Held("smtp", _AWAY_SECONDS)) from error
        return client

    async def _greet(self, line: _Line, sender: str) -> None:
        """MAIL FROM. An idle connection that the server has closed meanwhile is replaced once."""
        for last in (line.mails == 0, True):
            try:
                await line.client.mail(sender)
            except SMTPServerDisconnected as error:
                if last:
                    raise NotSent(Held("smtp", _AWAY_SECONDS)) from error
                line.client, line.mails = await self._connect(), 0
            except SMTPResponseException as error:
                raise NotSent(_sender_trouble(error)) from error
            except (SMTPException, OSError) as error:
                raise NotSent(Held("smtp", _AWAY_SECONDS)) from error
            else:
                return

    async def _address(self, line: _Line, recipient: str) -> Answer | None:
        """RCPT TO. None when the server takes mail for the address, else why it never will."""
        try:
            await line.client.rcpt(recipient)
        except SMTPResponseException as error:
            if error.code < 500:
                raise NotSent(_deferral(error)) from error
            await self._forget(line)
            return Answer(False, f"refused-{error.code}")
        except (SMTPException, OSError) as error:
            raise NotSent(Held("smtp", _AWAY_SECONDS)) from error
        return None

    async def _hand_over(self, line: _Line, mail: bytes) -> Answer:
        """DATA: from here on silence means that nobody knows."""
        try:
            response = await line.client.data(mail)
        except SMTPResponseException as error:
            if error.code < 500:
                raise NotSent(_deferral(error)) from error
            await self._forget(line)
            return Answer(False, f"refused-{error.code}")
        except (SMTPException, OSError) as error:
            raise OutcomeUnknown(f"no answer after DATA: {type(error).__name__}") from error
        return Answer(True, f"accepted-{response.code}")

    @staticmethod
    async def _forget(line: _Line) -> None:
        """Begin anew on the connection, or close it when that fails."""
        try:
            await line.client.rset()
        except (SMTPException, OSError):
            line.client.close()


def _sender_trouble(error: SMTPResponseException) -> Exception:
    """What an answer to MAIL FROM means: every mail would get it, so it is the server's state or our configuration."""
    if error.code in _CREDENTIAL_CODES:
        return Held("smtp-credentials", _MISCONFIGURED_SECONDS)
    return _deferral(error) if error.code < 500 else Held("smtp-sender", _MISCONFIGURED_SECONDS)


def _deferral(error: SMTPResponseException) -> Exception:
    """421 means that the server is going away; another 4xx is about this mail."""
    return Held("smtp", _AWAY_SECONDS) if error.code == _CLOSING else Deferred(f"the mail server answered {error.code}")
