"""Booking: offers, carts, holds and bookings. It decides what is owed back; it never talks to a gateway."""
