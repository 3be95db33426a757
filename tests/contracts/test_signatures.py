"""Our signatures and the simulator's are Razorpay's: the vendor's own SDK is the oracle (ADR 0007)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from razorpay.errors import SignatureVerificationError
from razorpay.utility.utility import Utility

from services.payment.adapters.gateways.razorpay import signature as ours
from simulators.razorpay import signature as simulated

SECRET = "key secret"
BODY = '{"event":"payment.captured","note":"Größe ₹999"}'
RETURNED = {"razorpay_order_id": "order_N1", "razorpay_payment_id": "pay_N1"}
VENDOR: Any = Utility(SimpleNamespace(auth=("key id", SECRET)))


@pytest.mark.parametrize(
    "signature",
    [ours.of_return("order_N1", "pay_N1", SECRET), simulated.checkout_signature(SECRET, "order_N1", "pay_N1")],
    ids=["ours", "simulated"],
)
def test_the_vendor_accepts_the_browsers_return(signature: str) -> None:
    assert VENDOR.verify_payment_signature({**RETURNED, "razorpay_signature": signature})
    assert ours.return_is_authentic("order_N1", "pay_N1", signature, SECRET)


@pytest.mark.parametrize(
    "signature",
    [ours.of_webhook(BODY.encode(), SECRET), simulated.sign(SECRET, BODY.encode())],
    ids=["ours", "simulated"],
)
def test_the_vendor_accepts_a_webhook(signature: str) -> None:
    assert VENDOR.verify_webhook_signature(BODY, signature, SECRET)
    assert ours.webhook_is_authentic(BODY.encode(), signature, (SECRET,))


def test_the_vendor_and_we_refuse_the_same_forgery() -> None:
    forged = ours.of_webhook(BODY.encode(), "another secret")
    with pytest.raises(SignatureVerificationError):
        VENDOR.verify_webhook_signature(BODY, forged, SECRET)
    assert not ours.webhook_is_authentic(BODY.encode(), forged, (SECRET,))
