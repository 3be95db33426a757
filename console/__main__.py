"""Starts the console: `python -m console`."""

from __future__ import annotations

import uvicorn

from chassis import telemetry
from console.app import build
from console.settings import ConsoleSettings


def main() -> None:
    """Serve until stopped."""
    settings = ConsoleSettings()
    telemetry.configure_logging("console", settings.log_level)
    uvicorn.run(
        build(settings),
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()
