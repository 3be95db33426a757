"""One process with every simulator: vendors' HTTP, the mail sink's SMTP and its HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from simulators.app import make_app
from simulators.faults import Faults
from simulators.mail import Sink, inbox, smtp_protocol


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process stops all its servers together."""
        yield


def _server(app: FastAPI, host: str, port: int) -> _Server:
    return _Server(
        uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
    )


def _stop(servers: list[_Server]) -> None:
    for server in servers:
        server.should_exit = True


async def serve() -> None:
    """Serve until SIGINT or SIGTERM."""
    host = os.environ.get("SIMULATORS_HOST", "127.0.0.1")
    faults = Faults()
    sink = Sink(faults)
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(lambda: smtp_protocol(sink), host, int(os.environ.get("MAIL_SMTP_PORT", "8108")))
    vendors = make_app(faults)
    servers = [
        _server(vendors, host, int(os.environ.get("SIMULATORS_PORT", "8106"))),
        _server(inbox(sink), host, int(os.environ.get("MAIL_HTTP_PORT", "8107"))),
    ]
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, servers)
    await asyncio.gather(*(server.serve() for server in servers))
    smtp.close()
    await vendors.state.sender.close()


if __name__ == "__main__":
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(serve())
