"""What payment remembers, in its own PostgreSQL."""
