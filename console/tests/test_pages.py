"""What the console's pages say and do."""

from __future__ import annotations

import hashlib
from pathlib import Path

from console.tests.conftest import Person
from console.tests.fakes import BOOKING, HOSTILE, Fakes, message

VENDOR = Path(__file__).parents[1] / "static" / "vendor"


async def test_the_overview_shows_lag_tasks_dead_letters_and_money_at_risk(admin: Person) -> None:
    page = (await admin.get("/")).text
    for words in ("₹41,958.00", "42 bookings", "1,840", "8.8 s", "breaker to razorpay is open"):
        assert words in page


async def test_a_service_that_is_away_is_named_and_the_others_still_show(admin: Person, fakes: Fakes) -> None:
    fakes.away = {"payment"}
    page = (await admin.get("/")).text
    assert "no broker" in page
    assert "1,840" in page


async def test_the_live_fragment_is_the_overview_without_its_frame(admin: Person) -> None:
    page = (await admin.get("/live/overview", headers={"x-live": "1"})).text
    assert "1,840" in page
    assert "<html" not in page


async def test_dead_letters_of_all_services_are_listed_and_paged_without_loss(admin: Person) -> None:
    first = (await admin.get("/dead-letters")).text
    for reference in ("fulfillment:1", "fulfillment:5", "booking:9"):
        assert reference in first
    assert "after=fulfillment%3A5" in first
    second = (await admin.get("/dead-letters?after=fulfillment:5")).text
    assert "fulfillment:7" in second
    assert "booking:9" not in second


async def test_a_filter_by_step_asks_its_owner_alone(admin: Person, fakes: Fakes) -> None:
    fakes.calls.clear()
    page = (await admin.get("/dead-letters?step=booking.progress")).text
    assert "booking:9" in page
    assert "fulfillment:1" not in page
    assert [path for _, path, _, _ in fakes.calls] == ["/booking/ops/dead-letters"]


async def test_a_hostile_dead_letter_is_shown_as_text(admin: Person) -> None:
    for path in ("/dead-letters", "/dead-letters/booking/9"):
        page = (await admin.get(path)).text
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page
        assert "<img" not in page
        assert HOSTILE not in page
        assert "\u202e" not in page
        assert "\x1b" not in page


async def test_one_dead_letter_shows_payload_attempts_acts_and_who_may_act(admin: Person) -> None:
    page = (await admin.get("/dead-letters/fulfillment/2")).text
    for words in (
        "asha@example.com",
        "TrainerDirectoryAway",
        "the directory was restarted",
        "partition 7",
        'value="replay"',
    ):
        assert words in page


async def test_a_dead_letter_that_is_gone_says_so(admin: Person) -> None:
    page = await admin.get("/dead-letters/booking/77")
    assert "is resolved" in page.text
    assert (await admin.get("/dead-letters/nowhere/1")).status_code == 404


async def test_a_replay_carries_the_reason_the_episode_and_the_persons_own_token(admin: Person, fakes: Fakes) -> None:
    path = "/dead-letters/fulfillment/2"
    fakes.calls.clear()
    answer = await admin.send(path, {"act": "replay", "reason": "it is back", "episode": "0"}, page=path)
    assert answer.headers["location"] == path
    assert ("replay", "fulfillment:2", "", {"reason": "it is back", "episode": 0}) in fakes.calls
    tokens = {auth for method, _, auth, _ in fakes.calls if method == "POST"}
    assert tokens == {f"Bearer {admin.token}"}
    assert "on its way again" in (await admin.get(path)).text


async def test_a_dry_run_says_how_it_would_end(admin: Person, fakes: Fakes) -> None:
    path = "/dead-letters/fulfillment/2"
    await admin.send(path, {"act": "dry-run", "reason": "let me see"}, page=path)
    assert any(call[2] == "dry" for call in fakes.calls)
    page = (await admin.get(path)).text
    assert "it would fail again" in page
    assert "<img" not in page


async def test_an_act_without_a_reason_is_refused_here_and_never_sent(admin: Person, fakes: Fakes) -> None:
    for reason in ("", "  x "):
        answer = await admin.send("/dead-letters/fulfillment/2", {"act": "discard", "reason": reason}, page="/")
        assert answer.status_code == 422
    assert not [call for call in fakes.calls if call[0] == "discard"]


async def test_a_stale_click_shows_what_the_service_says(admin: Person, fakes: Fakes) -> None:
    fakes.refuse = {"title": "Not possible in the present state", "detail": "Somebody else acted first."}
    path = "/dead-letters/fulfillment/2"
    await admin.send(path, {"act": "discard", "reason": "because"}, page=path)
    assert "Somebody else acted first." in (await admin.get(path)).text


async def test_a_bulk_replay_takes_the_filter_and_shows_its_progress(admin: Person, fakes: Fakes) -> None:
    fields = {"step": "fulfillment.purchases", "error": "9f1c2ab34d", "reason": "it is back"}
    refused = await admin.send("/replays", fields, page="/")
    assert refused.status_code == 422
    answer = await admin.send("/replays", {**fields, "understood": "yes"}, page="/")
    assert answer.headers["location"] == f"/replays?run=fulfillment%3A{message(500)}"
    sent = {"step": "fulfillment.purchases", "fingerprint": "9f1c2ab34d", "reason": "it is back"}
    assert ("replays", "fulfillment", "", sent) in fakes.calls
    assert "running" in (await admin.get(answer.headers["location"])).text
    fakes.replays_left = 0
    assert "data-ended" in (await admin.get(f"/live/replays?run=fulfillment:{message(500)}")).text


async def test_a_purchase_shows_its_journey_as_picture_and_table(admin: Person) -> None:
    page = (await admin.get(f"/purchases/{BOOKING}")).text
    assert "BK-7Q2M4XKD" in page
    assert page.count('class="mark told"') == 7
    assert page.count('class="mark taken"') == 9
    assert page.count('class="arrow"') == 9
    for words in ("payment.events.v1", "1207", "SerializationFailure", "notification.deliveries"):
        assert words in page


async def test_a_booking_id_that_nobody_knows_says_so(admin: Person) -> None:
    answer = await admin.get("/purchases/%3Cscript%3E")
    assert answer.status_code == 404
    assert "No service knows" in answer.text
    assert "<script>" not in answer.text


async def test_a_service_that_is_away_leaves_a_hole_that_is_named(admin: Person, fakes: Fakes) -> None:
    fakes.away = {"notification"}
    page = (await admin.get(f"/purchases/{BOOKING}")).text
    assert "Its part of the journey is missing" in page
    assert "trainer.assigned" in page


async def test_search_leads_to_purchases_and_dead_letters(admin: Person) -> None:
    assert (await admin.get(f"/search?q=+{BOOKING}")).headers["location"] == f"/purchases/{BOOKING}"
    assert (await admin.get("/search?q=payment:12")).headers["location"] == "/dead-letters/payment/12"
    assert (await admin.get("/search?q=../x")).headers["location"] == "/purchases/..%2Fx"


def test_vendored_files_are_what_the_checksum_list_says() -> None:
    lines = [line.split("  ") for line in (VENDOR / "SHA256SUMS").read_text().splitlines()]
    listed = {name: digest for digest, name in lines}
    present = {path.name for path in VENDOR.iterdir()} - {"SHA256SUMS"}
    assert present == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest
