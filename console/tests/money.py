"""Payment's money routes with made-up data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import JSONResponse

from console.tests.samples import BOOKING, HOSTILE, message

if TYPE_CHECKING:
    from console.tests.fakes import Fakes

LONG = (
    "The gateway says that pi_3QnJcW2eZvKYlo2C0H7xXn1S_of_acct_1032D82eZvKYlo2C_and_charge_py_1QnJcX2eZvKYlo2C took it."
)
PATH = "/payment/api/v1/admin"


def money_routes(fakes: Fakes) -> None:
    """Give `fakes` the routes of the books, approvals, cases and reconciliation."""
    app = fakes.app

    @app.get(f"{PATH}/ledger/balances")
    async def balances() -> Any:
        rows = [("buyers", -99900), ("fees:stripe", 2927), ("gateway:stripe", 96973)]
        accounts = [{"account": a, "currency": "INR", "amount_minor": m, "entries": 1} for a, m in rows]
        return {"accounts": accounts, "balanced": True}

    @app.get("/booking/api/v1/admin/paid-not-fulfilled")
    async def standings() -> Any:
        parts = {"fulfilled_minor": 500_000, "refunded_minor": 59_900, "let_go_minor": 0, "in_time_minor": 0}
        total = {"currency": "INR", "bookings": 7, "paid_minor": 659_800, "at_risk_minor": 99_900, **parts}
        late = {"booking_id": BOOKING, "reference": "BK-449034CB", "state": "cancelled", "open_minor": 99_900}
        when = {"currency": "INR", "since": "2026-11-20T22:03:10Z"}
        return {"deadline_seconds": 300, "sums": [total], "bookings": [{**late, **when}], "more": False}

    @app.get(f"{PATH}/partners")
    async def partners() -> Any:
        sums = {"shared_minor": 240_000, "refunded_minor": 40_000, "paid_out_minor": 120_000, "owed_minor": 80_000}
        waits = {"currency": "INR", "frozen_minor": 16_000, "held_minor": 24_000, "next_batch_at": None}
        paid = {"gateway": "razorpay", "destination": "acc_lingua", "paused_reason": None}
        bare = {"gateway": None, "destination": None, "paused_reason": None}
        stopped = {**paid, "paused_reason": HOSTILE}
        known: dict[str, dict[str, Any]] = {"vnd-lingua": paid, "exp-asha": bare, "exp-ravi": stopped}
        return {"partners": [{"partner_id": name, **sums, **waits, **known[name]} for name in known]}

    @app.get(f"{PATH}/payouts")
    async def payouts() -> Any:
        item = {"id": message(8), "partner_id": "vnd-lingua", "gateway": "razorpay", "destination": "acc_lingua"}
        money = {"amount_minor": 120_000, "returned_minor": 0, "currency": "INR", "lines": 3}
        state = {"gateway_payout_id": "trf_1", "status": "failed", "reason": "account_closed"}
        when = {"created_at": "2026-11-20T22:03:10Z", "updated_at": "2026-11-20T22:03:10Z"}
        return {"payouts": [{**item, **money, **state, **when}], "next_page_token": None}

    @app.get(f"{PATH}/payments")
    async def payments(booking_id: str) -> Any:
        return {"payments": [payment_of(booking_id)] if booking_id == BOOKING else []}

    @app.put(PATH + "/partners/{partner_id}/payout-accounts/{currency}")
    async def account(partner_id: str, currency: str, request: Request) -> Any:
        body = await request.json()
        fakes.calls.append(("account", f"{partner_id}:{currency}", "", body))
        return {"partner_id": partner_id, "currency": currency, "destination": body["destination"]}

    @app.post(PATH + "/partners/{partner_id}/payout-accounts/{currency}/pause")
    async def pause(partner_id: str, currency: str, request: Request) -> Any:
        fakes.calls.append(("pause", f"{partner_id}:{currency}", "", await request.json()))
        return {"partner_id": partner_id, "currency": currency}

    @app.get(f"{PATH}/approvals")
    async def approvals() -> Any:
        item = {"act": "refund", "booking_id": BOOKING, "amount_minor": 7_500_000, "currency": "INR"}
        asked = {"id": message(7), "reason": HOSTILE, "asked_by": "grace", "asked_at": "2026-11-20T22:03:10Z"}
        return {"approvals": [{**item, **asked}]}

    @app.get(f"{PATH}/cases")
    async def cases(page_token: str | None = None) -> Any:
        number = 1 if page_token is None else 2
        case = {
            "id": message(number),
            "kind": f"amount-mismatch-{number}",
            "booking_id": BOOKING,
            "expected_minor": 99900,
            "seen_minor": 99_999_999_900,
            "currency": "INR",
            "detail": f"{HOSTILE} {LONG}",
            "deadline_at": "2026-11-21T22:03:10Z",
        }
        return {"cases": [case], "next_page_token": "more" if number == 1 else None}

    @app.get(f"{PATH}/reconciliation")
    async def reconciliation() -> Any:
        run = {"id": message(3), "gateway": "stripe", "since": "2026-11-19T00:00:00Z", "until": "2026-11-20T00:00:00Z"}
        counts = {"compared": 1200, "mended": 3, "differing": 1, "failure": None, "ended_at": "2026-11-20T00:01:00Z"}
        difference = {"kind": "captured", "gateway_payment_id": "ch_1", "ours": "99900", "theirs": "99800"}
        act = {"mended": False, "proposed": "Compare the captured amount."}
        return {"runs": [{**run, **counts}], "differences": [{**difference, **act}]}

    @app.post(PATH + "/{what}/{identifier}/{verb}")
    async def act(what: str, identifier: str, verb: str, request: Request) -> Any:
        fakes.calls.append((verb, f"{what}:{identifier}", "", await request.json()))
        if fakes.refuse is not None:
            return JSONResponse(fakes.refuse, 403)
        return {"status": verb}


def payment_of(booking_id: str) -> dict[str, Any]:
    """An authorized payment with a declined attempt before it and a refund."""
    when, sums = "2026-11-20T22:03:10Z", {"captured_minor": 0, "refunded_minor": 0}
    declined = {"gateway_payment_id": "ch_declined", "status": "failed", "reason": HOSTILE, "surplus": False}
    held = {"gateway_payment_id": "ch_held", "status": "authorized", "reason": None, "surplus": False}
    attempt = {"currency": "INR", "late": False, "created_at": when, **sums}
    back = {"id": message(6), "gateway_refund_id": "re_1", "status": "sent", "amount_minor": 10_000, "currency": "INR"}
    plan = {"plan_why": "authorized now, captured after the service", "capture_at": when, "capture_before": when}
    return {
        "payment_id": message(5),
        "booking_id": booking_id,
        "gateway": "stripe",
        "status": "authorized",
        "amount_minor": 99_900,
        "currency": "INR",
        "fee_minor": 0,
        "duplicate_of": None,
        **sums,
        **plan,
        "attempts": [{**attempt, **declined}, {**attempt, **held}],
        "refunds": [{**back, "reason": "a kind gesture", "created_at": when}],
    }
