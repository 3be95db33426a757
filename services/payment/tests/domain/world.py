"""A plain model of the outside for random histories: gateways that know what really happened, and what they ever said."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from uuid import UUID

from services.payment.domain import ledger
from services.payment.domain.capturing import capture_now, follow_service
from services.payment.domain.deciding import decide
from services.payment.domain.ledger import Journal
from services.payment.domain.moving import pass_deadline
from services.payment.domain.observation import (
    NO_CURRENCY,
    DisputePart,
    Observation,
    RefundPart,
    RefundSeen,
    Seen,
    SetupPart,
    Source,
)
from services.payment.domain.payment import Effects, Fact, Payment, Refund
from services.payment.domain.planning import Collection
from services.payment.domain.refunding import move_refund, request_refund
from services.payment.domain.saving import begin_charge, give_up, may_charge
from services.payment.domain.shares import LineShare, SoldLine, share_out
from services.payment.domain.states import PaymentState, RefundState, RefundTrigger
from services.payment.tests.domain.truth import AMOUNT, CAN, NOW, TrueCharge, TrueRefund, seen_of


@dataclass
class World:
    """One booking with a payment at each of two gateways, what the gateways did, and what our side made of it."""

    payments: list[Payment]
    charges: list[tuple[Payment, TrueCharge]] = field(default_factory=list)
    said: list[tuple[Payment, Observation]] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    runs: list[tuple[Payment, Refund]] = field(default_factory=list)
    cases: set[str] = field(default_factory=set)
    edges: list[tuple[UUID, str | None, str, str]] = field(default_factory=list)
    journals: list[Journal] = field(default_factory=list)
    shares: dict[UUID, list[LineShare]] = field(default_factory=dict)
    confirmed: bool = False
    moves: int = 0
    numbers: count[int] = field(default_factory=lambda: count(1))

    @classmethod
    def new(cls) -> World:
        """Two payments, each with one order; the second is of a session and captured after it."""
        rows = [
            Payment(
                UUID(int=n),
                "booking",
                name,
                PaymentState.CREATED,
                AMOUNT,
                "INR",
                orders=[f"order-{name}", f"setup-{name}"],
            )
            for n, name in ((1, "razorpay"), (2, "stripe"))
        ]
        rows[1].collection, rows[1].service_ends_at = Collection.AUTHORIZE_NOW, NOW + timedelta(days=2)
        return cls(rows)

    def effects(self) -> Effects:
        """Of one transaction."""
        return Effects(NOW, lambda: UUID(int=1000 + next(self.numbers)))

    def settle(self, effects: Effects) -> None:
        """Keep what a transaction brought about."""
        self.facts += effects.facts
        self.runs += effects.refund_runs
        self.cases |= set(effects.cases)
        for movement in effects.movements:
            refund = movement.payment.refunds.get(_id(movement.reference))
            counts = refund is None or refund.gateway_payment_id == movement.payment.gateway_payment_id
            shares = self.shares.get(movement.payment.id, []) if counts else []
            self.journals.append(ledger.moved(movement, shares))
        self._share()
        self.edges += [(m.subject, m.from_status, m.to_status, m.reason) for m in effects.payment_moves]

    def confirm(self) -> None:
        """Booking confirms what was secured: what is captured of it is shared out, now or when it is captured."""
        self.confirmed = self.confirmed or any(p.secured_at is not None for p in self.payments)
        self._share()

    def _share(self) -> None:
        for payment in self.payments:
            left = payment.captured_minor - payment.refunded_minor
            if (
                self.confirmed
                and payment.captured_minor
                and payment.duplicate_of is None
                and payment.id not in self.shares
            ):
                lines = [SoldLine("course", 700), SoldLine("session", 300, "expert-1", 8_000)]
                self.shares[payment.id] = share_out(left, lines)
                if (journal := ledger.shared(payment, self.shares[payment.id])) is not None:
                    self.journals.append(journal)

    def try_to_pay(self, pick: int) -> None:
        """The buyer starts an attempt at one of the gateways."""
        payment = self.payments[pick % 2]
        order_id = payment.orders[0]
        assert order_id is not None
        charge = TrueCharge(order_id, f"pay-{next(self.numbers)}")
        self.charges.append((payment, charge))
        self._say(payment, charge)

    def save_method(self, pick: int, status: Seen) -> None:
        """The gateway says what became of the saving of a method."""
        payment = self.payments[pick % 2]
        order_id, saved = f"setup-{payment.gateway}", status is Seen.METHOD_SAVED
        part = SetupPart("customer", f"method-{next(self.numbers)}") if saved else SetupPart()
        said = Observation(
            payment.gateway, order_id, order_id, status, 0, NO_CURRENCY, "account", Source.POLL, "history", setup=part
        )
        self.said.append((payment, said))

    def charge(self, pick: int) -> None:
        """Our worker charges the saved method, if it may."""
        payment, effects = self.payments[pick % 2], self.effects()
        if may_charge(self.payments, payment, effects):
            assert payment.status not in (PaymentState.EXPIRED, PaymentState.VOIDED)
            assert all(other.secured_at is None for other in self.payments)
            begin_charge(payment, effects)
            payment.orders.append(f"charge-{next(self.numbers)}")
            order_id = payment.orders[-1]
            assert order_id is not None
            self.charges.append((payment, TrueCharge(order_id, f"pay-{next(self.numbers)}")))
        self.settle(effects)

    def give_up(self, pick: int) -> None:
        """The hold has ended."""
        effects = self.effects()
        give_up(self.payments[pick % 2], "the hold has ended", effects)
        self.settle(effects)

    def move_service(self, pick: int) -> None:
        """Booking moves the session, into the past even or far ahead."""
        effects = self.effects()
        self.moves += 1
        for payment in self.payments:
            if payment.duplicate_of is None:
                follow_service(payment, NOW + timedelta(days=3 * pick - 9), CAN, effects)
        self.settle(effects)

    def complete_service(self) -> None:
        """The expert says that it took place."""
        effects = self.effects()
        for payment in self.payments:
            capture_now(payment, effects)
        self.settle(effects)

    def advance(self, pick: int, status: Seen) -> None:
        """A charge moves at the gateway, where that is possible."""
        if not self.charges:
            return
        payment, charge = self.charges[pick % len(self.charges)]
        legal = {
            Seen.FAILED: (Seen.PENDING,),
            Seen.AUTHORIZED: (Seen.PENDING, Seen.FAILED),
            Seen.CAPTURED: (Seen.PENDING, Seen.AUTHORIZED),
            Seen.VOIDED: (Seen.AUTHORIZED,),
        }
        if charge.status not in legal[status]:
            return
        charge.status = status
        charge.captured = AMOUNT if status is Seen.CAPTURED else 0
        self._say(payment, charge)

    def refund_at_gateway(self, pick: int, amount: int) -> None:
        """Somebody refunds in the gateway's dashboard."""
        captured = [(p, c) for p, c in self.charges if c.captured > c.given]
        if captured:
            payment, charge = captured[pick % len(captured)]
            part = min(amount, charge.captured - charge.given)
            self._made(payment, charge, TrueRefund(f"rfnd-{next(self.numbers)}", None, part))

    def call_refund(self, pick: int) -> None:
        """Our worker makes a refund's call; an uncaptured charge is captured first, a repeat is the same refund."""
        if not self.runs:
            return
        payment, refund = self.runs[pick % len(self.runs)]
        charge = next(c for _, c in self.charges if c.gateway_payment_id == refund.gateway_payment_id)
        refused_for_good = refund.status is RefundState.FAILED and refund.gateway_refund_id is not None
        if refund.status in (RefundState.SUCCEEDED, RefundState.REVERSED) or refused_for_good:
            return
        effects = self.effects()
        move_refund(payment, refund, RefundTrigger.CALLED, "refunds", effects)
        self.settle(effects)
        if charge.status is Seen.AUTHORIZED:
            charge.status, charge.captured = Seen.CAPTURED, AMOUNT
            self._say(payment, charge)
        if charge.status is not Seen.CAPTURED or any(r.ours == refund.id for r in charge.refunds):
            return
        if refund.amount_minor > charge.captured - charge.given:
            failed = RefundPart(None, refund.id, RefundSeen.FAILED, refund.amount_minor)
            self.observe(payment, replace(seen_of(payment, charge), refund=failed))
            return
        self._made(payment, charge, TrueRefund(f"rfnd-{next(self.numbers)}", refund.id, refund.amount_minor))

    def end_refund(self, pick: int, status: RefundSeen) -> None:
        """The gateway finishes a refund, or a finished one bounces."""
        open_ones = [
            (p, c, r)
            for p, c in self.charges
            for r in c.refunds
            if r.status is RefundSeen.PENDING or (r.status, status) == (RefundSeen.PROCESSED, RefundSeen.FAILED)
        ]
        if open_ones:
            payment, charge, refund = open_ones[pick % len(open_ones)]
            refund.status = status
            self._say_refund(payment, charge, refund)

    def owe(self, pick: int, amount: int) -> None:
        """Booking owes the buyer something of the payment that counts."""
        for payment in self.payments:
            attempt = payment.attempts.get(payment.gateway_payment_id or "")
            if attempt is None or attempt.status not in (Seen.AUTHORIZED, Seen.CAPTURED) or payment.duplicate_of:
                continue
            left = attempt.authorized_minor - payment.owed(attempt.gateway_payment_id)
            if left > 0:
                effects = self.effects()
                request_refund(payment, attempt, f"owed-{pick}", min(amount, left), "cancelled", effects)
                self.settle(effects)

    def dispute(self, pick: int, status: Seen) -> None:
        """The bank speaks of a captured charge."""
        captured = [(p, c) for p, c in self.charges if c.status is Seen.CAPTURED]
        if captured:
            payment, charge = captured[pick % len(captured)]
            part = DisputePart(f"dp-{charge.gateway_payment_id}", AMOUNT, NOW + timedelta(days=7))
            self.said.append((payment, replace(seen_of(payment, charge), status=status, dispute=part)))

    def hear(self, pick: int) -> None:
        """Our side hears anything that was ever said: late, twice, in any order."""
        if self.said:
            self.observe(*self.said[pick % len(self.said)])

    def expire(self, pick: int) -> None:
        """The hold's deadline passes."""
        effects = self.effects()
        pass_deadline(self.payments[pick % 2], effects)
        self.settle(effects)

    def observe(self, payment: Payment, seen: Observation) -> None:
        """One observation in one transaction."""
        effects = self.effects()
        decide(self.payments, payment, seen, effects)
        self.settle(effects)

    def poll(self) -> None:
        """Everything is asked about, until nothing new comes and every refund that we want was called and ended."""
        for _ in range(4):
            for payment, charge in self.charges:
                self.observe(payment, seen_of(payment, charge))
                for refund in charge.refunds:
                    self.observe(payment, self._with_refund(payment, charge, refund))
            for pick in range(len(self.runs)):
                self.call_refund(pick)
            for _, charge in self.charges:
                for refund in charge.refunds:
                    if refund.status is RefundSeen.PENDING:
                        refund.status = RefundSeen.PROCESSED

    def _made(self, payment: Payment, charge: TrueCharge, refund: TrueRefund) -> None:
        charge.refunds.append(refund)
        self._say_refund(payment, charge, refund)

    def _say(self, payment: Payment, charge: TrueCharge) -> None:
        self.said.append((payment, seen_of(payment, charge)))

    def _say_refund(self, payment: Payment, charge: TrueCharge, refund: TrueRefund) -> None:
        self.said.append((payment, self._with_refund(payment, charge, refund)))

    def _with_refund(self, payment: Payment, charge: TrueCharge, refund: TrueRefund) -> Observation:
        part = RefundPart(refund.gateway_refund_id, refund.ours, refund.status, refund.amount)
        return replace(seen_of(payment, charge), refund=part)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
