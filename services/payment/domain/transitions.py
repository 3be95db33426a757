"""The tables of payment: for every state and everything that can be seen, what then (design section 7)."""

from __future__ import annotations

from chassis.machine import Decision, Ignore, Machine, Move, Refuse
from services.payment.domain.states import DisputeState as D
from services.payment.domain.states import DisputeTrigger as V
from services.payment.domain.states import PaymentState as S
from services.payment.domain.states import PaymentTrigger as T
from services.payment.domain.states import PayoutState as O
from services.payment.domain.states import PayoutTrigger as P
from services.payment.domain.states import RefundState as R
from services.payment.domain.states import RefundTrigger as U

_Row = dict[T, Decision[S]]

_NOTHING_TAKEN = Refuse("nothing was captured that could go back")
_NOT_OURS_TO_DISPUTE = Refuse("nothing was captured that could be disputed")
_LAPSED = Ignore("an attempt lapsed at the gateway before it counted")
_SECURED_BEFORE = Ignore("the payment is secured already")
_STANDS = Ignore("the money is secured; another attempt's failure changes nothing")
_CLOSED = Ignore("the payment has ended")
_NO_METHOD = Refuse("no method was saved that could be charged")

_NOT_SECURED: _Row = {
    T.ORDER_FOUND: Ignore("the order is known"),
    T.OUTCOME_UNKNOWN: Ignore("an attempt was seen, so the order exists"),
    T.AUTHORIZED_SEEN: Move(S.AUTHORIZED),
    T.CAPTURED_SEEN: Move(S.CAPTURED),
    T.CHARGE_BEGUN: _NO_METHOD,
    T.VOIDED_SEEN: _LAPSED,
    T.REFUNDED_IN_PART: _NOTHING_TAKEN,
    T.REFUNDED_IN_FULL: _NOTHING_TAKEN,
    T.REFUNDS_UNDONE: _NOTHING_TAKEN,
    T.DISPUTE_OPENED: _NOT_OURS_TO_DISPUTE,
    T.DISPUTE_WON: _NOT_OURS_TO_DISPUTE,
    T.DISPUTE_LOST: _NOT_OURS_TO_DISPUTE,
}
_TAKEN: _Row = {
    T.ORDER_FOUND: _SECURED_BEFORE,
    T.OUTCOME_UNKNOWN: Ignore("what was proved stays proved"),
    T.ATTEMPT_SEEN: _SECURED_BEFORE,
    T.METHOD_SAVED_SEEN: _SECURED_BEFORE,
    T.CHARGE_BEGUN: _SECURED_BEFORE,
    T.AUTHORIZED_SEEN: Ignore("captured never goes back"),
    T.CAPTURED_SEEN: Ignore("captured already"),
    T.FAILED_SEEN: _STANDS,
    T.VOIDED_SEEN: Refuse("what was captured cannot be voided"),
    T.DEADLINE_PASSED: _SECURED_BEFORE,
    T.DISPUTE_OPENED: Move(S.DISPUTED),
    T.DISPUTE_WON: Ignore("no dispute is open"),
    T.DISPUTE_LOST: Ignore("no dispute is open"),
}

