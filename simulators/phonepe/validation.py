"""What PhonePe accepts in a pay and in a refund request, field by field (gateways.md 3.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from simulators.phonepe.instruments import CARD_TYPES, MODES

MIN_AMOUNT = 100
_ID = re.compile(r"[A-Za-z0-9_-]{1,63}")
_RESTRICTED = re.compile(r"[A-Za-z0-9_\-+@. ]{0,50}")
_EXPIRE_AFTER_SECONDS = (300, 3600)
_EXPIRE_AFTER_DEFAULT_SECONDS = 1200
_FREE_LENGTH = 256
_FREE = frozenset(f"udf{number}" for number in range(1, 11))
_BOUND = frozenset(f"udf{number}" for number in range(11, 16))


class Refused(Exception):
    """The vendor says no: HTTP status, code and message; `reason` tells the tester what the vendor does not tell."""

    def __init__(self, code: str, message: str, status: int = 400, reason: str = "") -> None:
        super().__init__(message)
        self.status, self.body, self.reason = status, {"code": code, "message": message}, reason


def bad_request(reason: str) -> Refused:
    """The vendor's one answer to everything that is wrong with a request."""
    return Refused("BAD_REQUEST", "Please check the inputs you have provided.", reason=reason)


@dataclass(frozen=True)
class PayRequest:
    """A pay request that is as documented. `modes`: what may be paid with, for CARD with the card types."""

    merchant_order_id: str
    amount: int
    expire_after_seconds: int
    meta: dict[str, str]
    redirect_url: str
    message: str
    retries: bool
    modes: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class RefundRequest:
    """A refund request that is as documented."""

    merchant_refund_id: str
    original_merchant_order_id: str
    amount: int


def pay_request(body: Mapping[str, Any]) -> PayRequest:
    """The checked request. Raises `Refused`, its `reason` naming the field."""
    flow = body.get("paymentFlow")
    if not isinstance(flow, dict) or flow.get("type") != "PG_CHECKOUT":
        raise bad_request("paymentFlow.type")
    message = flow.get("message")
    if message is not None and not isinstance(message, str):
        raise bad_request("paymentFlow.message")
    disabled = body.get("disablePaymentRetry")
    if disabled is not None and not isinstance(disabled, bool):
        raise bad_request("disablePaymentRetry")
    return PayRequest(
        _id(body, "merchantOrderId"),
        _amount(body),
        _expire_after(body.get("expireAfter")),
        _meta(body.get("metaInfo")),
        _redirect(flow.get("merchantUrls")),
        message or "",
        not disabled,
        _modes(flow.get("paymentModeConfig")),
    )


def refund_request(body: Mapping[str, Any]) -> RefundRequest:
    """The checked request. Raises `Refused`, its `reason` naming the field."""
    return RefundRequest(_id(body, "merchantRefundId"), _id(body, "originalMerchantOrderId"), _amount(body))


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _id(body: Mapping[str, Any], field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise bad_request(field)
    return value


def _amount(body: Mapping[str, Any]) -> int:
    value = body.get("amount")
    if not isinstance(value, int) or not _whole(value) or value < MIN_AMOUNT:
        raise bad_request("amount")
    return value


def _expire_after(value: Any) -> int:
    if value is None:
        return _EXPIRE_AFTER_DEFAULT_SECONDS
    shortest, longest = _EXPIRE_AFTER_SECONDS
    if not _whole(value) or not shortest <= value <= longest:
        raise bad_request("expireAfter")
    return int(value)


def _meta(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_request("metaInfo")
    for name, text in value.items():
        free = name in _FREE and isinstance(text, str) and len(text) <= _FREE_LENGTH
        bound = name in _BOUND and isinstance(text, str) and _RESTRICTED.fullmatch(text) is not None
        if not free and not bound:
            raise bad_request(f"metaInfo.{name}")
    return dict(value)


def _redirect(urls: Any) -> str:
    value = urls.get("redirectUrl") if isinstance(urls, dict) else None
    if not isinstance(value, str):
        raise bad_request("paymentFlow.merchantUrls.redirectUrl")
    try:
        parts = urlsplit(value)
    except ValueError:
        raise bad_request("paymentFlow.merchantUrls.redirectUrl") from None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise bad_request("paymentFlow.merchantUrls.redirectUrl")
    return value


def _modes(config: Any) -> dict[str, tuple[str, ...]]:
    everything: dict[str, tuple[str, ...]] = {mode: CARD_TYPES if mode == "CARD" else () for mode in MODES}
    if config is None:
        return everything
    if not isinstance(config, dict):
        raise bad_request("paymentFlow.paymentModeConfig")
    enabled, disabled = config.get("enabledPaymentModes"), config.get("disabledPaymentModes")
    if enabled is not None and disabled is not None:
        raise bad_request("paymentFlow.paymentModeConfig: enabled or disabled modes, not both")
    if enabled is not None:
        left = _listed(enabled)
    else:
        less = _listed(disabled or [])
        left = {
            mode: tuple(kind for kind in kinds if kind not in less.get(mode, ()))
            for mode, kinds in everything.items()
            if mode not in less or set(kinds) - set(less[mode])
        }
    if not left:
        raise bad_request("paymentFlow.paymentModeConfig: nothing is left to pay with")
    return left


def _listed(modes: Any) -> dict[str, tuple[str, ...]]:
    """Constraints by mode; a card without types means every type."""
    if not isinstance(modes, list):
        raise bad_request("paymentFlow.paymentModeConfig")
    found: dict[str, tuple[str, ...]] = {}
    for item in modes:
        mode = item.get("type") if isinstance(item, dict) else None
        kinds = (item.get("cardTypes") if mode == "CARD" else None) or ()
        if mode not in MODES or not isinstance(kinds, list | tuple) or any(kind not in CARD_TYPES for kind in kinds):
            raise bad_request("paymentFlow.paymentModeConfig")
        found[str(mode)] = tuple(kinds) or (CARD_TYPES if mode == "CARD" else ())
    return found
