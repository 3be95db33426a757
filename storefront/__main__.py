"""Starts the storefront: `python -m storefront`."""

from __future__ import annotations

import uvicorn

from chassis import telemetry
from storefront.app import build
from storefront.settings import StorefrontSettings


def main() -> None:
    """Serve until stopped."""
    settings = StorefrontSettings()
    telemetry.configure_logging("storefront", settings.log_level)
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
