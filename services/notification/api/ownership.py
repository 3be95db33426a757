"""Whose devices, wishes and notices a caller may see or change."""

from __future__ import annotations

from chassis.identity import Principal
from chassis.problems import Problem
from chassis.work import Work
from services.notification.storage import contacts


def owner_of(principal: Principal) -> str:
    """The account's subject, or `booking:<id>` for a guest. Raises `forbidden` for a guest without a booking."""
    if not principal.is_guest:
        return principal.subject
    booking_id = principal.scope.get("booking")
    if booking_id is None:
        raise Problem("forbidden", "Use the guest token that came with the booking.")
    return f"booking:{booking_id}"


async def ensure_own_booking(work: Work, principal: Principal, booking_id: str) -> None:
    """Pass when the booking is the caller's. Raises `not-found` otherwise: another person's thing does not exist."""
    if principal.may("booking", booking_id):
        return
    if not principal.is_guest and await contacts.student_of(work, booking_id) == principal.subject:
        return
    raise Problem("not-found", "No booking of yours has this id.")
