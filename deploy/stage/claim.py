"""Who runs the stage of a home: a lock that lasts until the launcher's last child is gone, and the launcher's pid."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

_ENDING_SECONDS = 15.0


class AlreadyRunning(RuntimeError):
    """A stage with this home is running; the message says where."""

    def __init__(self, home: Path) -> None:
        try:
            where = json.loads((home / "stage.json").read_text())["console"]
        except FileNotFoundError:
            where = "it is still starting"
        super().__init__(f"A stage is running in {home} ({where}); stop it with `make down`.")


def owner(home: Path) -> int | None:
    """The process id of the launcher that holds `home`, None when nobody does, whatever files a crash left there."""
    try:
        probe = (home / "lock").open("r")
    except FileNotFoundError:
        return None
    with probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _launcher(home)
    return None


def forget(home: Path) -> None:
    """Remove what says that a stage runs in `home`."""
    for name in ("stage.json", "pid"):
        (home / name).unlink(missing_ok=True)


def _launcher(home: Path) -> int:
    """The pid on record; 0 in the instant in which there is none yet, or the launcher has just died."""
    try:
        pid = int((home / "pid").read_text())
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return 0
    return pid


class Claim:
    """The launcher's hold on `home`. The keeper holds the same lock, so it outlives a launcher that was killed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._lock: IO[str] | None = None

    @property
    def descriptor(self) -> int:
        """The lock's file descriptor, for the keeper to inherit."""
        assert self._lock is not None
        return self._lock.fileno()

    async def take(self) -> None:
        """Take the home; waits for the children of a launcher that was killed. Raises `AlreadyRunning`."""
        self.home.mkdir(parents=True, exist_ok=True)
        end = time.monotonic() + _ENDING_SECONDS
        lock = (self.home / "lock").open("w")
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if _launcher(self.home) or time.monotonic() > end:
                    lock.close()
                    raise AlreadyRunning(self.home) from None
            await asyncio.sleep(0.05)
        self._lock = lock
        forget(self.home)
        (self.home / "pid").write_text(str(os.getpid()))

    def release(self) -> None:
        """Let the home go; does nothing when it is not held."""
        if self._lock is None:
            return
        forget(self.home)
        with suppress(OSError):
            self._lock.close()
        self._lock = None
