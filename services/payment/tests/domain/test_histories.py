"""Random histories of two gateways and everything they say, late, twice and out of order, against a plain model.

`HISTORIES=100000 pytest services/payment/tests/domain/test_histories.py` runs as many as wanted; failures are kept as
explicit examples.
"""

from __future__ import annotations

import os
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.payment.domain.observation import RefundSeen, Seen
from services.payment.domain.payment import FactKind
from services.payment.domain.planning import Collection
from services.payment.domain.states import DisputeState, PaymentState, RefundState
from services.payment.domain.transitions import PAYMENT
from services.payment.tests.domain.truth import AMOUNT
from services.payment.tests.domain.world import World

_BEFORE_CAPTURE = {
    PaymentState.CREATED,
    PaymentState.PENDING,
    PaymentState.METHOD_SAVED,
    PaymentState.AUTHORIZED,
    PaymentState.FAILED,
    PaymentState.EXPIRED,
    PaymentState.UNKNOWN,
    PaymentState.VOIDED,
}
ACTIONS = {
    "try_to_pay": lambda world, pick: world.try_to_pay(pick),
    "save_method": lambda world, pick: world.save_method(pick, Seen.METHOD_SAVED),
    "save_failed": lambda world, pick: world.save_method(pick, Seen.FAILED),
    "save_canceled": lambda world, pick: world.save_method(pick, Seen.VOIDED),
    "charge": lambda world, pick: world.charge(pick),
    "give_up": lambda world, pick: world.give_up(pick),
    "move_service": lambda world, pick: world.move_service(pick),
    "complete_service": lambda world, pick: world.complete_service(),
    "fail": lambda world, pick: world.advance(pick, Seen.FAILED),
    "authorize": lambda world, pick: world.advance(pick, Seen.AUTHORIZED),
    "capture": lambda world, pick: world.advance(pick, Seen.CAPTURED),
    "lapse": lambda world, pick: world.advance(pick, Seen.VOIDED),
    "owe": lambda world, pick: world.owe(pick, 100 + 300 * (pick % 4)),
    "call_refund": lambda world, pick: world.call_refund(pick),
    "refund_at_gateway": lambda world, pick: world.refund_at_gateway(pick, 200 + 400 * (pick % 3)),
    "refund_processed": lambda world, pick: world.end_refund(pick, RefundSeen.PROCESSED),
    "refund_failed": lambda world, pick: world.end_refund(pick, RefundSeen.FAILED),
    "dispute_opened": lambda world, pick: world.dispute(pick, Seen.DISPUTE_OPENED),
    "dispute_won": lambda world, pick: world.dispute(pick, Seen.DISPUTE_WON),
    "dispute_lost": lambda world, pick: world.dispute(pick, Seen.DISPUTE_LOST),
    "hear": lambda world, pick: world.hear(pick),
    "hear_the_newest": lambda world, pick: world.hear(len(world.said) - 1),
    "confirm": lambda world, pick: world.confirm(),
    "expire": lambda world, pick: world.expire(pick),
}
_NAMES = [*ACTIONS, *(["try_to_pay", "capture", "hear", "hear_the_newest"] * 3)]
histories = st.lists(st.tuples(st.sampled_from(_NAMES), st.integers(0, 31)), max_size=50)


