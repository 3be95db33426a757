"""Tables and queries of booking."""
