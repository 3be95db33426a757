"""Which gateways this process offers: those whose keys are configured, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from services.payment.adapters.gateways.phonepe.client import PhonePeGateway
from services.payment.adapters.gateways.port import Gateway, Returned
from services.payment.adapters.gateways.razorpay.client import RazorpayGateway
from services.payment.adapters.gateways.stripe.client import StripeGateway
from services.payment.settings import PaymentSettings


class Gateways:
    """The configured gateways. A gateway without keys is not there at all (design section 10)."""

    def __init__(self, gateways: Iterable[Gateway]) -> None:
        self._by_name = {gateway.name: gateway for gateway in gateways}

    def __iter__(self) -> Iterator[Gateway]:
        return iter(self._by_name.values())

    def get(self, name: str) -> Gateway | None:
        """The gateway `name`, or None when it is not offered."""
        return self._by_name.get(name)

    def __getitem__(self, name: str) -> Gateway:
        """The gateway `name`. Raises `KeyError` when it is not configured any more."""
        return self._by_name[name]

    def of_return(self, fields: Mapping[str, str]) -> tuple[Gateway, Returned] | None:
        """The gateway whose checkout gave `fields`, with what they name."""
        for gateway in self:
            if (returned := gateway.read_return(fields)) is not None:
                return gateway, returned
        return None

    async def close(self) -> None:
        """Close every gateway's connections."""
        for gateway in self:
            await gateway.close()


def configured(settings: PaymentSettings) -> Gateways:
    """The gateways that `settings` has keys for."""
    found: list[Gateway] = []
    if settings.razorpay_key_id and settings.razorpay_key_secret.get_secret_value():
        found.append(RazorpayGateway(settings))
    if settings.stripe_secret_key.get_secret_value() and settings.stripe_publishable_key:
        found.append(StripeGateway(settings))
    if settings.phonepe_client_id and settings.phonepe_client_secret.get_secret_value():
        found.append(PhonePeGateway(settings))
    return Gateways(found)
