"""The storefront in-process over a made-up booking, payment and fulfillment."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import SecretStr

from storefront.app import build
from storefront.settings import StorefrontSettings

SIMULATORS = "http://gateway.test:8106"
BUYER_ADDRESS = "198.51.100.7"
OFFER = "ofr-course-mathematics"
TRIPLE = {"razorpay_order_id": "order_1", "razorpay_payment_id": "pay_1", "razorpay_signature": "5f" * 32}
_STEPS = ("your payment", "your place", "your course", "your trainer", "your invoice", "everything is ready")
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


def problem(status: int, kind: str, detail: str, **extra: Any) -> JSONResponse:
    """A problem document."""
    body = {"type": f"https://payfirst.dev/problems/{kind}", "title": kind, "detail": detail, **extra}
    return JSONResponse(body, status)


class Fakes:
    """Booking and payment; `calls` keeps path, token, key and body of every POST."""

    def __init__(self) -> None:
        self.app = FastAPI()
        self.calls: list[tuple[str, str, str, Any]] = []
        self.asked_by: set[str | None] = set()
        self.answers: dict[str, JSONResponse] = {}
        self.lines: list[dict[str, Any]] = []
        self.ways = ["razorpay", "stripe", "phonepe"]
        self.decline: str | None = None
        self.saves = False
        self.collection = "capture_now"
        self.problems: list[dict[str, str]] = []
        self.carts = 0
        self.cart_status = "OPEN"
        self.title = "Mathematics <b>one</b>"
        self.more_offers: list[dict[str, Any]] = []
        self.line_of: Callable[[dict[str, Any]], dict[str, Any]] = self._course_line
        self.booking: dict[str, Any] = {
            "booking_id": "bk-1",
            "reference": "BK-7Q2M4XKD",
            "status": "PENDING",
            "payment_status": "pending",
            "charge_at": None,
            "amount_minor": 99900,
            "currency": "INR",
            "expires_at": "2099-11-20T22:30:00Z",
            "lines": [],
            "invoices": [],
            "refunds": [],
            "allocation": None,
            "steps": [{"text": text, "done": False, "at": None, "awaited": not n} for n, text in enumerate(_STEPS)],
        }
        self._booking_routes()
        self._payment_routes()
        self._fulfillment_routes()

        @self.app.middleware("http")
        async def _watch(request: Request, call_next: Any) -> Any:
            path = request.url.path
            self.asked_by.add(request.headers.get("x-forwarded-for"))
            if request.method == "POST":
                headers = request.headers
                body = await request.json()
                self.calls.append((path, headers.get("authorization", ""), headers.get("idempotency-key", ""), body))
            for ending, answer in self.answers.items():
                if path.endswith(ending):
                    return answer
            return await call_next(request)

    def done(self, count: int) -> None:
        """Let the first `count` steps be done."""
        for n, step in enumerate(self.booking["steps"]):
            step.update(done=n < count, awaited=n == count, at="2026-11-20T22:03:10Z" if n < count else None)

    def _offer(self) -> dict[str, Any]:
        return {
            "offer_id": OFFER,
            "kind": "course",
            "title": self.title,
            "description": "A course.",
            "specialty": "mathematics",
            "tiers": [{"tier": 10, "amount_minor": 99900, "currency": "INR"}],
            "currency": "INR",
            "session_minutes": 60,
            "seats_left": None,
            "refund_policy": {"full_hours": 24, "partial_hours": 4, "partial_percent": 50, "none_hours": 2},
        }

    def _course_line(self, wish: dict[str, Any]) -> dict[str, Any]:
        course = {**wish["schedule"], "tier": 10, "session_minutes": 60, "time_slot": wish["time_slot"]}
        return {"line_id": "line-1", "title": self.title, "total_minor": 99900, "course": course}

    def _cart(self) -> dict[str, Any]:
        total = sum(line["total_minor"] for line in self.lines)
        return {
            "cart_id": f"cart-{self.carts}",
            "status": self.cart_status,
            "lines": self.lines,
            "amount_minor": total,
            "currency": "INR",
            "problems": self.problems,
        }

    def _booking_routes(self) -> None:
        @self.app.get("/booking/api/v1/offers")
        async def offers() -> Any:
            return {"offers": [self._offer(), *self.more_offers], "next_page_token": None}

        @self.app.get("/booking/api/v1/offers/{offer_id}")
        async def offer(offer_id: str) -> Any:
            return self._offer() if offer_id == OFFER else problem(404, "not-found", "See the list.")

        @self.app.post("/booking/api/v1/carts", status_code=201)
        async def create() -> Any:
            self.carts += 1
            self.cart_status, self.lines = "OPEN", []
            return {**self._cart(), "guest_token": f"token-of-cart-{self.carts}"}

        @self.app.get("/booking/api/v1/carts/{cart_id}")
        async def cart() -> Any:
            return self._cart()

        @self.app.post("/booking/api/v1/carts/{cart_id}/lines", status_code=201)
        async def add(request: Request) -> Any:
            self.lines.append(self.line_of(await request.json()))
            return self._cart()

        @self.app.post("/booking/api/v1/carts/{cart_id}/checkout", status_code=201)
        async def checkout() -> Any:
            self.cart_status = "CHECKED_OUT"
            return {
                "booking_id": f"bk-{self.carts}",
                "guest_token": "token-of-booking",
                "checkout_token": "checkout-token",
            }

        @self.app.get("/booking/api/v1/bookings/{booking_id}")
        async def booking(booking_id: str, request: Request) -> Any:
            known = request.headers["authorization"] == "Bearer token-of-booking"
            return {**self.booking, "booking_id": booking_id} if known else problem(404, "not-found", "No.")

    def _fulfillment_routes(self) -> None:
        @self.app.get("/fulfillment/api/v1/invoices/{invoice_id}.pdf")
        async def pdf(request: Request) -> Any:
            known = request.headers["authorization"] == "Bearer token-of-booking"
            return Response(b"%PDF-1.7 of invoice", media_type="application/pdf") if known else problem(404, "x", "No.")

    def _payment_routes(self) -> None:
        @self.app.post("/payment/api/v1/payments/public/options")
        async def options() -> Any:
            return {
                "options": [
                    {
                        "gateway": name,
                        "available": True,
                        "collection": "save_method" if self.saves else self.collection,
                        "charge_at": "2099-11-20T09:30:00Z" if self.saves else None,
                    }
                    for name in self.ways
                ]
            }

        @self.app.get("/payment/api/v1/payments/{payment_id}")
        async def payment() -> Any:
            return {"attempts": [{"decline": self.decline}]}

        @self.app.post("/payment/api/v1/payments/public/create-order", status_code=201)
        async def create_order(request: Request) -> Any:
            gateway = (await request.json())["gateway"]
            needed = {
                "razorpay": {"razorpay_order_id": "order_1", "key_id": "rzp_test_1"},
                "stripe": {
                    "payment_intent_id": "pi_1",
                    "client_secret": "pi_1_secret_1",
                    "publishable_key": "pk_test_1",
                },
                "phonepe": {"payment_url": f"{SIMULATORS}/phonepe/transact/o-1?token=t"},
            }[gateway]
            if self.saves:
                needed = {
                    "setup_intent_id": "seti_1",
                    "client_secret": "seti_1_secret_1",
                    "publishable_key": "pk_test_1",
                    "collection": "save_method",
                    "charge_at": "2099-11-20T09:30:00Z",
                }
            return {
                "payment_id": "payment-1",
                "status": "created",
                "amount": 99900,
                "amount_minor": 99900,
                "currency": "INR",
                **needed,
            }

        @self.app.post("/payment/api/v1/payments/public/verify", status_code=202)
        async def verify() -> Any:
            return {"success": True, "payment_status": "captured"}


class Buyer:
    """Somebody with a browser in front of the storefront."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, **arguments: Any) -> httpx2.Response:
        """Load a page, without following redirects."""
        return await self.client.get(path, **arguments)

    async def send(self, path: str, fields: dict[str, str], page: str = "") -> httpx2.Response:
        """Send the form of `page` (else of `path`) to `path`."""
        found = _CSRF.search((await self.client.get(page or path)).text)
        assert found is not None
        return await self.client.post(path, data={"csrf": found.group(1), **fields})

    async def choose(self, **changes: str) -> httpx2.Response:
        """Fill the course form."""
        fields = {
            "key": "key-of-the-form",
            "tier": "10",
            "weekday_0": "yes",
            "weekday_3": "yes",
            "time_slot": "18:00",
            "time_zone": "Asia/Kolkata",
            "starts_on": "2099-01-05",
            "gender": "female",
        }
        return await self.send(f"/courses/{OFFER}", {**fields, **changes})

    async def check_out(self) -> httpx2.Response:
        """Fill a cart and check it out."""
        await self.choose()
        fields = {"key": "key-2", "name": "Asha Rao", "email": "asha@example.com", "phone": ""}
        return await self.send("/checkout", fields)


@pytest.fixture
def fakes() -> Fakes:
    """Booking and payment."""
    return Fakes()


@pytest_asyncio.fixture
async def buyer(fakes: Fakes) -> AsyncIterator[Buyer]:
    """Somebody who comes to the shop."""
    settings = StorefrontSettings(
        booking_url="http://services/booking",
        payment_url="http://services/payment",
        fulfillment_url="http://services/fulfillment",
        simulators_url=SIMULATORS,
        token_secret=SecretStr("a secret of the tests, 32 bytes at least"),
    )
    app = build(settings, httpx2.ASGITransport(app=fakes.app))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app, client=(BUYER_ADDRESS, 5)), base_url="https://shop.test"
        ) as client,
    ):
        yield Buyer(client)
