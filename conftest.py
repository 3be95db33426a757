"""Makes the parts' fixtures and what reports a whole run known to every test of the repository."""

pytest_plugins = ["tests.parts", "tests.spreading", "services.payment.tests.conformance.table"]
