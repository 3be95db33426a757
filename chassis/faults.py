"""Named crash points: silent unless the process was started with PAYFIRST_FAULTS_DIR, then a file there arms a point.

A test touches `<dir>/<point>`, or `<dir>/<point>:<kind>` for one kind of passing it (the method of a call outward); the first
process to reach it removes the file and dies by SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

_directory = Path(os.environ["PAYFIRST_FAULTS_DIR"]) if os.environ.get("PAYFIRST_FAULTS_DIR") else None
POINTS = (
    "work.before_commit",
    "consumer.received",
    "consumer.before_commit",
    "consumer.committed",
    "offsets.committed",
    "task.claimed",
    "task.intended",
    "task.called",
    "task.before_commit",
    "relay.read",
    "relay.published",
    "relay.marked",
    "http.before_commit",
    "http.committed",
    "gateway.calling",
    "gateway.sent",
    "gateway.answered",
)


def point(name: str, kind: str = "") -> None:
    """Die here if `name` is armed, at all or for this `kind`. One process dies for one arming."""
    if _directory is None:
        return
    for armed in (name, f"{name}:{kind}"):
        with contextlib.suppress(FileNotFoundError):
            (_directory / armed).unlink()
            os.kill(os.getpid(), signal.SIGKILL)
