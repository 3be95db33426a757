"""The HTTP door of fulfillment."""
