"""The HTTP door of booking."""
