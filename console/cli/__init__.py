"""The `payfirst` command: the local stage, and what operators do from a shell."""
