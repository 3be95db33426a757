"""Joining the services' timelines, and drawing them."""

from __future__ import annotations

import httpx2
import pytest

from console import drawing
from console.journeys import _joined, gather, journey
from console.tests.fakes import BOOKING, Fakes
from console.upstream import Services, UpstreamError

URLS = {name: f"http://services/{name}" for name in ("booking", "payment", "fulfillment", "notification")}


async def test_what_other_services_took_joins_what_one_told(fakes: Fakes) -> None:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=fakes.app)) as client:
        entries = await journey(client, URLS, "token", BOOKING)
    assert len(entries) == 17
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
    taken = [entry for entry in entries if entry.get("step") == "notification.recipients"]
    assert [(entry["service"], entry["type"]) for entry in taken] == [("notification", "booking.confirmed")]


async def test_a_journey_with_a_service_away_raises_or_names_it(fakes: Fakes) -> None:
    fakes.away = {"payment"}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=fakes.app)) as client:
        with pytest.raises(UpstreamError, match="payment"):
            await journey(client, URLS, "token", BOOKING)
        entries, missing = await gather(Services(client, URLS, "token"), BOOKING)
    assert set(missing) == {"payment"}
    assert entries


def test_in_one_transaction_what_was_taken_stands_before_what_was_told() -> None:
    parts = {
        "booking": [{"at": "2026-11-20T22:00:00Z", "what": "told"}, {"at": "2026-11-20T22:00:00Z", "what": "taken"}]
    }
    assert [entry["what"] for entry in _joined(parts)] == ["taken", "told"]


def _entry(seconds: float, service: str = "booking", what: str = "told") -> dict[str, str]:
    return {"at": f"2026-11-20T22:{int(seconds // 60):02d}:{seconds % 60:09.6f}Z", "service": service, "what": what}


def test_the_picture_fills_its_room_and_keeps_the_order_of_time() -> None:
    picture = drawing.draw([_entry(0), _entry(0.004, "payment"), _entry(3), _entry(1500)])
    assert picture is not None
    xs = [mark.x for mark in picture.marks]
    assert xs == sorted(xs)
    assert 1100 < picture.width < 1200


def test_entries_of_one_instant_do_not_hide_each_other() -> None:
    picture = drawing.draw([_entry(0), _entry(0), _entry(0)])
    assert picture is not None
    assert len({(mark.x, mark.y) for mark in picture.marks}) == 3


def test_a_long_journey_gets_the_room_it_needs() -> None:
    picture = drawing.draw([_entry(second * 20) for second in range(60)])
    assert picture is not None
    assert picture.width > 3000


def test_nothing_and_times_that_cannot_be_read_draw_no_picture() -> None:
    assert drawing.draw([]) is None
    assert drawing.draw([{"at": "soon", "service": "booking", "what": "told"}]) is None