_ROWS: dict[S, _Row] = {
    S.CREATED: {
        **_NOT_SECURED,
        T.OUTCOME_UNKNOWN: Move(S.UNKNOWN),
        T.ATTEMPT_SEEN: Move(S.PENDING),
        T.METHOD_SAVED_SEEN: Move(S.METHOD_SAVED),
        T.FAILED_SEEN: Move(S.FAILED),
        T.DEADLINE_PASSED: Move(S.EXPIRED),
    },
    S.PENDING: {
        **_NOT_SECURED,
        T.ATTEMPT_SEEN: Ignore("an attempt is under way"),
        T.METHOD_SAVED_SEEN: Move(S.METHOD_SAVED),
        T.CHARGE_BEGUN: Ignore("an attempt is under way"),
        T.FAILED_SEEN: Move(S.FAILED),
        T.DEADLINE_PASSED: Move(S.EXPIRED),
    },
    S.METHOD_SAVED: {
        **_NOT_SECURED,
        T.ATTEMPT_SEEN: Ignore("the method is saved; an older attempt counts no more"),
        T.METHOD_SAVED_SEEN: Ignore("saved already"),
        T.CHARGE_BEGUN: Move(S.PENDING),
        T.FAILED_SEEN: Ignore("the method is saved; an older attempt failed"),
        T.DEADLINE_PASSED: Move(S.EXPIRED),
    },
    S.AUTHORIZED: {
        **_TAKEN,
        T.AUTHORIZED_SEEN: Ignore("authorized already"),
        T.CAPTURED_SEEN: Move(S.CAPTURED),
        T.VOIDED_SEEN: Move(S.VOIDED),
        T.REFUNDED_IN_PART: _NOTHING_TAKEN,
        T.REFUNDED_IN_FULL: _NOTHING_TAKEN,
        T.REFUNDS_UNDONE: _NOTHING_TAKEN,
        T.DISPUTE_OPENED: _NOT_OURS_TO_DISPUTE,
    },
    S.CAPTURED: {
        **_TAKEN,
        T.REFUNDED_IN_PART: Move(S.PARTIALLY_REFUNDED),
        T.REFUNDED_IN_FULL: Move(S.REFUNDED),
        T.REFUNDS_UNDONE: Ignore("nothing was refunded"),
    },
    S.PARTIALLY_REFUNDED: {
        **_TAKEN,
        T.REFUNDED_IN_PART: Ignore("refunded in part already; the sum says how much"),
        T.REFUNDED_IN_FULL: Move(S.REFUNDED),
        T.REFUNDS_UNDONE: Move(S.CAPTURED),
    },
    S.REFUNDED: {
        **_TAKEN,
        T.REFUNDED_IN_PART: Move(S.PARTIALLY_REFUNDED),
        T.REFUNDED_IN_FULL: Ignore("refunded already"),
        T.REFUNDS_UNDONE: Move(S.CAPTURED),
        T.DISPUTE_OPENED: Refuse("everything went back already; a person answers the bank"),
    },
    S.VOIDED: {
        **_TAKEN,
        T.METHOD_SAVED_SEEN: _CLOSED,
        T.CHARGE_BEGUN: _CLOSED,
        T.AUTHORIZED_SEEN: _CLOSED,
        T.CAPTURED_SEEN: Refuse("a voided payment cannot be captured"),
        T.FAILED_SEEN: _CLOSED,
        T.VOIDED_SEEN: Ignore("voided already"),
        T.REFUNDED_IN_PART: _NOTHING_TAKEN,
        T.REFUNDED_IN_FULL: _NOTHING_TAKEN,
        T.REFUNDS_UNDONE: _NOTHING_TAKEN,
        T.DISPUTE_OPENED: _NOT_OURS_TO_DISPUTE,
    },
    S.FAILED: {
        **_NOT_SECURED,
        T.ORDER_FOUND: Move(S.PENDING),
        T.ATTEMPT_SEEN: Move(S.PENDING),
        T.METHOD_SAVED_SEEN: Move(S.METHOD_SAVED),
        T.CHARGE_BEGUN: Move(S.PENDING),
        T.FAILED_SEEN: Ignore("failed already; each attempt is on record"),
        T.DEADLINE_PASSED: Move(S.EXPIRED),
    },
    S.EXPIRED: {
        **_NOT_SECURED,
        T.ATTEMPT_SEEN: Ignore("the deadline passed; the attempt is watched for a late authorization"),
        T.METHOD_SAVED_SEEN: Ignore("the deadline passed before; the method is not charged"),
        T.CHARGE_BEGUN: Refuse("the deadline passed; the method is not charged"),
        T.FAILED_SEEN: Ignore("the deadline passed before"),
        T.DEADLINE_PASSED: Ignore("expired already"),
    },
    S.UNKNOWN: {
        **_NOT_SECURED,
        T.ORDER_FOUND: Move(S.CREATED),
        T.OUTCOME_UNKNOWN: Ignore("unknown already"),
        T.ATTEMPT_SEEN: Move(S.PENDING),
        T.METHOD_SAVED_SEEN: Move(S.METHOD_SAVED),
        T.FAILED_SEEN: Move(S.FAILED),
        T.DEADLINE_PASSED: Move(S.EXPIRED),
    },
    S.DISPUTED: {
        **_TAKEN,
        T.REFUNDED_IN_PART: Ignore("the dispute decides first; the sum is kept"),
        T.REFUNDED_IN_FULL: Ignore("the dispute decides first; the sum is kept"),
        T.REFUNDS_UNDONE: Ignore("the dispute decides first; the sum is kept"),
        T.DISPUTE_OPENED: Ignore("disputed already"),
        T.DISPUTE_WON: Move(S.CAPTURED),
        T.DISPUTE_LOST: Ignore("the bank kept the money; a case says so"),
    },
}

PAYMENT = Machine(
    "payment",
    states=S,
    triggers=T,
    table={(state, trigger): decision for state, row in _ROWS.items() for trigger, decision in row.items()},
    terminal={S.VOIDED},
)
"""The payment's table. From failed or expired, a success is a late authorization (Razorpay polls banks for days)."""

