"""The console's application: pages over the services' /ops routes; it owns no data."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx2
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from chassis import pages
from console import rendering
from console.access import SignInNeeded
from console.routes import letters, money, overview, purchases, session
from console.settings import ConsoleSettings
from console.upstream import Services, UpstreamError

log = logging.getLogger(__name__)
_TITLES = {404: "There is nothing here", 405: "This page does not take that", 422: "The address has a mistake"}


def build(settings: ConsoleSettings, transport: httpx2.AsyncBaseTransport | None = None) -> FastAPI:
    """The application; `transport` replaces the network towards the services."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with httpx2.AsyncClient(transport=transport, limits=httpx2.Limits(max_connections=50)) as client:
            app.state.services = Services(client, settings.services, settings.reading_token)
            yield

    app = FastAPI(title="Payfirst console", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    pages.install(
        app,
        cookie="payfirst-console",
        secret=settings.token_secret.get_secret_value(),
        max_age_seconds=settings.session_seconds,
        policy={},
    )
    app.mount("/static", StaticFiles(directory=rendering.FOLDER / "static"), name="static")
    for module in (session, overview, letters, money, purchases):
        app.include_router(module.router)
    _errors(app)
    return app


def _errors(app: FastAPI) -> None:
    """Every error is a page in words; fragments that the live script asks for get the bare status."""

    @app.exception_handler(SignInNeeded)
    async def _sign_in(request: Request, _: SignInNeeded) -> Response:
        if "x-live" in request.headers:
            return Response(status_code=401)
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        target = f"/sign-in?next={quote(wanted, safe='')}" if request.method == "GET" and wanted != "/" else "/sign-in"
        return pages.see_other(target)

    @app.exception_handler(pages.FormRefused)
    async def _refused(request: Request, error: pages.FormRefused) -> Response:
        return _error(request, error.status, "This was refused", error.detail)

    @app.exception_handler(UpstreamError)
    async def _upstream(request: Request, error: UpstreamError) -> Response:
        status = error.status if error.status in (403, 404, 409, 422) else 502
        return _error(request, status, f"{error.service.title()}: {error.title}", error.detail)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, _: RequestValidationError) -> Response:
        return _error(request, 422, _TITLES[422], "Check the address and the fields.")

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return _error(request, error.status_code, _TITLES.get(error.status_code, "This does not work"), "")

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return Response("Something went wrong in the console; the error is on record.", 500)


def _error(request: Request, status: int, title: str, detail: str) -> Response:
    if "x-live" in request.headers:
        return Response(status_code=status)
    return rendering.page(request, "error.html", None, status=status, title=title, detail=detail)
