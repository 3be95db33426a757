"""One suite of scenarios over every gateway: a fourth gateway is done when it is green."""
