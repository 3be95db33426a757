"""Captures and charges follow the service: whatever moves, none is planned past a deadline, none is left to die unseen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.payment.domain.capturing import capture_now, follow_service, hold_back, plan_capture
from services.payment.domain.payment import Effects, FactKind, Payment
from services.payment.domain.planning import AFTER_SERVICE_WAIT, MARGIN, Collection, charge_mode
from services.payment.domain.states import PaymentState
from services.payment.tests.domain.test_planning import HOLDS_A_WEEK, capabilities

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
moves = st.lists(
    st.tuples(
        st.timedeltas(timedelta(0), timedelta(days=5)),
        st.timedeltas(timedelta(hours=-6), timedelta(days=200)),
        st.booleans(),
    ),
    max_size=8,
)


def effects_at(now: datetime) -> Effects:
    """Of one transaction."""
    return Effects(now, lambda: UUID(int=7))


def authorized(ends_at: datetime, capture_before: datetime | None) -> Payment:
    """Held money of a session, its capture planned."""
    made = Payment(UUID(int=1), "booking", "stripe", PaymentState.AUTHORIZED, 1000, "INR")
    made.collection, made.service_ends_at, made.capture_before = Collection.AUTHORIZE_NOW, ends_at, capture_before
    plan_capture(made, effects_at(NOW))
    return made


def saved(ends_at: datetime) -> Payment:
    """A saved method that is charged four days before `ends_at`."""
    made = Payment(UUID(int=1), "booking", "stripe", PaymentState.METHOD_SAVED, 1000, "INR")
    made.collection, made.service_ends_at = Collection.SAVE_METHOD, ends_at
    made.saved_customer, made.saved_method = "cus_1", "pm_1"
    made.charge_at = made.authorize_at = ends_at - timedelta(days=4)
    made.expires_at = ends_at - timedelta(days=2)
    return made


@given(st.timedeltas(timedelta(0), timedelta(days=31)), st.timedeltas(timedelta(0), timedelta(days=30)), moves)
def test_however_often_a_service_moves_its_capture_stays_before_the_deadline_or_warns(
    held: timedelta, ahead: timedelta, moved: list[tuple[timedelta, timedelta, bool]]
) -> None:
    deadline = NOW + held
    payment, now = authorized(NOW + ahead, deadline), NOW
    for jump, farther, is_confirmed in moved:
        assert payment.capture_at is not None
        now = min(now + jump, payment.capture_at)  # at that time the clock gives the capture out
        effects = effects_at(now)
        if is_confirmed:
            capture_now(payment, effects)
            assert payment.capture_at == now
            return
        follow_service(payment, now + farther, HOLDS_A_WEEK, effects)
        assert payment.service_ends_at == now + farther
        assert payment.capture_at is not None
        assert now <= payment.capture_at <= max(now, now + farther + AFTER_SERVICE_WAIT)
        if deadline > now:
            assert payment.capture_at < deadline
        early = payment.capture_at < payment.service_ends_at
        assert [case.kind for case in effects.cases.values()] == ["capture-before-service"] * early


@given(capabilities, st.timedeltas(timedelta(days=8), timedelta(days=300)), moves)
def test_however_often_a_service_moves_its_saved_method_is_charged_in_time_and_told(
    can: object, ahead: timedelta, moved: list[tuple[timedelta, timedelta, bool]]
) -> None:
    payment, now = saved(NOW + ahead), NOW
    for jump, farther, _ in moved:
        assert payment.charge_at is not None
        now = min(now + jump, payment.charge_at)
        effects = effects_at(now)
        follow_service(payment, now + farther, can, effects)  # type: ignore[arg-type]
        assert [fact.kind for fact in effects.facts] == [FactKind.METHOD_SAVED]
        assert payment.charge_at is not None
        assert payment.expires_at is not None
        assert now <= payment.charge_at <= payment.expires_at
        assert payment.charge_at <= max(now, now + farther)
        if payment.charge_at > now:
            assert payment.expires_at <= now + farther - MARGIN
            assert charge_mode(payment.service_ends_at, can, payment.charge_at) == "manual"  # type: ignore[arg-type]


def test_a_session_that_moves_beyond_what_is_held_is_captured_before_and_a_person_is_warned() -> None:
    payment = authorized(NOW + timedelta(days=3), NOW + timedelta(days=7))
    assert payment.capture_at == NOW + timedelta(days=3) + AFTER_SERVICE_WAIT
    effects = effects_at(NOW)
    follow_service(payment, NOW + timedelta(days=30), HOLDS_A_WEEK, effects)
    assert payment.capture_at == NOW + timedelta(days=7) - MARGIN
    assert len(effects.cases) == 1
    follow_service(payment, NOW + timedelta(days=4), HOLDS_A_WEEK, effects)
    assert payment.capture_at == NOW + timedelta(days=4) + AFTER_SERVICE_WAIT


@pytest.mark.parametrize("status", [PaymentState.CAPTURED, PaymentState.PARTIALLY_REFUNDED, PaymentState.VOIDED])
def test_what_is_captured_or_let_go_is_not_planned_again(status: PaymentState) -> None:
    payment = authorized(NOW + timedelta(days=3), NOW + timedelta(days=7))
    payment.status, payment.capture_at = status, None
    effects = effects_at(NOW)
    follow_service(payment, NOW + timedelta(days=4), HOLDS_A_WEEK, effects)
    capture_now(payment, effects)
    assert (payment.capture_at, effects.facts, effects.cases) == (None, [], {})


def test_a_capture_that_was_given_out_is_not_given_out_again() -> None:
    payment = authorized(NOW + timedelta(days=3), NOW + timedelta(days=7))
    payment.capture_at = None
    capture_now(payment, effects_at(NOW))
    follow_service(payment, NOW + timedelta(days=4), HOLDS_A_WEEK, effects_at(NOW))
    assert payment.capture_at is None


def test_a_complaint_holds_the_capture_back_as_long_as_the_gateway_does_and_a_word_ends_that() -> None:
    payment = authorized(NOW + timedelta(days=1), NOW + timedelta(days=7))
    hold_back(payment, effects_at(NOW))
    assert payment.capture_at == NOW + timedelta(days=7) - MARGIN
    capture_now(payment, effects_at(NOW + timedelta(days=2)))
    assert payment.capture_at == NOW + timedelta(days=2)
    payment.capture_at = None
    hold_back(payment, effects_at(NOW))
    assert payment.capture_at is None, "given out already: it can be given back"


def test_a_charge_that_is_under_way_goes_on() -> None:
    payment = saved(NOW + timedelta(days=4))
    payment.status = PaymentState.PENDING
    effects = effects_at(NOW)
    follow_service(payment, NOW + timedelta(days=40), HOLDS_A_WEEK, effects)
    assert (payment.charge_at, effects.facts) == (NOW, [])
