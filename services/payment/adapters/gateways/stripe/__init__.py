"""Stripe through its official SDK, over our own transport."""
