"""Assignment and schedule, pure: many is the same as one by one, rules are named, clocks change and lessons do not."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.machine import Ignore, Move
from services.fulfillment.domain.assignment import Trainer, Wish, assign, distance_km
from services.fulfillment.domain.invoices import lines_for, number_text, session_lines_for
from services.fulfillment.domain.meetings import Meeting
from services.fulfillment.domain.schedule import lay_out
from services.fulfillment.domain.states import MeetingState as M
from services.fulfillment.domain.states import MeetingTrigger as MT
from services.fulfillment.domain.transitions import MEETING

SLOTS = ("09:00", "10:00")
wishes = st.lists(
    st.builds(
        Wish,
        specialty=st.sampled_from(["a", "b"]),
        time_slot=st.sampled_from(SLOTS),
        weekdays=st.sampled_from([(0,), (1,), (0, 1)]),
        gender=st.sampled_from([None, "female", "male"]),
    ),
    max_size=30,
)
rooms = st.lists(
    st.tuples(
        st.sampled_from(["female", "male"]), st.integers(0, 5), st.lists(st.integers(0, 6), min_size=4, max_size=4)
    ),
    max_size=6,
)


def _trainers(rooms: list[tuple[str, int, list[int]]]) -> dict[str, list[Trainer]]:
    made = [
        Trainer(
            f"t{n}",
            gender,
            None,
            None,
            load,
            {(day, slot): free[2 * day + i] for day in (0, 1) for i, slot in enumerate(SLOTS)},
        )
        for n, (gender, load, free) in enumerate(rooms)
    ]
    return {"a": made, "b": made[::2]}


@given(wishes, rooms)
def test_deciding_for_many_is_deciding_one_by_one(wishes: list[Wish], rooms: list[tuple[str, int, list[int]]]) -> None:
    together, one_by_one = _trainers(rooms), _trainers(rooms)
    batch = assign(wishes, together)
    singles = [assign([wish], one_by_one)[0] for wish in wishes]
    assert [d.trainer_id for d in batch] == [d.trainer_id for d in singles]
    assert [t.load for t in together["a"]] == [t.load for t in one_by_one["a"]]


@given(wishes, rooms)
def test_the_choice_is_the_least_loaded_of_those_that_fit_and_everybody_else_has_a_reason(
    wishes: list[Wish], rooms: list[tuple[str, int, list[int]]]
) -> None:
    trainers = _trainers(rooms)
    for wish in wishes:
        group = trainers[wish.specialty]
        fitting = [t for t in group if (wish.gender in (None, t.gender)) and t.has_room(wish)]
        best = min(fitting, key=lambda t: (t.load, t.trainer_id)).trainer_id if fitting else None
        (decision,) = assign([wish], trainers)
        assert decision.trainer_id == best
        assert decision.considered == tuple(t.trainer_id for t in group)
        if best is None:
            assert {t for removed in decision.removed.values() for t in removed} == set(decision.considered)


def test_distance_removes_whoever_is_too_far_or_has_no_place() -> None:
    bengaluru, mumbai = (12.97, 77.59), (19.07, 72.87)
    assert 820 < distance_km(bengaluru, mumbai) < 860
    free = {(0, "10:00"): 1}
    group = [Trainer("near", "female", *bengaluru, 9, free), Trainer("far", "male", *mumbai, 0, dict(free))]
    group.append(Trainer("nowhere", "male", None, None, 0, dict(free)))
    wish = Wish("a", "10:00", (0,), None, *bengaluru, 50.0)
    (decision,) = assign([wish], {"a": group})
    assert (decision.trainer_id, decision.removed) == ("near", {"distance": ("far", "nowhere")})


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Asia/Kathmandu"])
def test_sessions_keep_their_local_hour_across_clock_changes(zone: str) -> None:
    instants = lay_out(30, (0, 2, 4), "09:00", "2026-10-01", zone)
    local = [instant.astimezone(ZoneInfo(zone)) for instant in instants]
    assert {(at.hour, at.minute) for at in local} == {(9, 0)}
    assert {at.weekday() for at in local} == {0, 2, 4}
    assert list(instants) == sorted(set(instants))


def test_an_hour_that_does_not_exist_moves_forward() -> None:
    (instant,) = lay_out(10, (6,), "02:30", "2026-03-29", "Europe/Berlin")[:1]
    assert instant.astimezone(ZoneInfo("Europe/Berlin")) == datetime(
        2026, 3, 29, 3, 30, tzinfo=ZoneInfo("Europe/Berlin")
    )


def test_an_invoice_says_what_was_bought_and_sums_up() -> None:
    lines = lines_for("Mathematics", 10, 99900)
    assert sum(line["amount_minor"] for line in lines) == 99900
    assert session_lines_for("Strategy", "Maya Iyer", 2500) == (
        {"text": "Strategy, with Maya Iyer", "kind": "session", "quantity": 1, "amount_minor": 2500},
    )
    assert number_text("PF", 2026, 42) == "PF-2026-000042"


MOVES = {
    (M.LIVE, MT.MOVED): M.MOVED,
    (M.LIVE, MT.HELD): M.HELD,
    (M.LIVE, MT.CANCELLED): M.REMOVED,
    (M.MOVED, MT.MOVED): M.MOVED,
    (M.MOVED, MT.HELD): M.HELD,
    (M.MOVED, MT.CANCELLED): M.REMOVED,
}


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(M, MT)))
def test_a_meeting_answers_every_pair_and_ignores_what_comes_late(state: M, trigger: MT) -> None:
    decision = MEETING.decide(state, trigger)
    if (state, trigger) in MOVES:
        assert decision == Move(MOVES[state, trigger])
    else:
        assert isinstance(decision, Ignore)
        assert decision.reason


def test_the_latest_word_about_a_meetings_time_stands_whatever_comes_first() -> None:
    at, said = datetime(2027, 1, 4, 4, 30, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC)
    words = [(at + timedelta(days=n), at + timedelta(days=n, hours=1), said + timedelta(minutes=n)) for n in range(3)]
    for order in itertools.permutations([*words, words[1]]):
        meeting = Meeting(M.LIVE, at, at + timedelta(hours=1))
        for word in order:
            meeting.move(*word)
        assert (meeting.state, meeting.starts_at, meeting.rescheduled_at) == (M.MOVED, words[2][0], words[2][2])
    again = meeting.move(*words[1])
    assert isinstance(again, Ignore)
    assert again.reason


def test_a_meeting_that_was_held_or_removed_keeps_its_time() -> None:
    at = datetime(2027, 1, 4, 4, 30, tzinfo=UTC)
    for state in (M.HELD, M.REMOVED):
        meeting = Meeting(state, at, at + timedelta(hours=1))
        assert isinstance(meeting.move(at + timedelta(days=1), at + timedelta(days=2), at), Ignore)
        assert meeting == Meeting(state, at, at + timedelta(hours=1))