REFUND = Machine(
    "refund",
    states=R,
    triggers=U,
    table={
        (R.REQUESTED, U.CALLED): Move(R.SENT),
        (R.REQUESTED, U.PENDING_SEEN): Move(R.SENT),
        (R.REQUESTED, U.PROCESSED_SEEN): Move(R.SUCCEEDED),
        (R.REQUESTED, U.FAILED_SEEN): Move(R.FAILED),
        (R.SENT, U.CALLED): Ignore("called again under the same key"),
        (R.SENT, U.PENDING_SEEN): Ignore("the gateway still works on it"),
        (R.SENT, U.PROCESSED_SEEN): Move(R.SUCCEEDED),
        (R.SENT, U.FAILED_SEEN): Move(R.FAILED),
        (R.SUCCEEDED, U.CALLED): Ignore("the money went back already"),
        (R.SUCCEEDED, U.PENDING_SEEN): Ignore("the money went back already"),
        (R.SUCCEEDED, U.PROCESSED_SEEN): Ignore("the money went back already"),
        (R.SUCCEEDED, U.FAILED_SEEN): Move(R.REVERSED),
        (R.FAILED, U.CALLED): Move(R.SENT),
        (R.FAILED, U.PENDING_SEEN): Move(R.SENT),
        (R.FAILED, U.PROCESSED_SEEN): Move(R.SUCCEEDED),
        (R.FAILED, U.FAILED_SEEN): Ignore("failed already"),
        (R.REVERSED, U.CALLED): Refuse("the money came back to us; a person asks for a new refund"),
        (R.REVERSED, U.PENDING_SEEN): Ignore("reversed already"),
        (R.REVERSED, U.PROCESSED_SEEN): Ignore("reversed already"),
        (R.REVERSED, U.FAILED_SEEN): Ignore("reversed already"),
    },
    terminal={R.REVERSED},
)
"""The refund's table. A processed refund can still bounce days later: it is reversed, never silently failed."""

DISPUTE = Machine(
    "dispute",
    states=D,
    triggers=V,
    table={
        (D.NEEDS_RESPONSE, V.OPENED_SEEN): Ignore("opened already"),
        (D.NEEDS_RESPONSE, V.REVIEW_SEEN): Move(D.UNDER_REVIEW),
        (D.NEEDS_RESPONSE, V.WON_SEEN): Move(D.WON),
        (D.NEEDS_RESPONSE, V.LOST_SEEN): Move(D.LOST),
        (D.UNDER_REVIEW, V.OPENED_SEEN): Ignore("answered already"),
        (D.UNDER_REVIEW, V.REVIEW_SEEN): Ignore("under review already"),
        (D.UNDER_REVIEW, V.WON_SEEN): Move(D.WON),
        (D.UNDER_REVIEW, V.LOST_SEEN): Move(D.LOST),
        (D.WON, V.OPENED_SEEN): Ignore("the bank decided before"),
        (D.WON, V.REVIEW_SEEN): Ignore("the bank decided before"),
        (D.WON, V.WON_SEEN): Ignore("won already"),
        (D.WON, V.LOST_SEEN): Refuse("the bank decided for us before; a person looks"),
        (D.LOST, V.OPENED_SEEN): Ignore("the bank decided before"),
        (D.LOST, V.REVIEW_SEEN): Ignore("the bank decided before"),
        (D.LOST, V.WON_SEEN): Refuse("the bank decided against us before; a person looks"),
        (D.LOST, V.LOST_SEEN): Ignore("lost already"),
    },
    terminal={D.WON, D.LOST},
)
"""The dispute's table. While one is open its payment is `disputed` and what is shared of it is not paid out."""

_GIVEN_UP = Refuse("the payout was given up and its money is owed to the partner again")

PAYOUT = Machine(
    "payout",
    states=O,
    triggers=P,
    table={
        (O.REQUESTED, P.CALLED): Move(O.SENT),
        (O.REQUESTED, P.PENDING_SEEN): Move(O.SENT),
        (O.REQUESTED, P.PAID_SEEN): Move(O.PAID),
        (O.REQUESTED, P.FAILED_SEEN): Move(O.FAILED),
        (O.REQUESTED, P.RETURNED_SEEN): Move(O.RETURNED),
        (O.SENT, P.CALLED): Ignore("called again under the same key"),
        (O.SENT, P.PENDING_SEEN): Ignore("the gateway still works on it"),
        (O.SENT, P.PAID_SEEN): Move(O.PAID),
        (O.SENT, P.FAILED_SEEN): Move(O.FAILED),
        (O.SENT, P.RETURNED_SEEN): Move(O.RETURNED),
        (O.PAID, P.CALLED): Ignore("paid already"),
        (O.PAID, P.PENDING_SEEN): Ignore("paid already"),
        (O.PAID, P.PAID_SEEN): Ignore("paid already"),
        (O.PAID, P.FAILED_SEEN): Move(O.RETURNED),
        (O.PAID, P.RETURNED_SEEN): Move(O.RETURNED),
        (O.FAILED, P.CALLED): _GIVEN_UP,
        (O.FAILED, P.PENDING_SEEN): Ignore("failed already"),
        (O.FAILED, P.PAID_SEEN): _GIVEN_UP,
        (O.FAILED, P.FAILED_SEEN): Ignore("failed already"),
        (O.FAILED, P.RETURNED_SEEN): Ignore("failed already"),
        (O.RETURNED, P.CALLED): _GIVEN_UP,
        (O.RETURNED, P.PENDING_SEEN): Ignore("it came back already"),
        (O.RETURNED, P.PAID_SEEN): Ignore("it came back already"),
        (O.RETURNED, P.FAILED_SEEN): Ignore("it came back already"),
        (O.RETURNED, P.RETURNED_SEEN): Ignore("it came back already"),
    },
    terminal={O.FAILED, O.RETURNED},
)
"""The payout's table. One that fails after it was paid came back; what failed or came back is paid by a later payout."""
