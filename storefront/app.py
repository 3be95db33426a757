"""The storefront: a small demo of a frontend gateway over booking and payment; no business rule is here."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware
from starlette.staticfiles import StaticFiles

from chassis import pages
from storefront import changing, contesting, experts, following, paying, rendering, shopping
from storefront.settings import StorefrontSettings
from storefront.upstream import Refusal, Upstream

log = logging.getLogger(__name__)


def build(settings: StorefrontSettings, transport: httpx2.AsyncBaseTransport | None = None) -> FastAPI:
    """The application; `transport` replaces the network towards the services."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with httpx2.AsyncClient(transport=transport) as client:
            app.state.upstream = Upstream(client, settings)
            yield

    app = FastAPI(title="Payfirst storefront", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    _session(app, settings)
    origin = settings.checkout_origin
    app.add_middleware(pages.PageHeaders, extra={"script-src": origin, "frame-src": origin, "form-action": origin})
    app.mount("/static", StaticFiles(directory=rendering.FOLDER / "static"), name="static")
    app.include_router(shopping.router)
    app.include_router(paying.router)
    app.include_router(following.router)
    app.include_router(experts.router)
    app.include_router(changing.router)
    app.include_router(contesting.router)

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    _errors(app)
    return app


def _session(app: FastAPI, settings: StorefrontSettings) -> None:
    """The signed cookie with the guest's tokens, out of reach of scripts.

    Lax, where the console's is Strict: a buyer who comes from the gateway's page or from a letter is still the buyer.
    Writes are guarded by the form's token and its origin.
    """
    app.add_middleware(
        SessionMiddleware,
        secret_key=f"payfirst-storefront-session:{settings.token_secret.get_secret_value()}",
        session_cookie="__Host-payfirst-storefront",
        max_age=settings.session_seconds,
        same_site="lax",
        https_only=True,
    )


def _errors(app: FastAPI) -> None:
    @app.exception_handler(pages.FormRefused)
    async def _refused(request: Request, error: pages.FormRefused) -> Response:
        return _error(request, error.status, "Please try that again", error.detail)

    @app.exception_handler(Refusal)
    async def _refusal(request: Request, error: Refusal) -> Response:
        if error.status == 0 or error.status >= 500:
            return _error(
                request, 503, "We can't do that right now", "Nothing was lost. Load the page again in a moment."
            )
        return _error(request, error.status, error.title, error.detail)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, _: RequestValidationError) -> Response:
        return _error(request, 422, "The address has a mistake", "Go back and try again.")

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return _error(request, error.status_code, "There is no such page", "")

    @app.exception_handler(Exception)
    async def _unexpected(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return Response("Something went wrong on our side; nothing was charged by it. Please load the page again.", 500)


def _error(request: Request, status: int, title: str, detail: str) -> Response:
    if "x-live" in request.headers:
        return Response(status_code=status)
    return rendering.page(request, "error.html", status=status, title=title, detail=detail)
