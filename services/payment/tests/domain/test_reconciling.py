"""Comparing two books: equal ones never differ, and every single change is found and named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.payment.domain.observation import Seen
from services.payment.domain.reconciling import PROPOSED, Entry, Kind, compare

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
