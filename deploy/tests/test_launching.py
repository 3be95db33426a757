"""Who holds a stage's home, and that nothing outlives its launcher, however that ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chassis.testing import eventually
from console.cli.app import app
from deploy.stage import claim
from deploy.stage.claim import AlreadyRunning, Claim
from deploy.stage.keeper import Keeper
from deploy.stage.process import Process
from deploy.stage.stage import Stage, together

Launch = Callable[..., tuple[subprocess.Popen[str], dict[str, int]]]


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


async def gone(*pids: int, seconds: float = 20) -> None:
    """Return when none of `pids` runs."""

    async def none_left() -> bool:
        return not any(alive(pid) for pid in pids)

    await eventually(none_left, seconds, what=f"the end of {pids}")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def launch(home: Path) -> Iterator[Launch]:
    """Starts a launcher with parts; whatever is left of it ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*parts: str) -> tuple[subprocess.Popen[str], dict[str, int]]:
        command = [sys.executable, "-m", "deploy.tests.launcher", str(home), *parts]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.mark.db
@pytest.mark.kafka
async def test_every_part_dies_with_a_launcher_that_was_killed(launch: Launch, home: Path) -> None:
    launcher, pids = launch("postgres", "kafka", "sleeper")
    assert all(alive(pid) for pid in pids.values())
    launcher.kill()
    await gone(*pids.values())
    assert claim.owner(home) is None


async def test_a_child_that_ignores_the_interrupt_is_killed_and_the_home_is_held_until_then(
    launch: Launch, home: Path
) -> None:
    launcher, pids = launch("stubborn")
    launcher.kill()
    launcher.wait()
    assert alive(pids["stubborn"])
    assert claim.owner(home) == 0, "the lock is held, by a launcher that is gone"
    held = Claim(home)
    await held.take()
    assert not alive(pids["stubborn"])
    held.release()


async def test_a_keeper_that_was_killed_is_replaced_by_one_that_knows_every_child(tmp_path: Path) -> None:
    keeper = Keeper()
    children = [Process(f"child-{n}", ["sleep", "600"], {}, tmp_path, keeper) for n in range(2)]
    await children[0].start()
    first = keeper.pid
    os.kill(first, 9)
    await gone(first)
    await children[1].start()
    assert keeper.pid != first
    pids = [child.pid or 0 for child in children]
    for child in children:
        child.restart = False
    await asyncio.to_thread(keeper.close)
    await gone(*pids)
    await asyncio.gather(*(child.stop() for child in children))


async def test_a_second_stage_refuses_and_says_where_the_first_is(launch: Launch, home: Path) -> None:
    launcher, _ = launch()
    with pytest.raises(AlreadyRunning, match=r"http://127\.0\.0\.1:1"):
        await Stage(home).start()
    assert (home / "stage.json").exists(), "the first one's record is left alone"
    command = [sys.executable, "-m", "console.cli.app", "up"]
    environment = {**os.environ, "PAYFIRST_HOME": str(home)}
    said = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    output, _ = await said.communicate()
    assert said.returncode == 1
    assert b"make down" in output
    assert launcher.poll() is None


def test_down_after_a_crash_kills_no_stranger_and_tidies(home: Path) -> None:
    home.mkdir()
    with subprocess.Popen(["sleep", "600"]) as stranger:
        (home / "lock").touch()
        (home / "pid").write_text(str(stranger.pid))
        (home / "stage.json").write_text("{}")
        started = time.monotonic()
        said = CliRunner().invoke(app, ["down"], env={"PAYFIRST_HOME": str(home)})
        assert said.exit_code == 0
        assert time.monotonic() - started < 5
        assert stranger.poll() is None
        stranger.kill()
    assert not (home / "pid").exists()
    assert not (home / "stage.json").exists()


def test_down_ends_a_running_launcher_and_clean_removes_its_home(launch: Launch, home: Path) -> None:
    launcher, pids = launch("sleeper")
    said = CliRunner().invoke(app, ["clean"], env={"PAYFIRST_HOME": str(home)})
    assert said.exit_code == 0, said.output
    assert launcher.wait(timeout=10) != 0
    assert not alive(pids["sleeper"])
    assert not home.exists()


async def test_a_child_that_was_killed_is_started_again_as_nice_as_before_until_it_is_stopped(tmp_path: Path) -> None:
    keeper = Keeper()
    child = Process("child", ["sleep", "600"], {}, tmp_path, keeper, niceness=10)
    await child.start()
    first = child.kill()

    async def second() -> int | None:
        return child.pid if child.pid != first else None

    replaced = await eventually(second)
    assert os.getpriority(os.PRIO_PROCESS, replaced) == 10
    await child.stop()
    assert not alive(replaced)
    assert child.crashes == 1
    await asyncio.to_thread(keeper.close)


async def test_works_that_belong_together_end_together() -> None:
    ended = []

    async def long() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            ended.append("long")

    async def failing() -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await together(long(), failing())
    assert ended == ["long"]
