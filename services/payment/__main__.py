"""`python -m services.payment {migrate|all|api|worker|seed}`."""

from __future__ import annotations

from chassis.hosting import main
from services.payment.app import build
from services.payment.settings import PaymentSettings

if __name__ == "__main__":
    main(lambda: build(PaymentSettings()))
