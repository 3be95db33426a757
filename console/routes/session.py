"""Signing in by pasting a token, signing out, and the health routes."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chassis.pages import checked_form, csrf_token, see_other
from console import rendering
from console.access import principal_in

router = APIRouter()


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process runs."""
    return {"status": "live"}


@router.get("/health/ready")
async def ready() -> dict[str, str]:
    """The console has no parts of its own: what is away shows on its pages."""
    return {"status": "ready"}


@router.get("/sign-in")
async def ask(request: Request, next: str = "/") -> Response:
    """The form that takes a token; a token in the address is never looked at."""
    return rendering.page(request, "sign_in.html", None, next=next, wrong=False)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Take the token into the session when it is one of role ops or admin."""
    form = await checked_form(request)
    token = form.get("token", "").strip().removeprefix("Bearer ").strip()
    wanted = form.get("next", "/")
    if len(token) > 2000 or principal_in(token, request.app.state.settings.token_secret.get_secret_value()) is None:
        return rendering.page(request, "sign_in.html", None, status=403, next=wanted, wrong=True)
    request.session.clear()
    request.session["token"] = token
    csrf_token(request)
    return see_other(wanted)


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Forget the session."""
    await checked_form(request)
    request.session.clear()
    return see_other("/sign-in")
