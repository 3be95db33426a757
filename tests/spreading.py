"""Spreads a run over processes (`-n`): a file stays in one process with its fixtures, and so does what shares a stage."""

from __future__ import annotations

import os

import pytest
from xdist.scheduler import LoadScopeScheduling

ON_ONE_STAGE = "tests/integration/"


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives out files, and the journeys, which drive one stage, together."""

    def _split_scope(self, nodeid: str) -> str:
        return ON_ONE_STAGE if nodeid.startswith(ON_ONE_STAGE) else nodeid.partition("::")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The journeys take longest: they begin first, so that no process ends alone with them."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        items.sort(key=lambda item: not item.nodeid.startswith(ON_ONE_STAGE))


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """The scheduler of a run with `-n`."""
    return ByFile(config, log)
