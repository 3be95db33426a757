"""Razorpay's signatures: what passes, and what must not."""

from __future__ import annotations

import pytest

from services.payment.adapters.gateways.razorpay import signature

BODY = b'{"event":"payment.captured"}'


@pytest.mark.parametrize("secret", ["new", "old"])
def test_a_webhook_signed_by_any_secret_in_rotation_passes(secret: str) -> None:
    assert signature.webhook_is_authentic(BODY, signature.of_webhook(BODY, secret), ("new", "old"))


@pytest.mark.parametrize(
    ("body", "given", "secrets"),
    [
        (BODY, None, ("new",)),
        (BODY, "", ("new",)),
        (BODY, "0" * 64, ("new",)),
        (BODY, signature.of_webhook(BODY, "retired"), ("new", "old")),
        (BODY + b" ", signature.of_webhook(BODY, "new"), ("new",)),
        (BODY, signature.of_webhook(BODY, "new").upper(), ("new",)),
        (BODY, signature.of_webhook(BODY, "new") + "0", ("new",)),
        (BODY, "é" * 64, ("new",)),
        (BODY, signature.of_webhook(BODY, ""), ()),
    ],
)
def test_a_webhook_without_a_good_signature_does_not_pass(
    body: bytes, given: str | None, secrets: tuple[str, ...]
) -> None:
    assert not signature.webhook_is_authentic(body, given, secrets)


def test_a_return_is_good_for_its_own_order_and_payment_only() -> None:
    good = signature.of_return("order_dear", "pay_1", "secret")
    assert signature.return_is_authentic("order_dear", "pay_1", good, "secret")
    assert not signature.return_is_authentic("order_cheap", "pay_1", good, "secret")
    assert not signature.return_is_authentic("order_dear", "pay_2", good, "secret")
    assert not signature.return_is_authentic("order_dear", "pay_1", good, "webhook-secret")
