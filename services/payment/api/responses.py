"""The bad answers of the routes, as OpenAPI shows them."""

from __future__ import annotations

from chassis.problems import documented

problems_of = documented
