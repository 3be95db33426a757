"""Payouts: what a partner is due becomes one transfer; what the gateway says of it moves it, the books and the lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from chassis.machine import Ignore, Move
from services.payment.domain.ledger import Entry, Journal
from services.payment.domain.observation import PayoutPart, PayoutSeen
from services.payment.domain.payment import Transition
from services.payment.domain.shares import split
from services.payment.domain.states import JournalKind, PayoutState, PayoutTrigger
from services.payment.domain.transitions import PAYOUT

_SEEN = {
    PayoutSeen.PENDING: PayoutTrigger.PENDING_SEEN,
    PayoutSeen.PAID: PayoutTrigger.PAID_SEEN,
    PayoutSeen.FAILED: PayoutTrigger.FAILED_SEEN,
    PayoutSeen.RETURNED: PayoutTrigger.RETURNED_SEEN,
}
_OPEN = frozenset({PayoutState.REQUESTED, PayoutState.SENT})
_GIVEN_UP = frozenset({PayoutState.FAILED, PayoutState.RETURNED})


@dataclass(slots=True)
class PayoutLine:
    """What a payout pays of a line, in minor units: negative where a refund came after an earlier payout.

    `undone_minor` of it came back: with the last of a payout, all of every line.
    """

    payment_id: UUID
    line_id: str
    amount_minor: int
    undone_minor: int = 0


@dataclass(slots=True)
class Payout:
    """One transfer of `amount_minor` to `destination`, a partner's account at `gateway`."""

    id: UUID
    partner_id: str
    gateway: str
    destination: str
    amount_minor: int
    currency: str
    status: PayoutState = PayoutState.REQUESTED
    gateway_payout_id: str | None = None
    returned_minor: int = 0
    reason: str | None = None
    lines: list[PayoutLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PayoutCase:
    """What a person must decide about a payout; `dedupe` opens it once."""

    kind: str
    dedupe: str
    detail: str
    expected_minor: int
    seen_minor: int
    currency: str


@dataclass(slots=True)
class PayoutEffects:
    """What decisions about payouts brought about, to be written together. `relined`: payouts whose lines are new or
    changed. `suspended`: payouts whose account needs a person before anything more is sent there."""

    touched: dict[UUID, Payout] = field(default_factory=dict)
    relined: dict[UUID, Payout] = field(default_factory=dict)
    moves: list[Transition] = field(default_factory=list)
    journals: list[Journal] = field(default_factory=list)
    cases: list[PayoutCase] = field(default_factory=list)
    suspended: list[Payout] = field(default_factory=list)


def matched(payouts: Mapping[UUID, Payout], parts: Sequence[PayoutPart]) -> list[Payout | None]:
    """For each of `parts` which of `payouts`, by our id, it is about: by our own id if it carries one that is known, else
    by the gateway's."""
    by_theirs = {p.gateway_payout_id: p for p in payouts.values() if p.gateway_payout_id is not None}
    ours = (payouts.get(part.payout_id) if part.payout_id is not None else None for part in parts)
    return [payout or by_theirs.get(part.gateway_payout_id) for payout, part in zip(ours, parts, strict=True)]


def request(payout: Payout, effects: PayoutEffects) -> None:
    """A new payout: the partner's money is on its way from now on."""
    assert sum(line.amount_minor for line in payout.lines) == payout.amount_minor
    effects.touched[payout.id] = effects.relined[payout.id] = payout
    effects.moves.append(Transition(payout.id, None, payout.status, "requested", "due and released", "batch"))
    entries = [Entry(_partner(payout), line.amount_minor, line.line_id) for line in payout.lines]
    effects.journals.append(
        _journal(JournalKind.PAYOUT, payout, "", [*entries, Entry(_way(payout), -payout.amount_minor)])
    )


def call(payout: Payout, effects: PayoutEffects) -> bool:
    """The gateway is about to be called; whether it may be."""
    if payout.status not in _OPEN:
        return False
    _move(payout, PayoutTrigger.CALLED, "the gateway is called", "payouts", effects)
    return True


def refuse(payout: Payout, reason: str, effects: PayoutEffects) -> None:
    """The gateway refused it for good: its money is owed again, and the account waits for a person."""
    payout.reason = reason
    _move(payout, PayoutTrigger.FAILED_SEEN, reason, "reply", effects)


def observe(payout: Payout, part: PayoutPart, source: str, effects: PayoutEffects) -> str:
    """What the gateway said of `payout`; returns the verdict in words. What can't be is a case and moves nothing."""
    ours = (payout.amount_minor, payout.currency, payout.destination)
    if ours != (part.amount_minor, part.currency, part.destination):
        detail = (
            f"{payout.gateway} shows payout {part.gateway_payout_id} of {part.amount_minor} {part.currency} to "
            f"{part.destination}; ours is {payout.amount_minor} {payout.currency} to {payout.destination}."
        )
        effects.cases.append(_case("payout-mismatch", payout, detail, part.amount_minor, ""))
        return "refused: payout-mismatch"
    if payout.gateway_payout_id is None:
        payout.gateway_payout_id = part.gateway_payout_id
        effects.touched[payout.id] = payout
    whole = part.returned_minor >= payout.amount_minor
    trigger = PayoutTrigger.RETURNED_SEEN if whole else _SEEN[part.status]
    if part.reason is not None and trigger in (PayoutTrigger.FAILED_SEEN, PayoutTrigger.RETURNED_SEEN):
        payout.reason = part.reason
    verdict = _move(payout, trigger, part.reason or trigger.replace("_", " "), source, effects)
    if payout.status is PayoutState.PAID and payout.returned_minor < part.returned_minor:
        _undo(payout, part.returned_minor, f"gateway:{payout.gateway}", effects)
        detail = f"{part.returned_minor} of {payout.amount_minor} {payout.currency} came back from {payout.partner_id}."
        effects.cases.append(
            _case("payout-partly-returned", payout, detail, part.returned_minor, str(part.returned_minor))
        )
        return "returned in part"
    return verdict


def _move(payout: Payout, trigger: PayoutTrigger, reason: str, source: str, effects: PayoutEffects) -> str:
    decision, before = PAYOUT.decide(payout.status, trigger), payout.status
    if isinstance(decision, Ignore):
        return f"ignored: {decision.reason}"
    if not isinstance(decision, Move):
        detail = f"{payout.gateway} says {trigger.replace('_', ' ')} of a payout that {before}: {decision.reason}."
        effects.cases.append(_case("payout-refused-observation", payout, detail, payout.amount_minor, trigger))
        return f"refused: {decision.reason}"
    payout.status = decision.to
    effects.touched[payout.id] = payout
    effects.moves.append(Transition(payout.id, before, decision.to, trigger, reason, source))
    if decision.to is PayoutState.PAID:
        entries = [Entry(_way(payout), payout.amount_minor), Entry(f"gateway:{payout.gateway}", -payout.amount_minor)]
        effects.journals.append(_journal(JournalKind.PAYOUT_PAID, payout, "", entries))
    elif decision.to in _GIVEN_UP:
        _undo(
            payout,
            payout.amount_minor,
            f"gateway:{payout.gateway}" if before is PayoutState.PAID else _way(payout),
            effects,
        )
        detail = f"{payout.amount_minor} {payout.currency} for {payout.partner_id} {decision.to}: {reason}. It is owed again."
        effects.cases.append(_case(f"payout-{decision.to}", payout, detail, 0, ""))
        effects.suspended.append(payout)
    return f"moved: {decision.to}"


def _undo(payout: Payout, returned_minor: int, from_account: str, effects: PayoutEffects) -> None:
    """`returned_minor` in all came back: the lines have it due again, the whole of each when all came back."""
    if returned_minor == payout.amount_minor:
        parts = [line.amount_minor - line.undone_minor for line in payout.lines]
    else:
        weights = [max(line.amount_minor, 0) - line.undone_minor for line in payout.lines]
        parts = split(returned_minor - payout.returned_minor, weights)
    entries = []
    for line, part in zip(payout.lines, parts, strict=True):
        line.undone_minor += part
        entries += [Entry(_partner(payout), -part, line.line_id)] if part else []
    entries.append(Entry(from_account, returned_minor - payout.returned_minor))
    payout.returned_minor = returned_minor
    effects.touched[payout.id] = effects.relined[payout.id] = payout
    effects.journals.append(_journal(JournalKind.PAYOUT_UNDONE, payout, f"/{returned_minor}", entries))


def _case(kind: str, payout: Payout, detail: str, seen_minor: int, which: str) -> PayoutCase:
    return PayoutCase(kind, f"{kind}/{payout.id}/{which}", detail, payout.amount_minor, seen_minor, payout.currency)


def _journal(kind: JournalKind, payout: Payout, suffix: str, entries: Sequence[Entry]) -> Journal:
    reference = f"{payout.id}{suffix}"
    return Journal(kind, reference, None, None, payout.currency, tuple(entries), payout.id)


def _partner(payout: Payout) -> str:
    return f"partner:{payout.partner_id}"


def _way(payout: Payout) -> str:
    return f"payouts:{payout.gateway}"
