"""The launcher: one stage at a time in one folder, and nothing of it survives, not even a `kill -9`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chassis.testing import eventually

pytestmark = pytest.mark.journey


def _processes_of(home: Path) -> list[int]:
    """Every process whose command line or environment names `home`."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                known = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
                alive = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
            except OSError:
                continue
            if alive and str(home).encode() in known:
                found.append(int(folder.name))
    return found


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[tuple[Path, Any]]:
    """A stage started by its command, ready."""
    home = tmp_path / "stage"
    environment = {**os.environ, "PAYFIRST_HOME": str(home), "PAYFIRST_PORT_BASE": "29000"}
    launcher = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "console.cli.app", "up"), env=environment, stdout=asyncio.subprocess.DEVNULL
    )

    async def ready() -> bool:
        return (home / "stage.json").exists()

    await eventually(ready, 90, what="stage.json")
    yield home, launcher
    if launcher.returncode is None:
        launcher.send_signal(signal.SIGTERM)
        await asyncio.wait_for(launcher.wait(), 60)


async def test_a_second_start_says_that_one_is_running_and_a_killed_launcher_takes_all_with_it(
    running: tuple[Path, Any],
) -> None:
    home, launcher = running
    environment = {**os.environ, "PAYFIRST_HOME": str(home), "PAYFIRST_PORT_BASE": "29000"}
    second = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "console.cli.app", "up"), env=environment, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(second.communicate(), 30)
    assert second.returncode == 1
    assert b"is running" in said
    assert len(_processes_of(home)) > 8
    launcher.kill()
    await launcher.wait()

    async def gone() -> bool:
        return not _processes_of(home)

    await eventually(gone, 20, what="the end of every process")
