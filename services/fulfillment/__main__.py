"""Run fulfillment: `python -m services.fulfillment {migrate|seed|api|worker|all}`."""

from __future__ import annotations

from chassis.hosting import main
from services.fulfillment.app import build
from services.fulfillment.seed import seed
from services.fulfillment.settings import FulfillmentSettings

if __name__ == "__main__":
    main(lambda: build(FulfillmentSettings()), seed)
