"""Makes the parts' fixtures known to every test of the repository."""

pytest_plugins = ["tests.parts"]
