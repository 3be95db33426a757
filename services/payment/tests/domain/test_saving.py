"""A saved method in the domain: proved once, no money, charged only while there is something to pay for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.payment.domain.deciding import decide
from services.payment.domain.moving import pass_deadline
from services.payment.domain.observation import NO_CURRENCY, Observation, Seen, SetupPart, Source
from services.payment.domain.payment import Attempt, Effects, FactKind, Payment
from services.payment.domain.planning import Collection
from services.payment.domain.saving import begin_charge, give_up, may_charge, refuse_charge
from services.payment.domain.states import PaymentState

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ENDS_AT = NOW + timedelta(days=20)
AUTHORIZE_AT = NOW + timedelta(days=16)
SAVED = Observation(
    *("stripe", "seti_1", "seti_1", Seen.METHOD_SAVED, 0, NO_CURRENCY, "", Source.WEBHOOK, "test"),
    setup=SetupPart("cus_1", "pm_1"),
)
FAILED = replace(SAVED, status=Seen.FAILED, reason="insufficient_funds", setup=SetupPart())


def effects_at(now: datetime = NOW) -> Effects:
    """Of one transaction."""
    return Effects(now, lambda: UUID(int=7))


def payment_of(status: PaymentState = PaymentState.CREATED) -> Payment:
    """A payment that is to be collected by a saved method."""
    made = Payment(UUID(int=1), "booking", "stripe", status, 1000, "INR", collection=Collection.SAVE_METHOD)
    made.orders, made.service_ends_at, made.authorize_at = ["seti_1"], ENDS_AT, AUTHORIZE_AT
    made.expires_at = NOW + timedelta(minutes=15)
    return made


def saved() -> Payment:
    """One whose method is saved."""
    payment = payment_of()
    decide([payment], payment, SAVED, effects_at())
    return payment


def test_the_first_proof_saves_and_moves_the_deadline_to_the_charge_and_its_grace() -> None:
    payment, effects = payment_of(), effects_at()
    assert decide([payment], payment, SAVED, effects) == "moved: method_saved"
    assert (payment.saved_customer, payment.saved_method) == ("cus_1", "pm_1")
    assert (payment.charge_at, payment.expires_at) == (AUTHORIZE_AT, AUTHORIZE_AT + timedelta(hours=48))
    assert [fact.kind for fact in effects.facts] == [FactKind.METHOD_SAVED]
    assert (payment.authorized_minor, payment.captured_minor, payment.secured_at) == (0, 0, None)
    assert (payment.attempts, effects.movements, effects.cases) == ({}, [], {})


@pytest.mark.parametrize("later", [SAVED, FAILED, replace(SAVED, setup=SetupPart("cus_1", "pm_2"))])
def test_what_is_said_after_the_first_proof_changes_nothing(later: Observation) -> None:
    payment, effects = saved(), effects_at()
    assert decide([payment], payment, later, effects).startswith("ignored")
    assert (payment.status, payment.saved_method, effects.facts) == (PaymentState.METHOD_SAVED, "pm_1", [])


def test_a_method_saved_for_another_order_is_refused_with_a_case() -> None:
    payment, effects = payment_of(), effects_at()
    assert decide([payment], payment, replace(SAVED, gateway_order_id="seti_2"), effects) == "refused: order-mismatch"
    assert (payment.status, payment.saved_method) == (PaymentState.CREATED, None)


def test_a_method_that_is_refused_can_be_saved_by_the_next_try() -> None:
    payment, effects = payment_of(), effects_at()
    assert decide([payment], payment, FAILED, effects) == "moved: failed"
    assert decide([payment], payment, SAVED, effects) == "moved: method_saved"
    assert [fact.kind for fact in effects.facts] == [FactKind.FAILED, FactKind.METHOD_SAVED]


def test_a_canceled_saving_ends_its_order() -> None:
    payment, effects = payment_of(), effects_at()
    decide([payment], payment, replace(SAVED, status=Seen.VOIDED, setup=SetupPart()), effects)
    assert effects.ended_orders == [(payment, "seti_1")]
    assert payment.status is PaymentState.FAILED


@pytest.mark.parametrize("status", [PaymentState.EXPIRED, PaymentState.CAPTURED, PaymentState.AUTHORIZED])
def test_a_method_saved_too_late_or_beside_money_is_never_charged(status: PaymentState) -> None:
    payment = payment_of(status)
    decide([payment], payment, SAVED, effects_at())
    assert payment.saved_method is None
    assert not may_charge([payment], payment, effects_at(AUTHORIZE_AT))


def test_a_saved_method_may_be_charged_until_the_deadline_and_not_beside_money_or_an_open_attempt() -> None:
    payment = saved()
    assert payment.expires_at is not None
    assert may_charge([payment], payment, effects_at(AUTHORIZE_AT))
    assert not may_charge([payment], payment, effects_at(payment.expires_at))
    sibling = replace(payment, id=UUID(int=2), gateway="razorpay", secured_at=NOW)
    assert not may_charge([payment, sibling], payment, effects_at(AUTHORIZE_AT))
    payment.attempts["ch_1"] = Attempt("ch_1", "pi_1", Seen.PENDING, 1000, "INR")
    assert not may_charge([payment], payment, effects_at(AUTHORIZE_AT))


def test_each_declined_charge_is_told_and_the_next_one_may_follow() -> None:
    payment, effects = saved(), effects_at(AUTHORIZE_AT)
    for number in (1, 2):
        begin_charge(payment, effects)
        payment.orders.append(f"pi_{number}")
        declined = Observation(
            *("stripe", f"pi_{number}", f"ch_{number}", Seen.FAILED, 1000, "INR", "", Source.REPLY, "test"),
            reason="insufficient_funds",
        )
        assert decide([payment], payment, declined, effects) == "moved: failed"
        assert may_charge([payment], payment, effects)
    assert [fact.reason for fact in effects.facts] == ["insufficient_funds"] * 2


def test_the_deadline_that_the_saving_moved_is_not_passed_by_who_saw_the_old_one() -> None:
    payment = saved()
    assert not pass_deadline(payment, effects_at(NOW + timedelta(hours=1)))
    assert payment.expires_at is not None
    effects = effects_at(payment.expires_at)
    assert pass_deadline(payment, effects)
    assert (payment.charge_at, [fact.kind for fact in effects.facts]) == (None, [FactKind.EXPIRED])


def test_a_purchase_that_was_given_up_is_not_charged() -> None:
    payment, effects = saved(), effects_at()
    assert give_up(payment, "the hold has ended", effects)
    assert payment.status is PaymentState.EXPIRED
    assert not give_up(payment, "the hold has ended", effects)
    assert not give_up(payment_of(), "the hold has ended", effects)
    under_way = saved()
    begin_charge(under_way, effects)
    assert give_up(under_way, "the hold has ended", effects)
    assert (under_way.status, under_way.charge_at) == (PaymentState.PENDING, None)
    assert not may_charge([under_way], under_way, effects)


def test_a_charge_that_the_gateway_refuses_to_try_is_told_and_a_case() -> None:
    payment, effects = saved(), effects_at(AUTHORIZE_AT)
    begin_charge(payment, effects)
    refuse_charge(payment, "resource_missing", effects)
    assert payment.status is PaymentState.FAILED
    assert {case.kind for case in effects.cases.values()} == {"charge-refused"}
    assert [fact.kind for fact in effects.facts] == [FactKind.FAILED]
