"""The suite is no decoration: with a check taken out of a copy of the product, it turns red."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[4]
GATEWAYS = "services/payment/adapters/gateways"
COPIED = ("chassis", "contracts", "services", "simulators", "deploy", "tests", "conftest.py", "pyproject.toml")
MUTATIONS = {
    "signature of the return": (
        f"{GATEWAYS}/razorpay/signature.py",
        'return hmac.compare_digest(expected, signature.encode("utf-8", "replace"))',
        "return True",
        "somebody_elses_return and razorpay",
    ),
    "signature of the webhook": (
        f"{GATEWAYS}/stripe/signature.py",
        "return bool(stripe.WebhookSignature.verify_header(payload, header, secret, TOLERANCE_SECONDS))",
        "return True",
        "forged_webhooks and stripe",
    ),
    "amount": (
        "services/payment/domain/deciding.py",
        "payment.amount_minor != seen.amount_minor and seen.dispute is None",
        "False",
        "another_amount and phonepe",
    ),
    "idempotency key": (
        f"{GATEWAYS}/stripe/calls.py",
        'return {"idempotency_key": text}',
        "return {}",
        "failing_gateway and stripe and drop_after_commit",
    ),
    "second success": (
        "services/payment/domain/deciding.py",
        '_give_back(payment, attempt, "second success for one booking", effects)',
        "pass",
        "paying_twice and razorpay",
    ),
}


@pytest.mark.db
@pytest.mark.parametrize("name", MUTATIONS)
async def test_the_suite_turns_red_without(name: str, tmp_path: Path, postgres_server: Any) -> None:
    path, code, mutated, scenarios = MUTATIONS[name]
    for item in COPIED:
        copy = shutil.copytree if (ROOT / item).is_dir() else shutil.copy
        copy(ROOT / item, tmp_path / item)
    file = tmp_path / path
    text = file.read_text()
    assert text.count(code) == 1, f"{path} has changed: mend the mutation"
    file.write_text(text.replace(code, mutated))
    parts = {"PAYFIRST_TEST_DATABASE_URL": postgres_server.url("postgres"), "PAYFIRST_TESTCONTAINERS": "0"}
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "services/payment/tests/conformance", "-k", scenarios),
        cwd=tmp_path,
        env={**os.environ, **parts, "PYTHONPATH": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await asyncio.wait_for(child.communicate(), 240)
    assert child.returncode == 1, told.decode()[-2000:]
    assert b"RED" in told
