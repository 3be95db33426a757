"""What holds for every route of the four services."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import isclass, iscoroutinefunction
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from fastapi.routing import iter_route_contexts

from chassis.hosting import Application, api_of
from deploy.asyncapi import applications


def _waits_in_a_thread(dependant: Any) -> Iterator[str]:
    """FastAPI runs what is not `async` in a thread: two changes of thread for a line that waits for nothing."""
    if dependant.call is not None and not isclass(dependant.call) and not iscoroutinefunction(dependant.call):
        yield dependant.call.__qualname__
    for needed in dependant.dependencies:
        yield from _waits_in_a_thread(needed)


def _threaded(app: FastAPI) -> set[str]:
    dependants = [getattr(context, "dependant", None) for context in iter_route_contexts(app.routes)]
    return {name for dependant in dependants if dependant is not None for name in _waits_in_a_thread(dependant)}


@pytest.mark.parametrize("application", applications(), ids=lambda application: application.name)
def test_no_route_and_nothing_that_it_needs_waits_in_a_thread(application: Application) -> None:
    assert _threaded(api_of(application)) == set()


def test_a_route_that_needs_a_plain_function_is_found() -> None:
    app = FastAPI(openapi_url=None)

    def plain() -> int:
        return 1

    @app.get("/")
    async def route(number: int = Depends(plain)) -> int:
        return number

    assert _threaded(app) == {plain.__qualname__}
