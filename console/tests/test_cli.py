"""The operator's commands."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest
import typer
from typer.testing import CliRunner

from console.cli import ops, target
from console.cli.target import Target
from console.tests.fakes import BOOKING, Fakes
from console.upstream import SERVICES

ADDRESSES = {name: f"http://services/{name}" for name in SERVICES}


@pytest.fixture
def run(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> object:
    """Runs a command line against the made-up services."""
    app = typer.Typer()
    ops.register(app)
    monkeypatch.setattr(ops, "load", lambda: Target(ADDRESSES, "token", httpx2.ASGITransport(app=fakes.app)))
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_lag_is_a_table_and_json(run) -> None:  # type: ignore[no-untyped-def]
    assert "fulfillment.purchases" in run("lag").output
    steps = {step["step"]: step for step in json.loads(run("lag", "--json").output)["steps"]}
    assert steps["fulfillment.purchases"]["messages"] == 1840


def test_dead_letters_are_read_to_the_last_page(run) -> None:  # type: ignore[no-untyped-def]
    found = json.loads(run("dead-letters", "--json").output)
    assert [item["ref"] for item in found["dead_letters"]] == [*(f"fulfillment:{n}" for n in range(1, 8)), "booking:9"]
    assert len(found["dead_letters"]) == found["total"] == 8
    assert "fulfillment:7" in run("dead-letters", "--step", "fulfillment.purchases").output


def test_a_hostile_error_does_not_reach_the_terminal_as_control_characters(run) -> None:  # type: ignore[no-untyped-def]
    for arguments in (("dead-letters",), ("show", "booking:9")):
        output = run(*arguments).output
        assert "\x1b" not in output
        assert "\u202e" not in output


def test_acts_send_their_reason_to_the_right_service(run, fakes: Fakes) -> None:  # type: ignore[no-untyped-def]
    assert run("replay", "fulfillment:2", "--reason", "it is back").exit_code == 0
    assert "would" in run("replay", "fulfillment:2", "--reason", "it is back", "--dry-run").output
    assert run("discard", "booking:9", "--reason", "junk").exit_code == 0
    acts = [call[:3] for call in fakes.calls if call[3] is not None]
    assert acts == [("replay", "fulfillment:2", ""), ("replay", "fulfillment:2", "dry"), ("discard", "booking:9", "")]


def test_a_refusal_is_said_and_ends_with_one(run, fakes: Fakes) -> None:  # type: ignore[no-untyped-def]
    fakes.refuse = {"title": "Not possible in the present state", "detail": "Somebody else acted first."}
    answer = run("discard", "booking:9", "--reason", "junk")
    assert answer.exit_code == 1
    assert "Somebody else acted first." in answer.output


def test_an_id_without_its_service_is_refused(run, fakes: Fakes) -> None:  # type: ignore[no-untyped-def]
    assert run("show", "12").exit_code == 2
    assert run("replay", "fulfillment:2").exit_code == 2
    assert fakes.calls == []


def test_replay_many_follows_the_waves_to_their_end(run) -> None:  # type: ignore[no-untyped-def]
    answer = run("replay-many", "--step", "fulfillment.purchases", "--reason", "it is back")
    assert answer.exit_code == 0
    assert "done: 7 succeeded" in answer.output
    assert run("replay-many", "--step", "nonsense", "--reason", "it is back").exit_code == 2


def test_the_timeline_is_the_joined_journey(run) -> None:  # type: ignore[no-untyped-def]
    assert len(json.loads(run("timeline", BOOKING, "--json").output)["entries"]) == 17
    assert "booking.confirmed" in run("timeline", BOOKING).output
    assert run("timeline", "unknown").exit_code == 1


def test_the_target_is_the_stages_file_unless_the_environment_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYFIRST_HOME", str(tmp_path))
    with pytest.raises(typer.BadParameter, match="make up"):
        target.load()
    (tmp_path / "stage.json").write_text(json.dumps({**ADDRESSES, "tokens": {"admin": "of the file"}}))
    monkeypatch.setenv("PAYMENT_URL", "http://elsewhere")
    found = target.load()
    assert found.token == "of the file"
    assert found.addresses["payment"] == "http://elsewhere"
    assert found.addresses["booking"] == "http://services/booking"
