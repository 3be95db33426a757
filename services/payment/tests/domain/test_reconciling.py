"""Comparing two books: equal ones never differ, and every single change is found and named."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.payment.domain.observation import PayoutPart, PayoutSeen, Seen
from services.payment.domain.payouts import Payout
from services.payment.domain.reconciling import PROPOSED, Entry, Kind, compare, compare_payout
from services.payment.domain.states import PayoutState

ENTRY = Entry("order_1", "pay_1", "INR", Seen.CAPTURED, 1000, 200, 24)
entries = st.builds(
    Entry,
    st.just("order_1"),
    st.just("pay_1"),
    st.sampled_from(["INR", "USD"]),
    st.sampled_from([Seen.PENDING, Seen.FAILED, Seen.AUTHORIZED, Seen.CAPTURED, Seen.VOIDED]),
    st.integers(0, 3),
    st.none() | st.integers(0, 3),
    st.none() | st.integers(0, 3),
)


@given(entries)
def test_equal_books_do_not_differ(entry: Entry) -> None:
    assert compare(entry, entry) == []


@given(entries, entries)
def test_books_differ_in_both_directions_alike(ours: Entry, theirs: Entry) -> None:
    assert [d.kind for d in compare(ours, theirs)] == [d.kind for d in compare(theirs, ours)]


@pytest.mark.parametrize(
    ("theirs", "kinds"),
    [
        (None, [Kind.MISSING_THERE]),
        (replace(ENTRY, currency="USD"), [Kind.CURRENCY]),
        (replace(ENTRY, status=Seen.VOIDED, captured_minor=0), [Kind.STATE, Kind.CAPTURED]),
        (replace(ENTRY, captured_minor=999), [Kind.CAPTURED]),
        (replace(ENTRY, fee_minor=25), [Kind.FEE]),
        (replace(ENTRY, refunded_minor=0), [Kind.REFUNDED]),
        (replace(ENTRY, refunded_minor=None, fee_minor=None), []),
    ],
)
def test_each_change_is_named(theirs: Entry | None, kinds: list[Kind]) -> None:
    assert [d.kind for d in compare(ENTRY, theirs)] == kinds


def test_money_that_only_the_gateway_has_is_missing_here_and_a_failed_attempt_is_not() -> None:
    assert [d.kind for d in compare(None, ENTRY)] == [Kind.MISSING_HERE]
    assert compare(None, replace(ENTRY, status=Seen.FAILED, captured_minor=0)) == []
    assert compare(None, None) == []


def test_every_kind_has_a_proposed_act() -> None:
    assert set(PROPOSED) == set(Kind)


PAID = PayoutPart("trf_1", UUID(int=1), PayoutSeen.PAID, 1000, "INR", "acc_1")


def payout(status: PayoutState = PayoutState.PAID, gateway_payout_id: str | None = "trf_1") -> Payout:
    """Our side of `PAID`."""
    return Payout(UUID(int=1), "expert-1", "razorpay", "acc_1", 1000, "INR", status, gateway_payout_id)


@pytest.mark.parametrize(
    ("ours", "theirs", "kinds"),
    [
        (payout(), PAID, []),
        (payout(PayoutState.SENT), replace(PAID, status=PayoutSeen.PENDING), []),
        (payout(PayoutState.RETURNED), replace(PAID, status=PayoutSeen.RETURNED, returned_minor=1000), []),
        (payout(PayoutState.SENT, None), None, []),
        (payout(PayoutState.SENT), PAID, [Kind.PAYOUT_STATE]),
        (payout(PayoutState.FAILED), PAID, [Kind.PAYOUT_STATE]),
        (payout(), replace(PAID, status=PayoutSeen.RETURNED, returned_minor=1000), [Kind.PAYOUT_STATE]),
        (payout(), replace(PAID, amount_minor=999), [Kind.PAYOUT_AMOUNT]),
        (payout(), replace(PAID, destination="acc_2"), [Kind.PAYOUT_AMOUNT]),
        (payout(), replace(PAID, returned_minor=1), [Kind.PAYOUT_AMOUNT]),
        (payout(), None, [Kind.PAYOUT_MISSING_THERE]),
        (None, PAID, [Kind.PAYOUT_MISSING_HERE]),
    ],
)
def test_each_difference_of_a_payout_is_named(
    ours: Payout | None, theirs: PayoutPart | None, kinds: list[Kind]
) -> None:
    found = compare_payout(ours, theirs)
    assert [difference.kind for difference in found] == kinds
    assert all(PROPOSED[difference.kind] for difference in found)
