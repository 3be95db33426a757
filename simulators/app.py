"""The simulators' HTTP application: each vendor below its path, the controls, and faults in front of the vendors."""

from __future__ import annotations

import os
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from simulators.clock import VendorClock
from simulators.control import controls
from simulators.faults import Dropped, Faults, apply
from simulators.fcm import Fcm
from simulators.razorpay.books import Refused
from simulators.razorpay.checkout import checkout
from simulators.razorpay.routes import routes
from simulators.razorpay.vendor import Keys, Razorpay
from simulators.webhooks import Sender


def make_app(faults: Faults, keys: Keys | None = None) -> FastAPI:
    """The application; `keys` come from the environment when left out."""
    app = FastAPI(title="Payfirst simulators", docs_url=None, redoc_url=None)
    clock, sender, fcm = VendorClock(), Sender(), Fcm()
    vendor = Razorpay(clock, sender, keys or keys_from_environment())
    app.state.razorpay, app.state.sender = vendor, sender

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> JSONResponse:
        return JSONResponse(error.body, error.status)

    @app.middleware("http")
    async def misbehave(request: Request, answer: Any) -> Response:
        path = request.url.path
        vendor_name = path.split("/")[1] if not path.startswith("/v1/") else "razorpay"
        fault = None if vendor_name in ("control", "health") else faults.take(vendor_name, request.method, path)
        if fault is None:
            return await answer(request)  # type: ignore[no-any-return]
        try:
            return await apply(fault, request, answer)
        except Dropped:
            raise ConnectionResetError("dropped on order") from None

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    app.include_router(routes(vendor), prefix="/razorpay")
    app.include_router(routes(vendor))  # the vendor's SDK joins paths at the root of its base url
    app.include_router(checkout(vendor), prefix="/razorpay")
    app.include_router(fcm.routes())
    app.include_router(controls(vendor, faults, clock, sender, fcm))
    return app


def keys_from_environment() -> Keys:
    """The merchant's credentials; a simulator without them refuses to start, naming the first missing one."""
    return Keys(
        os.environ["RAZORPAY_KEY_ID"],
        os.environ["RAZORPAY_KEY_SECRET"],
        os.environ["RAZORPAY_WEBHOOK_SECRET"].split(",")[0],
        os.environ.get("RAZORPAY_WEBHOOK_URL", ""),
    )
