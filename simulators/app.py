"""The simulators' HTTP application: each vendor below its path, the controls, and faults in front of the vendors."""

from __future__ import annotations

import os
from collections.abc import Sequence

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.types import ASGIApp, Receive, Scope, Send

from simulators.clock import VendorClock
from simulators.control import controls
from simulators.faults import Dropped, Fault, Faults, apply
from simulators.fcm import Fcm
from simulators.phonepe.vendor import PhonePe, PhonePeKeys
from simulators.razorpay.books import Refused
from simulators.razorpay.vendor import Keys, Razorpay
from simulators.stripe.vendor import Stripe, StripeKeys
from simulators.vendor import Vendor
from simulators.webhooks import Sender


def make_app(faults: Faults, keys: Keys | None = None) -> FastAPI:
    """The application; `keys` come from the environment when left out."""
    app = FastAPI(title="Payfirst simulators", docs_url=None, redoc_url=None)
    clock, sender, fcm = VendorClock(), Sender(), Fcm()
    razorpay = Razorpay(clock, sender, keys or keys_from_environment())
    vendors: list[Vendor] = [razorpay]
    if (phonepe := PhonePeKeys.from_environment()) is not None:
        vendors.append(PhonePe(clock, sender, phonepe))
    if (stripe := StripeKeys.from_environment()) is not None:
        vendors.append(Stripe(clock, sender, stripe))
    app.state.razorpay, app.state.sender = razorpay, sender

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> JSONResponse:
        return JSONResponse(error.body, error.status)

    app.add_middleware(Misbehaving, faults=faults, vendors=vendors)

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    for vendor in vendors:
        app.include_router(vendor.routes(), prefix=f"/{vendor.name}")
    app.include_router(razorpay.routes())  # the vendor's SDK joins paths at the root of its base url
    app.include_router(fcm.routes())
    app.include_router(controls(vendors, faults, clock, sender, fcm))
    return app


class Misbehaving(BaseHTTPMiddleware):
    """Answers as the faults say; what has no fault goes straight on, past the costly way of this middleware."""

    def __init__(self, app: ASGIApp, faults: Faults, vendors: Sequence[Vendor]) -> None:
        super().__init__(app)
        self._faults, self._by_name = faults, {vendor.name: vendor for vendor in vendors}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the fault of this request, if there is one."""
        if scope["type"] == "http" and (fault := self._fault(scope["method"], scope["path"])) is not None:
            scope["fault"] = fault
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _fault(self, method: str, path: str) -> Fault | None:
        name = _vendor_of(path)
        return None if name in ("control", "health") else self._faults.take(name, method, path)

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Misbehave."""
        try:
            vendor = self._by_name.get(_vendor_of(request.url.path))
            return await apply(request.scope["fault"], vendor, request, call_next)
        except Dropped:
            raise ConnectionResetError("dropped on order") from None


def _vendor_of(path: str) -> str:
    return path.split("/")[1] if not path.startswith(("/v1/", "/v2/")) else "razorpay"


def keys_from_environment() -> Keys:
    """The merchant's credentials; a simulator without them refuses to start, naming the first missing one."""
    return Keys(
        os.environ["RAZORPAY_KEY_ID"],
        os.environ["RAZORPAY_KEY_SECRET"],
        os.environ["RAZORPAY_WEBHOOK_SECRET"].split(",")[0],
        os.environ.get("RAZORPAY_WEBHOOK_URL", ""),
    )
