"""Load, decide, save: one function is one transaction."""
