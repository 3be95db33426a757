"""Payment's tests, in the order of its rooms."""
