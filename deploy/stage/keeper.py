"""Ends the stage's processes when the launcher is gone, also after `kill -9`: it reads the launcher's pipe to its end.

Run as `python -m deploy.stage.keeper`; lines on stdin are `+PGID` and `-PGID`. At the end of the input each process
group still listed gets SIGINT, then SIGKILL. It holds the launcher's lock on the stage's home until then.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

_GRACE_SECONDS = 3.0


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main() -> None:
    """Follow the launcher until its pipe closes, then end what it started."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        sign, group = line[0], int(line[1:])
        (groups.add if sign == "+" else groups.discard)(group)
    alive = [group for group in groups if _signal(group, signal.SIGINT)]
    end = time.monotonic() + _GRACE_SECONDS
    while alive and time.monotonic() < end:
        time.sleep(0.05)
        alive = [group for group in alive if _signal(group, 0)]
    for group in alive:
        _signal(group, signal.SIGKILL)


class Keeper:
    """The launcher's side: tells the keeper which process groups live and die with it."""

    def __init__(self, lock: int | None = None) -> None:
        self._lock = () if lock is None else (lock,)
        self._groups: set[int] = set()
        self._process = self._started()

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "deploy.stage.keeper"],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
            pass_fds=self._lock,
        )

    @property
    def pid(self) -> int:
        """The keeper's process id."""
        return self._process.pid

    def add(self, group: int) -> None:
        """`group` dies with the launcher."""
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """`group` has ended by itself."""
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        """Tell the keeper; one that was killed is replaced by one that knows every group."""
        try:
            self._write(line)
        except BrokenPipeError:
            self._process.wait(timeout=5)
            self._process = self._started()
            self._write("".join(f"+{group}\n" for group in sorted(self._groups)))

    def _write(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()

    def close(self) -> None:
        """Let the keeper end whatever is still listed, and wait for it."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(timeout=15)


if __name__ == "__main__":
    main()
