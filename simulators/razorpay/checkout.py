"""Razorpay's checkout in the browser: the script that merchants load, and the hosted page that it opens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader

from simulators.razorpay.instruments import CARDS, DECLINES

if TYPE_CHECKING:
    from simulators.razorpay.vendor import Razorpay

_PAGES = Path(__file__).with_name("pages")
_templates = Environment(loader=FileSystemLoader(_PAGES), autoescape=True)
_CSP = "default-src 'none'; script-src 'self'; style-src 'self'; form-action *; base-uri 'none'; connect-src 'self'"


def checkout(vendor: Razorpay) -> APIRouter:
    """The checkout of `vendor`, below /razorpay."""
    router = APIRouter()

    @router.get("/v1/checkout.js")
    async def script() -> Response:
        return FileResponse(_PAGES / "checkout.js", media_type="text/javascript")

    @router.get("/checkout/assets/{name}")
    async def asset(name: str) -> Response:
        if name not in ("page.css", "page.js"):
            return Response(status_code=404)
        return FileResponse(_PAGES / name)

    @router.get("/checkout/{order_id}")
    async def page(
        request: Request, order_id: str, key: str, callback_url: str = "", embedded: bool = False
    ) -> Response:
        order = vendor.books.order(order_id)
        if key != vendor.keys.key_id:
            return HTMLResponse("The key is not known.", 401)
        return _page(order, key, callback_url, embedded, None)

    _paying(router, vendor)
    return router


def _paying(router: APIRouter, vendor: Razorpay) -> None:
    @router.post("/checkout/{order_id}/pay")
    async def pay(
        order_id: str,
        key: Annotated[str, Form()],
        act: Annotated[str, Form()] = "pay",
        method: Annotated[str, Form()] = "card",
        card_number: Annotated[str, Form()] = "",
        vpa: Annotated[str, Form()] = "",
        callback_url: Annotated[str, Form()] = "",
        embedded: Annotated[bool, Form()] = False,
    ) -> Any:
        if act == "cancel":
            outcome = "dismiss"
        elif method == "upi":
            outcome = "success" if vpa == "success@razorpay" else "decline:payment_cancelled"
        else:
            reason = CARDS.get("".join(card_number.split()))
            outcome = f"decline:{reason}" if reason else "success"
        answer = vendor.customer_pays(order_id, outcome, method=method)
        if embedded:
            return answer
        if "razorpay_signature" in answer and callback_url:
            return HTMLResponse(
                _templates.get_template("return.html").render(url=callback_url, fields=answer),
                headers={"Content-Security-Policy": _CSP},
            )
        if answer.get("dismissed") and callback_url:
            return RedirectResponse(callback_url, 303)
        return _page(vendor.books.order(order_id), key, callback_url, embedded, answer.get("error"))


def _page(order: dict[str, Any], key: str, callback_url: str, embedded: bool, error: dict[str, Any] | None) -> Response:
    html = _templates.get_template("page.html").render(
        order=order,
        amount=f"{order['amount'] // 100}.{order['amount'] % 100:02d}",
        key=key,
        callback_url=callback_url,
        embedded=embedded,
        error=error,
        cards=[(number, DECLINES[reason]) for number, reason in CARDS.items()],
    )
    return HTMLResponse(html, headers={"Content-Security-Policy": _CSP})
