"""Where the parts of a run keep their data: a living run's stays, a killed one's does not fill the memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import parts

_RUN = """
import sys
from pathlib import Path
from tests import parts
parts._MEMORY, parts._MEMORY_BYTES = Path(sys.argv[1]), 0
print(parts.new_home("run-"), flush=True)
sys.stdin.read()
"""


def test_the_home_of_a_killed_run_goes_and_that_of_a_living_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "_MEMORY", tmp_path)
    monkeypatch.setattr(parts, "_MEMORY_BYTES", 0)
    mine = parts.new_home("run-")
    command = [sys.executable, "-c", _RUN, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().strip())
        assert theirs.parent == tmp_path
        assert mine.exists(), "the other run left it alone"
        second = parts.new_home("run-")
        assert theirs.exists(), "it is still held"
        other.kill()
        other.wait()
        third = parts.new_home("run-")
    assert not theirs.exists()
    assert all(home.exists() for home in (mine, second, third))


def test_a_place_without_room_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_MEMORY", tmp_path)
    monkeypatch.setattr(parts, "_MEMORY_BYTES", 10**18)
    home = parts.new_home("run-")
    assert home.parent != tmp_path
    (home / "held").unlink()
    home.rmdir()
