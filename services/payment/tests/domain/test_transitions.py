"""The two tables, exhaustively: every pair has an answer, and the answers keep the promises of design section 7."""

from __future__ import annotations

import pytest

from chassis.machine import Ignore, Move, Refuse
from services.payment.domain.states import SECURED, PaymentState, PaymentTrigger, RefundState, RefundTrigger
from services.payment.domain.transitions import PAYMENT, REFUND

S, T = PaymentState, PaymentTrigger
_UNPAID = (S.CREATED, S.PENDING, S.METHOD_SAVED, S.FAILED, S.EXPIRED, S.UNKNOWN)
MOVES = {
    (S.CREATED, T.OUTCOME_UNKNOWN): S.UNKNOWN,
    (S.UNKNOWN, T.ORDER_FOUND): S.CREATED,
    (S.FAILED, T.ORDER_FOUND): S.PENDING,
    (S.AUTHORIZED, T.CAPTURED_SEEN): S.CAPTURED,
    (S.AUTHORIZED, T.VOIDED_SEEN): S.VOIDED,
    (S.CAPTURED, T.REFUNDED_IN_PART): S.PARTIALLY_REFUNDED,
    (S.CAPTURED, T.REFUNDED_IN_FULL): S.REFUNDED,
    (S.PARTIALLY_REFUNDED, T.REFUNDED_IN_FULL): S.REFUNDED,
    (S.PARTIALLY_REFUNDED, T.REFUNDS_UNDONE): S.CAPTURED,
    (S.REFUNDED, T.REFUNDED_IN_PART): S.PARTIALLY_REFUNDED,
    (S.REFUNDED, T.REFUNDS_UNDONE): S.CAPTURED,
    (S.CAPTURED, T.DISPUTE_OPENED): S.DISPUTED,
    (S.PARTIALLY_REFUNDED, T.DISPUTE_OPENED): S.DISPUTED,
    (S.DISPUTED, T.DISPUTE_WON): S.CAPTURED,
    (S.METHOD_SAVED, T.CHARGE_BEGUN): S.PENDING,
    (S.FAILED, T.CHARGE_BEGUN): S.PENDING,
    **{(s, T.METHOD_SAVED_SEEN): S.METHOD_SAVED for s in (S.CREATED, S.PENDING, S.FAILED, S.UNKNOWN)},
    **{(s, T.AUTHORIZED_SEEN): S.AUTHORIZED for s in _UNPAID},
    **{(s, T.CAPTURED_SEEN): S.CAPTURED for s in _UNPAID},
    **{(s, T.ATTEMPT_SEEN): S.PENDING for s in (S.CREATED, S.FAILED, S.UNKNOWN)},
    **{(s, T.FAILED_SEEN): S.FAILED for s in (S.CREATED, S.PENDING, S.UNKNOWN)},
    **{(s, T.DEADLINE_PASSED): S.EXPIRED for s in _UNPAID if s is not S.EXPIRED},
}


@pytest.mark.parametrize("state", list(S))
@pytest.mark.parametrize("trigger", list(T))
def test_each_pair_of_the_payment_moves_exactly_where_the_list_says(
    state: PaymentState, trigger: PaymentTrigger
) -> None:
    decision = PAYMENT.decide(state, trigger)
    if (state, trigger) in MOVES:
        assert decision == Move(MOVES[state, trigger])
    else:
        assert isinstance(decision, Ignore | Refuse)
        assert decision.reason


def test_captured_money_never_returns_to_a_state_without_it() -> None:
    for state in SECURED - {S.AUTHORIZED}:
        for trigger in T:
            decision = PAYMENT.decide(state, trigger)
            assert not isinstance(decision, Move) or decision.to in SECURED - {S.AUTHORIZED}


def test_a_saved_method_is_no_money() -> None:
    assert S.METHOD_SAVED not in SECURED
    assert isinstance(PAYMENT.decide(S.METHOD_SAVED, T.REFUNDED_IN_FULL), Refuse)
    for state in SECURED | {S.EXPIRED, S.VOIDED}:
        assert not isinstance(PAYMENT.decide(state, T.METHOD_SAVED_SEEN), Move)
        assert not isinstance(PAYMENT.decide(state, T.CHARGE_BEGUN), Move)


def test_a_secured_payment_does_not_expire_or_fail() -> None:
    for state in SECURED:
        assert isinstance(PAYMENT.decide(state, T.DEADLINE_PASSED), Ignore)
        assert isinstance(PAYMENT.decide(state, T.FAILED_SEEN), Ignore)


@pytest.mark.parametrize("state", list(RefundState))
@pytest.mark.parametrize("trigger", list(RefundTrigger))
def test_each_pair_of_the_refund_has_an_answer_and_success_only_reverses(
    state: RefundState, trigger: RefundTrigger
) -> None:
    decision = REFUND.decide(state, trigger)
    if state is RefundState.SUCCEEDED and isinstance(decision, Move):
        assert (trigger, decision.to) == (RefundTrigger.FAILED_SEEN, RefundState.REVERSED)
    if state is RefundState.REVERSED:
        assert not isinstance(decision, Move)