@settings(
    max_examples=int(os.environ.get("HISTORIES", "1500")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(histories)
def test_no_history_loses_money_takes_it_twice_or_leaves_it_unexplained(history: list[tuple[str, int]]) -> None:
    world = World.new()
    for name, pick in history:
        ACTIONS[name](world, pick)
        check_always(world)
        check_the_books(world)
    world.poll()
    check_always(world)
    check_the_books(world)
    check_at_rest(world)


def check_always(world: World) -> None:
    """M-3, M-8, P-20 and the promises of what is told: true after every transaction."""
    for payment in world.payments:
        assert 0 <= payment.refunded_minor <= payment.captured_minor <= payment.authorized_minor <= AMOUNT
        for attempt in payment.attempts.values():
            assert 0 <= attempt.refunded_minor <= attempt.captured_minor <= attempt.authorized_minor <= AMOUNT
            asked = [r for r in payment.refunds.values() if r.refund_key.startswith(("owed-", "surplus-"))]
            live = (RefundState.REQUESTED, RefundState.SENT, RefundState.SUCCEEDED)
            mine = [r for r in asked if r.gateway_payment_id == attempt.gateway_payment_id and r.status in live]
            assert sum(r.amount_minor for r in mine) <= AMOUNT, "we never ask for more than there was"
    counted = [p for p in world.payments if p.secured_at is not None and p.duplicate_of is None]
    assert len(counted) <= 1
    assert sum(fact.kind is FactKind.SECURED for fact in world.facts) == len(counted)
    for kind, most in ((FactKind.METHOD_SAVED, 1 + world.moves), (FactKind.CAPTURED, 1), (FactKind.EXPIRED, 1)):
        for payment in world.payments:
            assert sum(fact.kind is kind and fact.payment is payment for fact in world.facts) <= most
    for payment in counted:
        if payment.status is PaymentState.AUTHORIZED and payment.collection is not Collection.CAPTURE_NOW:
            assert payment.capture_at is not None, "no authorization is left to die unseen"
    captured: set[object] = set()
    for subject, from_status, to_status, reason in world.edges:
        assert from_status is not None
        source, target = PaymentState(from_status), PaymentState(to_status)
        assert target in {getattr(decision, "to", None) for (s, _), decision in PAYMENT.table.items() if s is source}
        assert subject not in captured or target not in _BEFORE_CAPTURE, "captured never goes back"
        if source in (PaymentState.FAILED, PaymentState.EXPIRED) and target is PaymentState.CAPTURED:
            assert reason == "late_authorization"
        if target is PaymentState.CAPTURED:
            captured.add(subject)


def check_the_books(world: World) -> None:
    """M-1, M-4, M-6, M-9: balanced, each cause once, and what the accounts hold is what was really taken and given."""
    sums: Counter[str] = Counter()
    for journal in world.journals:
        for entry in journal.entries:
            sums[entry.account] += entry.amount_minor
    assert sum(sums.values()) == 0
    causes = [(journal.kind, journal.reference) for journal in world.journals]
    assert len(causes) == len(set(causes))
    taken = sum(a.captured_minor - a.refunded_minor for p in world.payments for a in p.attempts.values())
    lost = sum(d.amount_minor for p in world.payments for d in p.disputes.values() if d.status is DisputeState.LOST)
    held = sum(amount for account, amount in sums.items() if account.startswith(("gateway:", "disputes:")))
    assert held == taken - lost
    assert -sums["buyers"] - sums["platform"] - sums["partner:expert-1"] == held


def check_at_rest(world: World) -> None:
    """M-5 and M-7 in small: our sums are the gateways', and every success that does not count goes back or is a case."""
    for payment, charge in world.charges:
        attempt = payment.attempts[charge.gateway_payment_id]
        assert attempt.status is charge.status
        assert attempt.captured_minor == charge.captured
        over = any(case.startswith("over-refunded/") for case in world.cases)
        assert attempt.refunded_minor == charge.refunded or over
        keeps = payment.duplicate_of is None and payment.gateway_payment_id == charge.gateway_payment_id
        if charge.captured and not keeps:
            failed = (RefundState.FAILED, RefundState.REVERSED)
            troubled = any(
                r.status in failed
                for r in payment.refunds.values()
                if r.gateway_payment_id == charge.gateway_payment_id
            )
            assert charge.refunded == charge.captured or troubled
            assert f"surplus-{charge.gateway_payment_id}" in world.cases
    for payment in world.payments:
        if payment.gateway_payment_id is not None:
            counted = payment.attempts[payment.gateway_payment_id]
            assert (payment.captured_minor, payment.refunded_minor) == (counted.captured_minor, counted.refunded_minor)
