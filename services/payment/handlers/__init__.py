"""One function, one transaction: load, decide, save, tell. All doors lead here."""
