"""Comparing our books with a gateway's: what differs, what may be mended by hearing it again, what a person decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from services.payment.domain.observation import Observation, PayoutPart, PayoutSeen, Seen
from services.payment.domain.payouts import Payout
from services.payment.domain.states import PayoutState


class Kind(StrEnum):
    """In what two books differ."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    CURRENCY = "currency"
    STATE = "state"
    CAPTURED = "captured"
    FEE = "fee"
    REFUNDED = "refunded"
    PAYOUT_MISSING_HERE = "payout_missing_here"
    PAYOUT_MISSING_THERE = "payout_missing_there"
    PAYOUT_STATE = "payout_state"
    PAYOUT_AMOUNT = "payout_amount"


PROPOSED = {
    Kind.MISSING_HERE: "Find whose money this is at the gateway; book it by hand, or give it back there.",
    Kind.MISSING_THERE: "Ask the gateway for this payment: what we count as taken is not on its list.",
    Kind.CURRENCY: "Compare the order at the gateway with ours; give the money back there if it is not this purchase's.",
    Kind.STATE: "Look at the payment at the gateway and close the case with what it says.",
    Kind.CAPTURED: "Compare the captured amount at the gateway with ours; refund or collect what is between.",
    Kind.FEE: "Nothing to do for the buyer; book the difference with the gateway's next statement.",
    Kind.REFUNDED: "Compare the refunds at the gateway with ours; ask the gateway about the one that differs.",
    Kind.PAYOUT_MISSING_HERE: "Find who sent this from our balance at the gateway; book it by hand, or take it back there.",
    Kind.PAYOUT_MISSING_THERE: "Ask the gateway for this payout: what we count as sent is not on its list.",
    Kind.PAYOUT_STATE: "Look at the payout at the gateway and close the case with what it says.",
    Kind.PAYOUT_AMOUNT: "Compare what arrived, where, and what came back, with our payout; settle the rest with the partner.",
}
"""What a person is advised to do, by kind."""


_SHOWN_AS = {
    PayoutSeen.PENDING: frozenset({PayoutState.SENT}),
    PayoutSeen.PAID: frozenset({PayoutState.PAID}),
    PayoutSeen.FAILED: frozenset({PayoutState.FAILED, PayoutState.RETURNED}),
    PayoutSeen.RETURNED: frozenset({PayoutState.FAILED, PayoutState.RETURNED}),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One of a gateway's payments as a book has it; minor units.

    `refunded_minor` is what went or is going back; None where the book doesn't tell, or a refund is on its way right
    now. `fee_minor` likewise.
    """

    gateway_order_id: str
    gateway_payment_id: str
    currency: str
    status: Seen
    captured_minor: int = 0
    refunded_minor: int | None = None
    fee_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which the books differ, each side in words and minor units.

    `gateway_payment_id` names the payment, or the payout where the kind is one of payouts.
    """

    kind: Kind
    gateway_payment_id: str
    ours: str
    theirs: str
    ours_minor: int = 0
    theirs_minor: int = 0


def entries_of(observations: Iterable[Observation]) -> dict[str, Entry]:
    """The gateway's book in what it said, by its payment id; what was said last counts."""
    return {seen.gateway_payment_id: _entry(seen) for seen in observations}


def compare(ours: Entry | None, theirs: Entry | None) -> list[Difference]:
    """In what two entries of one payment differ; nothing when both are absent or only an attempt without money is."""
    if theirs is None:
        if ours is None or not ours.captured_minor:
            return []
        gone = f"{ours.status}, captured {ours.captured_minor} {ours.currency}"
        return [Difference(Kind.MISSING_THERE, ours.gateway_payment_id, gone, "nothing", ours.captured_minor, 0)]
    if ours is None:
        if theirs.status not in (Seen.AUTHORIZED, Seen.CAPTURED):
            return []
        listed = f"{theirs.status}, captured {theirs.captured_minor} {theirs.currency}"
        return [Difference(Kind.MISSING_HERE, theirs.gateway_payment_id, "nothing", listed, 0, theirs.captured_minor)]
    if ours.currency != theirs.currency:
        return [Difference(Kind.CURRENCY, ours.gateway_payment_id, ours.currency, theirs.currency)]
    found: list[Difference] = []
    if ours.status is not theirs.status:
        found.append(Difference(Kind.STATE, ours.gateway_payment_id, ours.status, theirs.status))
    amounts: tuple[tuple[Kind, int | None, int | None], ...] = (
        (Kind.CAPTURED, ours.captured_minor, theirs.captured_minor),
        (Kind.FEE, ours.fee_minor, theirs.fee_minor),
        (Kind.REFUNDED, ours.refunded_minor, theirs.refunded_minor),
    )
    for kind, here, there in amounts:
        if here is not None and there is not None and here != there:
            found.append(Difference(kind, ours.gateway_payment_id, str(here), str(there), here, there))
    return found


def compare_payout(ours: Payout | None, theirs: PayoutPart | None) -> list[Difference]:
    """In what two entries of one payout differ. One that the gateway never made is none: its call asks first."""
    if theirs is None:
        if ours is None or ours.gateway_payout_id is None:
            return []
        sent = f"{ours.status}, {ours.amount_minor} {ours.currency}"
        kept = ours.amount_minor - ours.returned_minor
        return [Difference(Kind.PAYOUT_MISSING_THERE, ours.gateway_payout_id, sent, "nothing", kept, 0)]
    there = f"{theirs.amount_minor} {theirs.currency} to {theirs.destination}, {theirs.returned_minor} came back"
    kept = theirs.amount_minor - theirs.returned_minor
    if ours is None:
        return [Difference(Kind.PAYOUT_MISSING_HERE, theirs.gateway_payout_id, "nothing", there, 0, kept)]
    found: list[Difference] = []
    if ours.status not in _SHOWN_AS[theirs.status]:
        found.append(Difference(Kind.PAYOUT_STATE, theirs.gateway_payout_id, ours.status, theirs.status))
    here = f"{ours.amount_minor} {ours.currency} to {ours.destination}, {ours.returned_minor} came back"
    came_back = theirs.status in (PayoutSeen.FAILED, PayoutSeen.RETURNED)
    if not came_back and here != there:
        ours_kept = ours.amount_minor - ours.returned_minor
        found.append(Difference(Kind.PAYOUT_AMOUNT, theirs.gateway_payout_id, here, there, ours_kept, kept))
    return found


def _entry(seen: Observation) -> Entry:
    taken = seen.status is Seen.CAPTURED
    captured = seen.amount_minor if seen.captured_minor is None else seen.captured_minor
    return Entry(
        seen.gateway_order_id,
        seen.gateway_payment_id,
        seen.currency,
        seen.status,
        captured if taken else 0,
        seen.refunded_minor if taken else None,
        seen.fee_minor if taken else None,
    )
