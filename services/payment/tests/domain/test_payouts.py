"""Payouts over random histories of what gateways say: books balance, and a line is due what nobody has."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.payment.domain import payouts
from services.payment.domain.observation import PayoutPart, PayoutSeen
from services.payment.domain.payouts import Payout, PayoutEffects, PayoutLine
from services.payment.domain.states import JournalKind, PayoutState

PARTNER, GATEWAY, WAY = "partner:expert-1", "gateway:razorpay", "payouts:razorpay"


def payout_of(*amounts: int) -> Payout:
    """A payout that pays lines of `amounts`."""
    lines = [PayoutLine(UUID(int=n), f"line-{n}", amount) for n, amount in enumerate(amounts)]
    return Payout(UUID(int=9), "expert-1", "razorpay", "acc_1", sum(amounts), "INR", lines=lines)


def part_of(payout: Payout, status: PayoutSeen, returned_minor: int = 0) -> PayoutPart:
    """What the gateway says of `payout`."""
    return PayoutPart(
        "trf_1", payout.id, status, payout.amount_minor, payout.currency, payout.destination, returned_minor
    )


def balances(effects: PayoutEffects) -> Counter[str]:
    """The sum of each account."""
    found: Counter[str] = Counter()
    for journal in effects.journals:
        for entry in journal.entries:
            found[entry.account] += entry.amount_minor
    return found


amounts = st.lists(st.integers(-50_000, 100_000).filter(bool), min_size=1, max_size=6).filter(lambda a: sum(a) >= 100)
events = st.lists(st.tuples(st.sampled_from(PayoutSeen), st.integers(0, 100)), max_size=8)


@given(amounts, events)
def test_whatever_is_said_in_whatever_order_each_minor_unit_is_in_one_place(
    parts: list[int], said: list[tuple[PayoutSeen, int]]
) -> None:
    payout, effects = payout_of(*parts), PayoutEffects()
    payouts.request(payout, effects)
    payouts.call(payout, effects)
    for status, percent in said:
        returned = payout.amount_minor * percent // 100 if status is PayoutSeen.PAID else 0
        payouts.observe(payout, part_of(payout, status, returned), "webhook", effects)
    found = balances(effects)
    assert sum(found.values()) == 0
    paid = sum(line.amount_minor - line.undone_minor for line in payout.lines)
    assert found[PARTNER] == paid
    assert found[WAY] == (-payout.amount_minor if payout.status in (PayoutState.REQUESTED, PayoutState.SENT) else 0)
    assert found[GATEWAY] == -(paid if payout.status is PayoutState.PAID else 0)
    if payout.status in (PayoutState.FAILED, PayoutState.RETURNED):
        assert all(line.undone_minor == line.amount_minor for line in payout.lines)
        assert effects.suspended == [payout]
    references = [(journal.kind, journal.reference) for journal in effects.journals]
    assert len(references) == len(set(references))


def test_a_payout_that_comes_back_in_parts_is_owed_again_part_by_part() -> None:
    payout, effects = payout_of(700, -100, 400), PayoutEffects()
    payouts.request(payout, effects)
    for returned in (300, 300, 200, 999):
        payouts.observe(payout, part_of(payout, PayoutSeen.PAID, returned), "poll", effects)
    assert [line.undone_minor for line in payout.lines] == [636, 0, 363]
    assert payout.status is PayoutState.PAID
    payouts.observe(payout, part_of(payout, PayoutSeen.PAID, 1000), "poll", effects)
    assert (payout.status, [line.undone_minor for line in payout.lines]) == (PayoutState.RETURNED, [700, -100, 400])
    assert sum(journal.kind is JournalKind.PAYOUT_UNDONE for journal in effects.journals) == 3
    assert not any(balances(effects).values())


def test_another_amount_currency_or_account_is_a_case_and_moves_nothing() -> None:
    said = part_of(payout_of(700), PayoutSeen.PAID)
    for other in (replace(said, amount_minor=1), replace(said, currency="USD"), replace(said, destination="acc_2")):
        payout, effects = payout_of(700), PayoutEffects()
        verdict = payouts.observe(payout, other, "webhook", effects)
        assert verdict == "refused: payout-mismatch"
        assert (payout.status, payout.gateway_payout_id, effects.journals) == (PayoutState.REQUESTED, None, [])
        assert [case.kind for case in effects.cases] == ["payout-mismatch"]


def test_money_that_arrives_after_it_was_given_up_is_put_before_a_person() -> None:
    payout, effects = payout_of(700), PayoutEffects()
    payouts.request(payout, effects)
    payouts.refuse(payout, "account_closed", effects)
    payouts.observe(payout, part_of(payout, PayoutSeen.PAID), "webhook", effects)
    assert payout.status is PayoutState.FAILED
    assert [case.kind for case in effects.cases] == ["payout-failed", "payout-refused-observation"]
