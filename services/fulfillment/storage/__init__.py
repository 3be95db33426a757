"""Tables and queries of fulfillment."""
