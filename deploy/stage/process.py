"""One child process of the stage: its own process group, its log file, its restart after a crash."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from deploy.stage.keeper import Keeper

_BACKOFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
# A child gets its addresses from the stage; the owner's url of the whole server is not for it.
_NOT_INHERITED = frozenset({"DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"})


def inherited() -> dict[str, str]:
    """The launcher's environment without what only the launcher may know."""
    return {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}


class Process:
    """A child that is started again when it ends by itself. Its output goes to `<logs>/<name>.log`."""

    def __init__(
        self,
        name: str,
        argv: list[str],
        environment: dict[str, str],
        logs: Path,
        keeper: Keeper,
        *,
        restart: bool = True,
        folder: Path | None = None,
        niceness: int = 0,
    ) -> None:
        self.name, self.argv, self.environment, self.logs, self.keeper = name, argv, environment, logs, keeper
        self.restart, self.folder, self.niceness = restart, folder, niceness
        self.crashes = 0
        self._child: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The running child's process id."""
        return self._child.pid if self._child is not None and self._child.returncode is None else None

    def ended_by(self, number: int) -> bool:
        """Whether the child answered the signal `number` by an orderly end: a JVM then exits with 128 + number."""
        return self._child is not None and self._child.returncode in (0, -number, 128 + number)

    async def start(self) -> None:
        """Start the child and watch it."""
        self._stopping = False
        await self._spawn()
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())

    async def _spawn(self) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{self.name}.log").open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *self.argv,
                env={**inherited(), **self.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.folder,
            )
        self.keeper.add(self._child.pid)
        if self.niceness:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it is gone, or the launcher is nicer
                os.setpriority(os.PRIO_PROCESS, self._child.pid, self.niceness)

    async def _watch(self) -> None:
        while True:
            assert self._child is not None
            child = self._child
            await child.wait()
            self.keeper.forget(child.pid)
            if self._stopping or not self.restart:
                return
            await asyncio.sleep(_BACKOFF_SECONDS[min(self.crashes, len(_BACKOFF_SECONDS) - 1)])
            self.crashes += 1
            if not self._stopping:
                await self._spawn()
                if self._stopping:  # asked to stop while the child came up
                    self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.pid is not None:
                os.killpg(self.pid, number)

    def kill(self, number: int = signal.SIGKILL) -> int | None:
        """Send `number` to the child (not its group); the watcher starts it again. Returns the pid that was hit."""
        pid = self.pid
        try:
            if pid is not None:
                os.kill(pid, number)
        except ProcessLookupError:  # it died a moment ago, and nobody has noticed yet
            return None
        return pid

    async def stop(self, number: int = signal.SIGTERM, seconds: float = 20.0) -> None:
        """End the child in order, and its whole group by force if it takes longer than `seconds`."""
        self._stopping = True
        child = self._child
        if child is not None and child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(number)
            try:
                await asyncio.wait_for(child.wait(), seconds)
            except TimeoutError:
                self._end(signal.SIGKILL)
                await child.wait()
        if self._watcher is not None:
            await asyncio.gather(self._watcher, return_exceptions=True)

    def tail(self, lines: int = 15) -> str:
        """The end of the log, for an error message."""
        path = self.logs / f"{self.name}.log"
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
