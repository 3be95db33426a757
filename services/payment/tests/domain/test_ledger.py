"""The books over random histories of captures, shares, refunds, reversals: always balanced, empty after a full refund."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.payment.domain import ledger
from services.payment.domain.ledger import Entry, Journal
from services.payment.domain.payment import Payment
from services.payment.domain.shares import SoldLine, share_out, split
from services.payment.domain.states import JournalKind, PaymentState

lines = st.lists(
    st.builds(
        SoldLine,
        st.uuids().map(str),
        st.integers(1, 100_000),
        st.none() | st.sampled_from(["expert-1", "vendor-2"]),
        st.integers(0, 10_000),
    ),
    min_size=1,
    max_size=5,
)


def payment_of(amount_minor: int) -> Payment:
    """A captured payment."""
    return Payment(UUID(int=1), "booking", "razorpay", PaymentState.CAPTURED, amount_minor, "INR")


def balances(journals: list[Journal]) -> Counter[str]:
    """The sum of each account."""
    found: Counter[str] = Counter()
    for journal in journals:
        for entry in journal.entries:
            found[entry.account] += entry.amount_minor
    return found


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=8).filter(any))
def test_a_split_adds_up_and_no_part_exceeds_its_weight(amount: int, weights: list[int]) -> None:
    amount = min(amount, sum(weights))
    parts = split(amount, weights)
    assert sum(parts) == amount
    assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))


@given(lines, st.data())
def test_any_history_balances_and_a_full_refund_leaves_nothing_but_the_fee(
    sold: list[SoldLine], data: st.DataObject
) -> None:
    total = sum(line.total_minor for line in sold)
    taken = data.draw(st.integers(1, total))
    payment = payment_of(total)
    journals = [ledger.captured(payment, "pay_1", taken), ledger.fee(payment, "pay_1", 7)]
    shares = share_out(taken, sold)
    if (made := ledger.shared(payment, shares)) is not None:
        journals.append(made)
    refunds: list[int] = []
    for number in range(data.draw(st.integers(0, 6))):
        left = taken - sum(refunds)
        undo = data.draw(st.booleans())
        if refunds and undo:
            amount = -refunds.pop(data.draw(st.integers(0, len(refunds) - 1)))
        elif left:
            refunds.append(amount := data.draw(st.integers(1, left)))
        else:
            continue
        kind = JournalKind.REFUND if amount > 0 else JournalKind.REFUND_REVERSED
        journals.append(ledger.given_back(kind, f"r{number}", payment, "gateway:razorpay", amount, shares))
        sums = balances(journals)
        assert sum(sums.values()) == 0
        owed = -sum(sum for account, sum in sums.items() if account.startswith(("partner:", "platform")))
        assert owed == taken - sum(refunds), "partners and platform have what was captured and not given back (M-9)"
        assert all(0 <= share.refunded_minor <= share.total_minor for share in shares)
    if left := taken - sum(refunds):
        journals.append(ledger.given_back(JournalKind.REFUND, "last", payment, "gateway:razorpay", left, shares))
    rest = {account: amount for account, amount in balances(journals).items() if amount}
    assert rest == {"fees:razorpay": 7, "gateway:razorpay": -7}


@pytest.mark.parametrize(
    ("total", "bps", "partner", "platform"),
    [(10_000, 8_000, 8_000, 2_000), (101, 8_000, 80, 21), (1, 8_000, 0, 1), (99, 10_000, 99, 0), (99, 0, 0, 99)],
)
def test_the_odd_minor_unit_is_the_platforms(total: int, bps: int, partner: int, platform: int) -> None:
    (share,) = share_out(total, [SoldLine("line", total, "expert", bps)])
    assert (share.partner_minor, share.total_minor - share.partner_minor) == (partner, platform)


def test_a_line_without_a_partner_is_all_ours() -> None:
    made = ledger.shared(payment_of(500), share_out(500, [SoldLine("line", 500)]))
    assert made is not None
    assert made.entries == (Entry("buyers", 500), Entry("platform", -500, "line"))


def test_money_that_nobody_has_yet_goes_back_from_the_buyers() -> None:
    journal = ledger.given_back(JournalKind.REFUND, "r", payment_of(500), "gateway:razorpay", 200, [])
    assert journal.entries == (Entry("buyers", 200), Entry("gateway:razorpay", -200))


def test_an_unbalanced_journal_does_not_exist() -> None:
    with pytest.raises(ValueError, match="does not balance"):
        Journal(JournalKind.CAPTURE, "x", UUID(int=1), "b", "INR", (Entry("a", 1), Entry("b", -2)))
