"""The local stage: every part of Payfirst on one machine, with nothing but Python (design section 12)."""
