"""PhonePe's own SDK as a process of its own: one JSON line says what to call, one JSON line what came back.

Runs in the SDK's environment, which holds nothing of ours (see `test_phonepe_sdk`). The SDK takes no address, so the
three functions that know it are replaced before a client is made (gateways.md 3.1); nothing else of it is touched.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from phonepe.sdk.pg.common import base_client  # type: ignore[import-not-found]
from phonepe.sdk.pg.common.exceptions import PhonePeException  # type: ignore[import-not-found]
from phonepe.sdk.pg.common.models.request.meta_info import MetaInfo  # type: ignore[import-not-found]
from phonepe.sdk.pg.common.models.request.refund_request import RefundRequest  # type: ignore[import-not-found]
from phonepe.sdk.pg.common.token_handler import token_service  # type: ignore[import-not-found]
from phonepe.sdk.pg.env import Env  # type: ignore[import-not-found]
from phonepe.sdk.pg.payments.v2.models.request.standard_checkout_pay_request import (  # type: ignore[import-not-found]
    StandardCheckoutPayRequest,
)
from phonepe.sdk.pg.payments.v2.standard_checkout_client import (  # type: ignore[import-not-found]
    StandardCheckoutClient,
)

Json = dict[str, Any]


class Merchant:
    """A merchant with one client at a time."""

    def __init__(self, address: str) -> None:
        base_client.get_pg_base_url = lambda env: address
        base_client.get_pci_pg_base_url = lambda env: address
        token_service.get_oauth_base_url = lambda env: address
        self._client: Any = None

    def connect(self, client_id: str, client_version: int, client_secret: str) -> Any:
        """Make the client, which fetches its token."""
        self._client = StandardCheckoutClient(
            client_id=client_id, client_version=client_version, client_secret=client_secret, env=Env.SANDBOX
        )

    def pay(self, udf1: str | None = None, **fields: Any) -> Any:
        """Make an order."""
        meta = None if udf1 is None else MetaInfo(udf1=udf1)
        return self._client.pay(StandardCheckoutPayRequest.build_request(meta_info=meta, **fields))

    def refund(self, **fields: Any) -> Any:
        """Give money back."""
        return self._client.refund(RefundRequest.build_refund_request(**fields))

    def call(self, name: str, given: Json) -> Any:
        """Any other method of the client."""
        return getattr(self._client, name)(**given)


def answer(merchant: Merchant, name: str, given: Json) -> Json:
    """What a call gives, or how the SDK says that it failed."""
    try:
        own = getattr(merchant, name, None)
        result = own(**given) if own is not None else merchant.call(name, given)
    except PhonePeException as error:
        kind, status = type(error).__name__, error.http_status_code
        return {"raised": kind, "status": status, "code": error.code, "message": error.message}
    return {"result": None if result is None else json.loads(result.to_json())}


def main() -> None:
    """Serve until the end of the input."""
    merchant = Merchant(sys.argv[1])
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(answer(merchant, asked["call"], asked["given"])), flush=True)


if __name__ == "__main__":
    main()
