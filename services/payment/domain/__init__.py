"""What payment decides: pure data and functions, no waiting, no clock, no database."""
