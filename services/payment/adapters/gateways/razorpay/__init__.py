"""Razorpay over its documented HTTP interface."""
