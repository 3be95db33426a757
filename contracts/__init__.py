"""The shared language: topics, the envelope and every message that crosses a service boundary."""
