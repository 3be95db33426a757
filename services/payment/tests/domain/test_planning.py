"""The capture planner: no plan points past a gateway's deadline, and the plans of everyday offers are the expected ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.payment.domain import planning
from services.payment.domain.capabilities import Capabilities, CaptureMode
from services.payment.domain.planning import AFTER_SERVICE_WAIT, MARGIN, Collection, plan

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BOTH = frozenset({CaptureMode.AUTOMATIC, CaptureMode.MANUAL})
WEEK = 7 * 86_400.0
OFF_SESSION = 114 * 3600.0
HOLDS_A_WEEK = Capabilities(
    BOTH,
    partial_capture=True,
    void=True,
    saves_methods=True,
    authorization_seconds=WEEK,
    off_session_seconds=OFF_SESSION,
)
HOLDS_THREE_DAYS = Capabilities(BOTH, authorization_seconds=3 * 86_400.0)
CAPTURES_AT_ONCE = Capabilities(frozenset({CaptureMode.AUTOMATIC}))

capabilities = st.builds(
    Capabilities,
    capture_modes=st.sampled_from([BOTH, frozenset({CaptureMode.AUTOMATIC}), frozenset({CaptureMode.MANUAL})]),
    saves_methods=st.booleans(),
    authorization_seconds=st.floats(0, 30 * 86_400),
    off_session_seconds=st.floats(0, 30 * 86_400),
)
dates = st.none() | st.timedeltas(timedelta(days=-30), timedelta(days=400)).map(lambda d: NOW + d)
jumps = st.timedeltas(timedelta(0), timedelta(days=40))


@given(st.sampled_from(sorted(planning.POLICIES)), dates, capabilities)
def test_no_plan_authorizes_what_cannot_be_captured_before_the_deadline(
    policy: str, ends_at: datetime | None, can: Capabilities
) -> None:
    planned = plan(policy, ends_at, can, NOW)
    if planned is None:
        return
    assert planned.capture_mode in can.capture_modes
    held = timedelta(seconds=can.authorization_seconds)
    wished = planning.wished_capture(ends_at, NOW)
    if planned.collection is Collection.AUTHORIZE_NOW:
        assert wished + MARGIN <= NOW + held
    if planned.collection is Collection.SAVE_METHOD:
        assert can.saves_methods
        assert planned.authorize_at is not None
        assert planned.authorize_at > NOW
        assert planned.authorize_at < wished
        assert wished + MARGIN <= planned.authorize_at + held
        assert wished + MARGIN <= planned.authorize_at + timedelta(seconds=can.off_session_seconds)
        until = planning.charge_deadline(planned.authorize_at, ends_at)
        assert ends_at is not None
        assert planned.authorize_at + MARGIN - AFTER_SERVICE_WAIT <= until <= ends_at - MARGIN
    else:
        assert planned.authorize_at is None


@given(dates, capabilities, jumps)
def test_a_saved_method_charged_late_is_held_only_if_its_capture_is_safe_and_else_taken_soon(
    ends_at: datetime | None, can: Capabilities, late: timedelta
) -> None:
    planned = plan(planning.AFTER_SERVICE, ends_at, can, NOW)
    if planned is None or planned.authorize_at is None:
        return
    now = planned.authorize_at + late
    mode = planning.charge_mode(ends_at, can, now)
    assert mode in can.capture_modes
    assert mode is CaptureMode.MANUAL, "a hold made later than planned reaches farther"
    capture_before = now + timedelta(seconds=can.off_session_seconds)
    at = planning.capture_at(ends_at, capture_before, now)
    assert now <= at <= capture_before - MARGIN
    assert ends_at is not None
    if now >= ends_at + AFTER_SERVICE_WAIT:
        assert at == now, "the service is over: captured soon"


def test_a_method_that_cannot_be_held_until_its_capture_is_charged_at_once() -> None:
    far = NOW + timedelta(days=9)
    assert planning.charge_mode(far, HOLDS_A_WEEK, NOW) is CaptureMode.AUTOMATIC
    assert planning.charge_mode(far, HOLDS_A_WEEK, far - timedelta(days=4)) is CaptureMode.MANUAL


@given(dates, st.none() | st.timedeltas(timedelta(0), timedelta(days=31)), jumps, st.booleans())
def test_a_capture_is_planned_before_the_deadline_whenever_it_is_planned_again(
    ends_at: datetime | None, left: timedelta | None, jump: timedelta, confirmed: bool
) -> None:
    deadline = None if left is None else NOW + left
    for now in (NOW, NOW + jump):
        at = planning.capture_at(ends_at, deadline, now, confirmed=confirmed)
        assert at >= now
        if deadline is not None and deadline > now:
            assert at < deadline
        if confirmed:
            assert at == now


@given(dates, st.timedeltas(timedelta(0), timedelta(days=31)))
def test_a_capture_that_the_deadline_forces_before_the_service_is_warned_of(
    ends_at: datetime | None, left: timedelta
) -> None:
    at = planning.capture_at(ends_at, NOW + left, NOW)
    forced = ends_at is not None and at < ends_at
    assert planning.needs_warning(ends_at, NOW + left, NOW) == forced


@pytest.mark.parametrize(
    ("days_ahead", "can", "collection"),
    [
        (2, HOLDS_A_WEEK, Collection.AUTHORIZE_NOW),
        (20, HOLDS_A_WEEK, Collection.SAVE_METHOD),
        (2, HOLDS_THREE_DAYS, Collection.AUTHORIZE_NOW),
        (4, HOLDS_THREE_DAYS, Collection.CAPTURE_NOW),
    ],
)
def test_a_session_is_collected_as_its_date_and_the_gateway_allow(
    days_ahead: int, can: Capabilities, collection: Collection
) -> None:
    planned = plan(planning.AFTER_SERVICE, NOW + timedelta(days=days_ahead), can, NOW)
    assert planned is not None
    assert planned.collection is collection


def test_a_saved_method_is_charged_as_early_as_a_hold_for_an_absent_buyer_allows() -> None:
    ends_at = NOW + timedelta(days=20)
    planned = plan(planning.AFTER_SERVICE, ends_at, HOLDS_A_WEEK, NOW)
    assert planned is not None
    assert planned.authorize_at == ends_at + timedelta(minutes=30) + 2 * MARGIN - timedelta(seconds=OFF_SESSION)
    assert planning.charge_deadline(planned.authorize_at, ends_at) == planned.authorize_at + timedelta(hours=48)


def test_a_gateway_that_only_captures_at_once_is_not_offered_for_a_session() -> None:
    assert plan(planning.AFTER_SERVICE, NOW + timedelta(days=1), CAPTURES_AT_ONCE, NOW) is None
    assert plan(planning.IMMEDIATE, None, CAPTURES_AT_ONCE, NOW) is not None


def test_a_session_is_captured_thirty_minutes_after_its_end_unless_the_partner_confirms_before() -> None:
    ends_at, deadline = NOW + timedelta(days=2), NOW + timedelta(days=7)
    assert planning.capture_at(ends_at, deadline, NOW) == ends_at + timedelta(minutes=30)
    assert planning.capture_at(ends_at, deadline, NOW, confirmed=True) == NOW


def test_a_service_without_a_date_waits_as_long_as_the_deadline_allows() -> None:
    assert planning.capture_at(None, NOW + timedelta(days=7), NOW) == NOW + timedelta(days=7) - MARGIN
    assert planning.capture_at(None, None, NOW) == NOW
