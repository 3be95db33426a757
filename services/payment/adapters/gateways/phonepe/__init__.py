"""PhonePe v2 Standard Checkout over its documented HTTP interface."""
