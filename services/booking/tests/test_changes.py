"""Cancelling by a signed quote, another time for a session, and the expert's word, over HTTP on a real database."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from chassis.work import Database
from services.booking.handlers.attendance import complete_past
from services.booking.tests.consultations import STRATEGY, bearer, book, free, paid_session, pay, told

EXPERT = bearer("exp-jonas", "expert")
ADMIN = bearer("admin", "admin")


async def post(http: httpx2.AsyncClient, path: str, header: dict[str, str], **body: Any) -> httpx2.Response:
    """A POST below /api/v1."""
    return await http.post(f"/api/v1/{path}", json=body, headers=header)


@pytest.mark.parametrize(("hours", "refund_minor"), [(25, 249900), (23, 124950), (5, 124950), (3, 0), (1, 0)])
async def test_a_quote_follows_the_policy_and_cancelling_executes_exactly_it(
    http: httpx2.AsyncClient, database: Database, hours: float, refund_minor: int
) -> None:
    checkout, buyer = await paid_session(http, database, hours_ahead=hours)
    path = f"bookings/{checkout['booking_id']}"
    quote = (await post(http, f"{path}/refund-quote", buyer)).json()
    assert (quote["refund_minor"], quote["kept_minor"]) == (refund_minor, 249900 - refund_minor)
    assert sum(line["refund_minor"] for line in quote["lines"]) == refund_minor
    answer = await post(http, f"{path}/cancel", buyer, quote_id=quote["quote_id"], reason="I am ill")
    assert (answer.status_code, answer.json()["refund_minor"]) == (200, refund_minor)
    events = dict(await told(database, checkout["booking_id"]))
    assert events["booking.cancelled"]["refund_minor"] == refund_minor
    assert ("refund.due" in events) == bool(refund_minor)
    if refund_minor:
        assert (events["refund.due"]["amount_minor"], events["refund.due"]["refund_key"]) == (refund_minor, "cancelled")
    assert "ill" not in str(events), "the buyer's own words stay with booking"
    shown = (await http.get(f"/api/v1/{path}", headers=buyer)).json()
    assert (shown["status"], shown["cancellation"]["refund_minor"]) == ("CANCELLED", refund_minor)
    again = await post(http, f"{path}/cancel", buyer, quote_id=quote["quote_id"])
    assert again.status_code == 409


async def test_ten_cancellations_at_once_give_back_once(http: httpx2.AsyncClient, database: Database) -> None:
    checkout, buyer = await paid_session(http, database)
    path = f"bookings/{checkout['booking_id']}"
    quote = (await post(http, f"{path}/refund-quote", buyer)).json()["quote_id"]
    answers = await asyncio.gather(*(post(http, f"{path}/cancel", buyer, quote_id=quote) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    kinds = [kind for kind, _ in await told(database, checkout["booking_id"])]
    assert (kinds.count("refund.due"), kinds.count("booking.cancelled")) == (1, 1)


async def test_the_expert_and_an_administrator_cancelling_at_once_give_back_once(
    http: httpx2.AsyncClient, database: Database
) -> None:
    checkout, _ = await paid_session(http, database)
    path = f"bookings/{checkout['booking_id']}/cancel"
    answers = await asyncio.gather(*(post(http, path, header) for header in (EXPERT, ADMIN) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert [kind for kind, _ in await told(database, checkout["booking_id"])].count("refund.due") == 1


async def test_a_cancelled_hour_is_free_for_others(http: httpx2.AsyncClient, database: Database) -> None:
    checkout, buyer = await paid_session(http, database)
    start = checkout["lines"][0]["session"]["starts_at"].replace("+00:00", "Z")
    assert start not in await free(http)
    quote = (await post(http, f"bookings/{checkout['booking_id']}/refund-quote", buyer)).json()["quote_id"]
    (await post(http, f"bookings/{checkout['booking_id']}/cancel", buyer, quote_id=quote)).raise_for_status()
    assert start in await free(http)


async def test_a_quote_that_is_missing_foreign_edited_or_overtaken_cancels_nothing(
    http: httpx2.AsyncClient, database: Database
) -> None:
    (mine, buyer), (other, other_buyer) = await paid_session(http, database), await paid_session(http, database)
    path = f"bookings/{mine['booking_id']}"
    foreign = (await post(http, f"bookings/{other['booking_id']}/refund-quote", other_buyer)).json()["quote_id"]
    good = (await post(http, f"{path}/refund-quote", buyer)).json()["quote_id"]
    for bad in (None, "", "x.y.z", foreign, good[:-4] + "AAAA", mine["checkout_token"]):
        answer = await post(http, f"{path}/cancel", buyer, quote_id=bad)
        assert answer.status_code == 422, bad
        assert answer.json()["errors"][0]["pointer"] == "/quote_id"
    target = (await free(http, days=20))[0]
    (await post(http, f"{path}/reschedule", buyer, starts_at=target)).raise_for_status()
    assert (await post(http, f"{path}/cancel", buyer, quote_id=good)).status_code == 412
    assert (await post(http, f"{path}/cancel", other_buyer, quote_id=good)).status_code == 404
    assert (await post(http, f"{path}/cancel", bearer("op", "ops"), quote_id=good)).status_code == 403
    assert (await http.get(f"/api/v1/{path}", headers=buyer)).json()["status"] == "CONFIRMED"


async def test_an_unpaid_checkout_is_given_up_without_a_quote_and_late_money_goes_back(
    http: httpx2.AsyncClient, database: Database
) -> None:
    start = (await free(http))[0]
    checkout = (await book(http, start)).json()
    buyer = {"Authorization": f"Bearer {checkout['guest_token']}"}
    path = f"bookings/{checkout['booking_id']}"
    assert (await post(http, f"{path}/refund-quote", buyer)).status_code == 409
    assert (await post(http, f"{path}/cancel", buyer)).json()["status"] == "CANCELLED"
    assert start in await free(http)
    await pay(database, checkout)
    kinds = [kind for kind, _ in await told(database, checkout["booking_id"])]
    assert kinds == ["checkout.opened", "hold.expired", "refund.due"]


async def test_a_session_moves_with_its_booking_id_and_payment_is_told_until_when(
    http: httpx2.AsyncClient, database: Database
) -> None:
    checkout, buyer = await paid_session(http, database, offer_id=STRATEGY)
    path = f"bookings/{checkout['booking_id']}"
    before, target = checkout["lines"][0]["session"]["starts_at"], (await free(http, STRATEGY, days=30))[2]
    moved = await post(http, f"{path}/reschedule", buyer, starts_at=target)
    assert (moved.status_code, moved.json()["starts_at"]) == (200, target)
    same = await post(http, f"{path}/reschedule", buyer, starts_at=target)
    assert same.status_code == 200
    changes = [body for kind, body in await told(database, checkout["booking_id"]) if kind == "booking.rescheduled"]
    (change,) = changes
    assert datetime.fromisoformat(change["previous_starts_at"]) == datetime.fromisoformat(before)
    ends_at = datetime.fromisoformat(target) + timedelta(hours=1)
    assert datetime.fromisoformat(change["service_ends_at"]) == ends_at
    shown = (await http.get(f"/api/v1/{path}", headers=buyer)).json()
    assert (shown["reference"], shown["lines"][0]["session"]["starts_at"]) == (checkout["reference"], target)
    assert target not in await free(http, STRATEGY, days=30)
    assert before.replace("+00:00", "Z") in await free(http, STRATEGY)


async def test_a_taken_or_impossible_time_moves_nothing(http: httpx2.AsyncClient, database: Database) -> None:
    checkout, buyer = await paid_session(http, database)
    path = f"bookings/{checkout['booking_id']}/reschedule"
    taken = (await free(http))[3]
    (await book(http, taken)).raise_for_status()
    assert (await post(http, path, buyer, starts_at=taken)).json()["type"].endswith("slot-taken")
    odd = datetime.fromisoformat(taken) + timedelta(minutes=7)
    assert (await post(http, path, buyer, starts_at=odd.isoformat())).status_code == 422
    assert (await post(http, path, buyer, starts_at=taken, line_id="nothing")).status_code == 409
    assert "booking.rescheduled" not in dict(await told(database, checkout["booking_id"]))


async def test_a_late_move_is_free_once_and_keeps_its_claim_to_money(
    http: httpx2.AsyncClient, database: Database
) -> None:
    checkout, buyer = await paid_session(http, database, hours_ahead=3)
    path = f"bookings/{checkout['booking_id']}"
    far = await free(http, days=40)
    assert (await post(http, f"{path}/reschedule", buyer, starts_at=far[0])).status_code == 200
    quote = (await post(http, f"{path}/refund-quote", buyer)).json()
    assert (quote["percent"], quote["refund_minor"]) == (0, 0), "moving it far away does not bring the money back"
    async with database.transaction() as work:
        await work.execute(
            "UPDATE slots SET starts_at = now() + interval '3 hours', ends_at = now() + interval '4 hours'"
        )
    refused = await post(http, f"{path}/reschedule", buyer, starts_at=far[1])
    assert (refused.status_code, "possible once" in refused.json()["detail"]) == (409, True)
    async with database.transaction() as work:
        await work.execute(
            "UPDATE slots SET starts_at = now() + interval '1 hour', ends_at = now() + interval '2 hours'"
        )
    assert (await post(http, f"{path}/reschedule", buyer, starts_at=far[1])).status_code == 409
    assert (await post(http, f"{path}/reschedule", EXPERT, starts_at=far[1])).status_code == 200, "the expert may"


async def test_two_moves_to_one_hour_at_once_leave_one_there(http: httpx2.AsyncClient, database: Database) -> None:
    (one, first), (two, second) = await paid_session(http, database), await paid_session(http, database)
    target = (await free(http, days=20))[0]
    answers = await asyncio.gather(
        post(http, f"bookings/{one['booking_id']}/reschedule", first, starts_at=target),
        post(http, f"bookings/{two['booking_id']}/reschedule", second, starts_at=target),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_the_expert_s_word_is_told_once_and_only_after_the_beginning(
    http: httpx2.AsyncClient, database: Database
) -> None:
    early, _ = await paid_session(http, database)
    assert (await post(http, f"sessions/{early['booking_id']}/complete", EXPERT)).status_code == 409
    checkout, buyer = await paid_session(http, database, hours_ahead=-0.5)
    path = f"sessions/{checkout['booking_id']}/complete"
    assert (await post(http, path, buyer)).status_code == 403
    assert (await post(http, path, bearer("exp-maya", "expert"))).status_code == 404
    assert (await post(http, path, EXPERT)).status_code == 200
    assert (await post(http, path, EXPERT)).status_code == 200
    assert (await post(http, f"sessions/{checkout['booking_id']}/no-show", EXPERT, absent="buyer")).status_code == 409
    said = [body for kind, body in await told(database, checkout["booking_id"]) if kind == "session.completed"]
    assert [(item["outcome"], item["last"]) for item in said] == [("took_place", True)]
    shown = (await http.get(f"/api/v1/bookings/{checkout['booking_id']}", headers=buyer)).json()
    assert shown["status"] == "COMPLETED"
    assert (await post(http, f"bookings/{checkout['booking_id']}/refund-quote", buyer)).status_code == 409


async def test_who_does_not_come_decides_where_the_money_goes(http: httpx2.AsyncClient, database: Database) -> None:
    buyer_away, _ = await paid_session(http, database, hours_ahead=-0.5)
    (await post(http, f"sessions/{buyer_away['booking_id']}/no-show", EXPERT, absent="buyer")).raise_for_status()
    assert dict(await told(database, buyer_away["booking_id"]))["session.completed"]["outcome"] == "buyer_absent"
    expert_away, _ = await paid_session(http, database, hours_ahead=-0.25, offer_id=STRATEGY)
    (await post(http, f"sessions/{expert_away['booking_id']}/no-show", ADMIN, absent="expert")).raise_for_status()
    events = dict(await told(database, expert_away["booking_id"]))
    assert events["refund.due"]["amount_minor"] == 80000
    assert "session.completed" not in events


async def test_a_buyer_whose_expert_did_not_come_puts_it_before_a_person(
    http: httpx2.AsyncClient, database: Database
) -> None:
    early, early_buyer = await paid_session(http, database)
    refused = await post(http, f"sessions/{early['booking_id']}/no-show", early_buyer, absent="expert")
    assert refused.status_code == 409
    checkout, buyer = await paid_session(http, database, hours_ahead=-2, offer_id=STRATEGY)
    path = f"sessions/{checkout['booking_id']}/no-show"
    assert (await post(http, path, buyer, absent="buyer")).status_code == 403
    for _ in range(2):
        assert (await post(http, path, buyer, absent="expert")).json()["lines"][0]["outcome"] == "contested"
    kinds = [kind for kind, _ in await told(database, checkout["booking_id"])]
    assert kinds.count("session.contested") == 1
    assert await complete_past(database) == 0, "nothing is settled by the clock while a person decides"
    cases = (await http.get("/api/v1/admin/cases", headers=ADMIN)).json()["cases"]
    assert [(case["kind"], case["booking_id"]) for case in cases] == [("session-contested", checkout["booking_id"])]
    assert (await post(http, f"sessions/{checkout['booking_id']}/complete", ADMIN)).status_code == 200


async def test_the_expert_cancels_with_all_money_back(http: httpx2.AsyncClient, database: Database) -> None:
    checkout, _ = await paid_session(http, database, hours_ahead=1)
    answer = await post(http, f"bookings/{checkout['booking_id']}/cancel", EXPERT, reason="strike")
    assert (answer.status_code, answer.json()["refund_minor"]) == (200, 249900)


async def test_without_a_word_a_session_took_place_half_an_hour_after_its_end(
    http: httpx2.AsyncClient, database: Database
) -> None:
    just, _ = await paid_session(http, database, hours_ahead=-1.4)
    assert await complete_past(database) == 0
    async with database.transaction() as work:
        await work.execute(
            "UPDATE slots SET starts_at = starts_at - interval '7 minutes', ends_at = ends_at - interval '7 minutes'"
        )
    assert await complete_past(database) == 1
    assert dict(await told(database, just["booking_id"]))["session.completed"]["last"] is True
    assert await complete_past(database) == 0
