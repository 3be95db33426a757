"""`make demo STAGE=docker`: the stage by Docker compose, and the same purchases on it."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx2

from chassis.identity import issue_account_token

ROOT = Path(__file__).parent.parent.parent
_PORTS = {
    "console": 8100,
    "booking": 8101,
    "payment": 8102,
    "fulfillment": 8103,
    "notification": 8104,
    "storefront": 8105,
}
_DEFAULT_SECRET = "local-stage-token-secret-change-me-now"  # noqa: S105 - the compose file's default for a laptop


def compose(*arguments: str) -> int:
    """Run docker compose on our file; returns its exit code."""
    return subprocess.run(
        ["docker", "compose", "-f", str(ROOT / "docker-compose.yml"), *arguments], check=False
    ).returncode


def record() -> dict[str, Any]:
    """What stage.json would say of the running containers."""
    made: dict[str, Any] = {name: f"http://127.0.0.1:{port}" for name, port in _PORTS.items()}
    made |= {"simulators": "http://127.0.0.1:8106", "mail": "http://127.0.0.1:1080", "kafka": "inside the network"}
    offers = httpx2.get(f"{made['booking']}/api/v1/offers", timeout=10).json()["offers"]
    kinds = {offer["kind"] for offer in offers}
    made["seed"] = {"offers": {kind: [o["offer_id"] for o in offers if o["kind"] == kind] for kind in sorted(kinds)}}
    secret = os.environ.get("TOKEN_SECRET", _DEFAULT_SECRET)
    made["tokens"] = {role: issue_account_token(secret, role, [role]) for role in ("admin", "ops")}
    return made


def main() -> int:
    """Start, purchase, show; with `--once` stop again. Exit code 0 when the purchases were fulfilled."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--once", action="store_true")
    once = parser.parse_args().once
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        sys.stderr.write("No Docker engine answers: start it, or use `make demo` without STAGE=docker.\n")
        return 1
    if compose("up", "--build", "--detach", "--wait"):
        compose("ps", "--all")
        return 1
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(record(), file)
        file.flush()
        command = [sys.executable, "-m", "console.cli.app", "demo", "--stage-file", file.name]
        code = subprocess.run(command, check=False, cwd=ROOT).returncode
    if once:
        compose("down", "--volumes", "--timeout", "10")
    else:
        sys.stdout.write("The stage keeps running; `docker compose down` stops it.\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
