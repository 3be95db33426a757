"""The simulators' HTTP application: each vendor below its path, the controls, and faults in front of the vendors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from simulators.clock import VendorClock
from simulators.control import controls
from simulators.faults import Dropped, Faults, apply
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

    _misbehaving(app, faults, vendors)

    @app.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    for vendor in vendors:
        app.include_router(vendor.routes(), prefix=f"/{vendor.name}")
    app.include_router(razorpay.routes())  # the vendor's SDK joins paths at the root of its base url
    app.include_router(fcm.routes())
    app.include_router(controls(vendors, faults, clock, sender, fcm))
    return app


def _misbehaving(app: FastAPI, faults: Faults, vendors: Sequence[Vendor]) -> None:
    by_name = {vendor.name: vendor for vendor in vendors}

    @app.middleware("http")
    async def misbehave(request: Request, answer: Any) -> Response:
        path = request.url.path
        name = path.split("/")[1] if not path.startswith(("/v1/", "/v2/")) else "razorpay"
        fault = None if name in ("control", "health") else faults.take(name, request.method, path)
        if fault is None:
            return await answer(request)  # type: ignore[no-any-return]
        try:
            return await apply(fault, by_name.get(name), request, answer)
        except Dropped:
            raise ConnectionResetError("dropped on order") from None


def keys_from_environment() -> Keys:
    """The merchant's credentials; a simulator without them refuses to start, naming the first missing one."""
    return Keys(
        os.environ["RAZORPAY_KEY_ID"],
        os.environ["RAZORPAY_KEY_SECRET"],
        os.environ["RAZORPAY_WEBHOOK_SECRET"].split(",")[0],
        os.environ.get("RAZORPAY_WEBHOOK_URL", ""),
    )
