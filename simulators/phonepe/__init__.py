"""PhonePe v2 Standard Checkout, simulated."""
