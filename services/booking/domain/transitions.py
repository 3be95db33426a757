"""The tables that are booking's machines: hold, slot and booking."""

from __future__ import annotations

from chassis.machine import Ignore, Machine, Move, Refuse
from services.booking.domain.states import BookingState as B
from services.booking.domain.states import BookingTrigger as BT
from services.booking.domain.states import HoldState as H
from services.booking.domain.states import HoldTrigger as HT
from services.booking.domain.states import SlotState as S
from services.booking.domain.states import SlotTrigger as ST

HOLD = Machine(
    "hold",
    H,
    HT,
    {
        (H.HELD, HT.PAID): Move(H.CONVERTED),
        (H.HELD, HT.METHOD_SAVED): Move(H.HELD),
        (H.HELD, HT.PAID_AND_PLACE_GONE): Refuse("a live hold has its place"),
        (H.HELD, HT.DEADLINE_PASSED): Move(H.EXPIRED),
        (H.HELD, HT.CANCELLED): Move(H.RELEASED),
        (H.CONVERTED, HT.PAID): Ignore("already converted"),
        (H.CONVERTED, HT.METHOD_SAVED): Ignore("paid already"),
        (H.CONVERTED, HT.PAID_AND_PLACE_GONE): Refuse("a converted hold has its place"),
        (H.CONVERTED, HT.DEADLINE_PASSED): Ignore("paid before the deadline was looked at"),
        (H.CONVERTED, HT.CANCELLED): Move(H.RELEASED),
        (H.EXPIRED, HT.PAID): Move(H.CONVERTED),
        (H.EXPIRED, HT.METHOD_SAVED): Ignore("the places were given back; the method is not charged"),
        (H.EXPIRED, HT.PAID_AND_PLACE_GONE): Ignore("the money goes back"),
        (H.EXPIRED, HT.DEADLINE_PASSED): Ignore("already expired"),
        (H.EXPIRED, HT.CANCELLED): Ignore("already expired"),
        (H.RELEASED, HT.PAID): Ignore("the buyer gave it up; the money goes back"),
        (H.RELEASED, HT.METHOD_SAVED): Ignore("the buyer gave it up; the method is not charged"),
        (H.RELEASED, HT.PAID_AND_PLACE_GONE): Ignore("the money goes back"),
        (H.RELEASED, HT.DEADLINE_PASSED): Ignore("already released"),
        (H.RELEASED, HT.CANCELLED): Ignore("already released"),
    },
    terminal={H.RELEASED},
)

SLOT = Machine(
    "slot",
    S,
    ST,
    {
        (S.CLAIMED, ST.GIVEN_UP): Move(S.FREED),
        (S.CLAIMED, ST.TAKEN_AGAIN): Ignore("it is claimed"),
        (S.CLAIMED, ST.MOVED): Move(S.CLAIMED),
        (S.CLAIMED, ST.SESSION_ENDED): Move(S.ENDED),
        (S.FREED, ST.GIVEN_UP): Ignore("already given up"),
        (S.FREED, ST.TAKEN_AGAIN): Move(S.CLAIMED),
        (S.FREED, ST.MOVED): Refuse("it was given up"),
        (S.FREED, ST.SESSION_ENDED): Refuse("it was given up"),
        (S.ENDED, ST.GIVEN_UP): Ignore("the session is over"),
        (S.ENDED, ST.TAKEN_AGAIN): Refuse("the session is over"),
        (S.ENDED, ST.MOVED): Refuse("the session is over"),
        (S.ENDED, ST.SESSION_ENDED): Ignore("the session is over already"),
    },
    terminal={S.ENDED},
)

BOOKING = Machine(
    "booking",
    B,
    BT,
    {
        (B.CONFIRMED, BT.FIRST_SESSION_HELD): Move(B.IN_PROGRESS),
        (B.CONFIRMED, BT.LAST_SESSION_HELD): Move(B.COMPLETED),
        (B.CONFIRMED, BT.CANCELLED_BY_BUYER): Move(B.CANCELLED),
        (B.CONFIRMED, BT.CANCELLED_BY_SELLER): Move(B.CANCELLED),
        (B.CONFIRMED, BT.FULFILLMENT_REJECTED): Move(B.CANCELLED),
        (B.IN_PROGRESS, BT.FIRST_SESSION_HELD): Ignore("already in progress"),
        (B.IN_PROGRESS, BT.LAST_SESSION_HELD): Move(B.COMPLETED),
        (B.IN_PROGRESS, BT.CANCELLED_BY_BUYER): Move(B.CANCELLED),
        (B.IN_PROGRESS, BT.CANCELLED_BY_SELLER): Move(B.CANCELLED),
        (B.IN_PROGRESS, BT.FULFILLMENT_REJECTED): Refuse("it is being given already"),
        (B.COMPLETED, BT.FIRST_SESSION_HELD): Ignore("already completed"),
        (B.COMPLETED, BT.LAST_SESSION_HELD): Ignore("already completed"),
        (B.COMPLETED, BT.CANCELLED_BY_BUYER): Refuse("everything was given"),
        (B.COMPLETED, BT.CANCELLED_BY_SELLER): Refuse("everything was given"),
        (B.COMPLETED, BT.FULFILLMENT_REJECTED): Refuse("everything was given"),
        (B.CANCELLED, BT.FIRST_SESSION_HELD): Ignore("it was cancelled"),
        (B.CANCELLED, BT.LAST_SESSION_HELD): Ignore("it was cancelled"),
        (B.CANCELLED, BT.CANCELLED_BY_BUYER): Ignore("already cancelled"),
        (B.CANCELLED, BT.CANCELLED_BY_SELLER): Ignore("already cancelled"),
        (B.CANCELLED, BT.FULFILLMENT_REJECTED): Ignore("already cancelled"),
    },
    terminal={B.COMPLETED, B.CANCELLED},
)
