"""A fresh database, a real mail server with faults, a small push service, and the sending step run by real workers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from chassis import testing
from chassis.runner import TaskRunner
from chassis.work import Database
from services.notification.adapters.mail import MailOffice, Paper
from services.notification.adapters.smtp import Mailer, MailServer
from services.notification.app import MIGRATIONS
from services.notification.consumers import sending_step
from services.notification.domain.letters import Links
from services.notification.handlers.sending import Push, Sending

LINKS = Links("https://payfirst.example/invoices/{invoice_id}.pdf", "https://payfirst.example/bookings/{booking_id}")


@dataclass
class Sink:
    """The mail server's mind: what it took, and what it answers next to RCPT and DATA (a reply, `hang` or `drop`)."""

    taken: list[tuple[str, bytes]] = field(default_factory=list)
    rcpt: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    connections: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    async def handle_EHLO(  # noqa: N802 - the name that aiosmtpd calls
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> Any:
        """A new connection says hello."""
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """RCPT TO as scripted."""
        reply = self.rcpt.pop(0) if self.rcpt else "250 OK"
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        """DATA as scripted; `hang` and `drop` take the mail and do not say so."""
        reply = self.data.pop(0) if self.data else "250 taken"
        if reply.startswith("250") or reply in ("hang", "drop"):
            self.taken.append((envelope.rcpt_tos[0], bytes(envelope.content)))
        if reply == "drop":
            server.transport.abort()
        if reply == "hang":
            while not self.released.is_set():
                await asyncio.sleep(0.02)
        return reply if reply[:3].isdigit() else "250 taken"


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A mail server's mind without a server."""
    mind = Sink()
    yield mind
    mind.released.set()


@pytest.fixture
def mail_server(sink: Sink) -> Iterator[MailServer]:
    """A real SMTP server that answers as `sink` says."""
    controller = Controller(sink, hostname="127.0.0.1", port=testing.free_port())
    controller.start()
    yield MailServer("127.0.0.1", controller.port, "none", timeout_seconds=0.5)
    sink.released.set()
    controller.stop()


@pytest.fixture
def strict_mail_server(sink: Sink) -> Iterator[MailServer]:
    """The same, but it wants a login and refuses every one."""
    controller = Controller(
        sink,
        hostname="127.0.0.1",
        port=testing.free_port(),
        auth_require_tls=False,
        auth_required=True,
        authenticator=lambda *_: AuthResult(success=False, handled=False),
    )
    controller.start()
    yield MailServer("127.0.0.1", controller.port, "none", "payfirst", "wrong", timeout_seconds=0.5)
    controller.stop()


@pytest.fixture
async def database(postgres_server: testing.Server) -> AsyncIterator[Database]:
    """A fresh database of this service."""
    async with testing.fresh_database(postgres_server, MIGRATIONS, connections=4) as fresh:
        yield fresh


Post = Callable[..., Any]


@pytest.fixture
def post(database: Database) -> Post:
    """`async with post(server, push=None) as until:` runs the sending step; `await until(sql, expected)` waits."""

    @asynccontextmanager
    async def run(server: MailServer, push: Push | None = None) -> AsyncIterator[Callable[..., Awaitable[None]]]:
        mailer = Mailer(server)
        office = MailOffice(Paper(LINKS), mailer, "Payfirst <bookings@payfirst.example>")
        step = sending_step(Sending(lambda: database, office, push), 4)
        runner = TaskRunner(database, (step,), poll=0.02)
        running = asyncio.create_task(runner.run())

        async def until(sql: str, expected: list[tuple[Any, ...]], hurry: bool = False) -> None:
            async def seen() -> bool:
                async with database.transaction() as work:
                    if hurry:  # retries climb a ladder of minutes; their order is kept, their waits are not
                        await work.execute("UPDATE tasks SET due_at = now() WHERE state IN ('ready', 'held')")
                    return [tuple(row) for row in await work.fetch(sql)] == expected

            await testing.eventually(seen, what=f"{sql} = {expected}")

        try:
            yield until
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await mailer.close()

    return run
