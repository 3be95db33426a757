"""The books: what each movement of money is in double entry. Debits are positive; every journal sums to zero.

| account | says | grows with |
|---|---|---|
| `gateway:<name>` | what a gateway holds for us | captures (debit) |
| `fees:<name>` | what a gateway kept | fees (debit) |
| `disputes:<name>` | what a bank claims back at the moment | disputes (debit) |
| `buyers` | taken for a booking and not yet anybody's | captures (credit) |
| `partner:<id>` | owed to an expert, trainer or vendor | shares (credit) |
| `payouts:<name>` | on its way to partners through a gateway | payouts (credit) |
| `platform` | ours | shares (credit), and lost to refunds |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.payment.domain.payment import Movement, Payment
from services.payment.domain.shares import LineShare, split
from services.payment.domain.states import JournalKind

BUYERS = "buyers"
PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a journal: minor units, debit positive."""

    account: str
    amount_minor: int
    line_id: str | None = None


@dataclass(frozen=True, slots=True)
class Journal:
    """One movement of a payment's or a payout's money. `reference` names its cause: with its kind it is booked once."""

    kind: JournalKind
    reference: str
    payment_id: UUID | None
    booking_id: str | None
    currency: str
    entries: tuple[Entry, ...]
    payout_id: UUID | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` for a journal that does not balance: it must not even reach the database."""
        if len(self.entries) < 2 or sum(entry.amount_minor for entry in self.entries) != 0:
            raise ValueError(f"journal {self.kind}/{self.reference} does not balance")


def captured(payment: Payment, gateway_payment_id: str, amount_minor: int) -> Journal:
    """The gateway took `amount_minor` from the buyer."""
    entries = (Entry(f"gateway:{payment.gateway}", amount_minor), Entry(BUYERS, -amount_minor))
    return _journal(JournalKind.CAPTURE, f"{payment.gateway}/{gateway_payment_id}", payment, entries)


def fee(payment: Payment, gateway_payment_id: str, fee_minor: int) -> Journal:
    """The gateway keeps `fee_minor` of a capture; the platform bears it (C19)."""
    entries = (Entry(f"fees:{payment.gateway}", fee_minor), Entry(f"gateway:{payment.gateway}", -fee_minor))
    return _journal(JournalKind.FEE, f"{payment.gateway}/{gateway_payment_id}", payment, entries)


def moved(movement: Movement, shares: Sequence[LineShare]) -> Journal:
    """The journal of a movement; `shares` are the payment's lines, changed where money goes back."""
    payment, amount = movement.payment, movement.amount_minor
    gateway, disputes = f"gateway:{payment.gateway}", f"disputes:{payment.gateway}"
    match movement.kind:
        case JournalKind.CAPTURE:
            return captured(payment, movement.reference, amount)
        case JournalKind.FEE:
            return fee(payment, movement.reference, amount)
        case JournalKind.DISPUTE_OPENED:
            return _journal(
                movement.kind, movement.reference, payment, (Entry(disputes, amount), Entry(gateway, -amount))
            )
        case JournalKind.DISPUTE_WON:
            return _journal(
                movement.kind, movement.reference, payment, (Entry(gateway, amount), Entry(disputes, -amount))
            )
        case JournalKind.DISPUTE_LOST:
            return given_back(movement.kind, movement.reference, payment, disputes, amount, shares)
        case JournalKind.REFUND_REVERSED:
            return given_back(movement.kind, movement.reference, payment, gateway, -amount, shares)
        case _:
            return given_back(movement.kind, movement.reference, payment, gateway, amount, shares)


def shared(payment: Payment, shares: Sequence[LineShare]) -> Journal | None:
    """The captured money becomes the partners' and the platform's, line by line (S1-19); None when there is none."""
    entries: list[Entry] = []
    for share in shares:
        entries += _owners(share, -share.partner_minor, -(share.total_minor - share.partner_minor))
    total = -sum(entry.amount_minor for entry in entries)
    if not total:
        return None
    return _journal(JournalKind.SHARE, str(payment.id), payment, (Entry(BUYERS, total), *entries))


def given_back(
    kind: JournalKind,
    reference: str,
    payment: Payment,
    from_account: str,
    amount_minor: int,
    shares: Sequence[LineShare],
) -> Journal:
    """Money leaves `from_account` for the buyer, at the cost of those who have it; a negative amount undoes that.

    `shares` are changed: each line remembers what went back of it, so that parts add up to the whole to the minor unit.
    Without shares the money was still the buyers'.
    """
    costs = take_back(shares, amount_minor) if shares else [Entry(BUYERS, amount_minor)]
    return _journal(kind, reference, payment, (*costs, Entry(from_account, -amount_minor)))


def take_back(shares: Sequence[LineShare], amount_minor: int) -> list[Entry]:
    """The debits of giving `amount_minor` back (negative: of undoing it), spread over the lines by what is left of
    each, or by what went back of each when it is undone. What went back before there were shares was the buyers'."""
    undone = amount_minor < 0
    weights = [share.refunded_minor if undone else share.total_minor - share.refunded_minor for share in shares]
    known = min(abs(amount_minor), sum(weights))
    rest = abs(amount_minor) - known
    entries = [Entry(BUYERS, -rest if undone else rest)] if rest else []
    for share, part in zip(shares, split(known, weights), strict=True):
        before = share.partner_refunded
        share.refunded_minor += -part if undone else part
        partner = share.partner_refunded - before
        entries += _owners(share, partner, (-part if undone else part) - partner)
    return entries


def _owners(share: LineShare, partner_minor: int, platform_minor: int) -> list[Entry]:
    sides = [(f"partner:{share.partner_id}", partner_minor), (PLATFORM, platform_minor)]
    return [Entry(account, amount, share.line_id) for account, amount in sides if amount]


def _journal(kind: JournalKind, reference: str, payment: Payment, entries: tuple[Entry, ...]) -> Journal:
    return Journal(kind, reference, payment.id, payment.booking_id, payment.currency, entries)
