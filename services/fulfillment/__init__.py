"""Fulfillment: purchases, trainers, allocations, sessions, progress and invoices. It never touches money."""
