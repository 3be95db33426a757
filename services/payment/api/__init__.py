"""Door one: HTTP. Routes authenticate, read and answer; they decide nothing."""
