"""The HTTP door of every service: problems, size limit, security headers, health, metrics and the ops routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from chassis import problems
from chassis.limiting import Limits, RateLimit
from chassis.problems import Problem
from chassis.settings import ServiceSettings
from chassis.work import Database

MAX_BODY_BYTES = 256 * 1024
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


async def database_of(request: Request) -> Database:
    """The service's database, for routes."""
    database: Database = request.app.state.database
    return database


Db = Annotated[Database, Depends(database_of)]
Readiness = Callable[[], Awaitable[dict[str, str]]]


class BodyLimit:
    """ASGI middleware: refuses bodies over 256 KiB before anything reads them, and adds the security headers."""

    def __init__(self, app: Any, service: str) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on, counting its bytes."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > MAX_BODY_BYTES:
            await problems.response(Problem("too-large", "Send at most 256 KiB."), self.service)(scope, receive, send)
            return
        received = 0

        async def counted() -> Any:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise Problem("too-large", "Send at most 256 KiB.")
            return message

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(item for item in _HEADERS if item[0] not in present)]
            await send(message)

        await self.app(scope, counted, with_headers)


def make_app(
    service: str,
    database: Database,
    settings: ServiceSettings,
    routers: Sequence[APIRouter],
    readiness: Readiness,
    unlimited: Sequence[str] = (),
    **state: Any,
) -> FastAPI:
    """The FastAPI application of `service`; `state` is put on `app.state` for the routes.

    Paths that begin with one of `unlimited` have no rate limit but what their routes charge themselves.
    """
    app = FastAPI(title=f"Payfirst {service}", version="1", docs_url=None, redoc_url=None)
    app.state.service, app.state.database, app.state.settings = service, database, settings
    for name, value in state.items():
        setattr(app.state, name, value)
    app.state.limits = Limits(service, settings, unlimited)
    problems.install(app, service)
    app.add_middleware(RateLimit, service=service, limits=app.state.limits)
    app.add_middleware(BodyLimit, service=service)
    if settings.proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=settings.proxies)
    app.include_router(_health(readiness))
    for router in routers:
        app.include_router(router, responses=problems.documented("rate-limited"))
    return app


def _health(readiness: Readiness) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/health/ready")
    async def ready() -> Response:
        missing = await readiness()
        body = {"status": "ready" if not missing else "not ready", "missing": missing}
        return JSONResponse(body, 200 if not missing else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router
