"""Named crash points: silent unless the process was started with PAYFIRST_FAULTS_DIR, then a file there arms a point.

A test touches `<dir>/<point>`; the first process to reach the point removes the file and dies by SIGKILL. A gateway is
asked by GET; any other method acts there.
"""

from __future__ import annotations

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
    "gateway.asking.begun",
    "gateway.asking.sent",
    "gateway.asking.answered",
    "gateway.acting.begun",
    "gateway.acting.sent",
    "gateway.acting.answered",
)


def point(name: str) -> None:
    """Die here if `name` is armed. One process dies for one arming."""
    if _directory is None:
        return
    try:
        (_directory / name).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
