"""Payment methods: made from a test id, from what the element typed in, from a wallet; kept for a customer."""

from __future__ import annotations

import time
from typing import Any

from simulators.stripe.books import Books, Thing, random_text
from simulators.stripe.errors import invalid, missing, refused
from simulators.stripe.form import Params, mapping, metadata, text
from simulators.stripe.instruments import BY_TEST_ID, WALLETS, Instrument, decline_of, of_number, refusal

_FAR_YEAR = 2034


class Methods:
    """The payment methods of `books`."""

    def __init__(self, books: Books) -> None:
        self.books = books

    def given(self, params: Params, *, browser: bool) -> Thing | None:
        """The payment method that a request names or describes, or None. Raises `Refused` (402) for bad card data."""
        name = text(params, "payment_method")
        if name is not None:
            return self.named(name)
        described = mapping(params, "payment_method_data")
        return self.described(described, browser=browser) if described else None

    def named(self, name: str, param: str = "payment_method") -> Thing:
        """A kept payment method, or a new one for a documented test id."""
        if name in BY_TEST_ID:
            return self._make(BY_TEST_ID[name])
        return self.books.get("payment_method", name, param, 400)

    def described(self, data: Params, *, browser: bool) -> Thing:
        """A new payment method from `type`, `card` and `billing_details`."""
        kind = text(data, "type", required=True)
        card = mapping(data, "card")
        wallet = str(mapping(card, "wallet").get("type") or "")
        if kind == "link" or wallet:
            if (wallet or kind) not in WALLETS:
                raise invalid(f"There is no wallet {wallet!r}.", param="payment_method_data[card][wallet][type]")
            return self._make(WALLETS[wallet or str(kind)], data)
        if kind != "card":
            raise invalid(f"The payment method type {kind!r} is not offered here.", param="payment_method_data[type]")
        if token := text(card, "token"):
            if token not in BY_TEST_ID:
                raise invalid(f"No such token: '{token}'", code="resource_missing", param="card[token]")
            return self._make(BY_TEST_ID[token], data)
        if not browser:
            raise invalid("Card numbers are only taken from the browser: use the Payment Element or a test id.")
        return self._make(self._typed(card), data, card)

    def _typed(self, card: Params) -> Instrument:
        """What a buyer typed, checked as the vendor checks it before any bank is asked."""
        number, cvc = (text(card, "number") or "").replace(" ", ""), text(card, "cvc") or ""
        instrument = of_number(number)
        month, year = text(card, "exp_month") or "", text(card, "exp_year") or ""
        if not month.isdigit() or not 1 <= int(month) <= 12:
            raise refusal(decline_of("invalid_expiry_month"), param="exp_month")
        whole_year = int(year) + (2000 if len(year) == 2 else 0) if year.isdigit() else 0
        today = time.gmtime(self.books.clock.now())
        if (whole_year, int(month)) < (today.tm_year, today.tm_mon) or whole_year > today.tm_year + 50:
            raise refusal(decline_of("invalid_expiry_year"), param="exp_year")
        if not cvc.isdigit() or len(cvc) != (4 if instrument.brand == "amex" else 3):
            raise refusal(decline_of("invalid_cvc"), param="cvc")
        return instrument

    def of(self, instrument: Instrument) -> Thing:
        """A new payment method of a known card."""
        return self._make(instrument)

    def _make(self, instrument: Instrument, data: Params | None = None, card: Params | None = None) -> Thing:
        details = mapping(data or {}, "billing_details")
        address = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}
        year = int(str((card or {}).get("exp_year") or _FAR_YEAR))
        shown: Thing = {
            "brand": instrument.brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "unchecked"},
            "country": instrument.country,
            "exp_month": int(str((card or {}).get("exp_month") or 12)),
            "exp_year": year + 2000 if year < 100 else year,
            "fingerprint": random_text(16),
            "funding": "credit",
            "last4": instrument.number[-4:],
            "networks": {"available": [instrument.brand], "preferred": None},
            "three_d_secure_usage": {"supported": True},
            "wallet": {"type": instrument.wallet, "dynamic_last4": "4242"} if instrument.wallet else None,
        }
        method = self.books.new(
            "payment_method",
            type="card",
            card=shown,
            customer=None,
            livemode=False,
            allow_redisplay="unspecified",
            billing_details={
                **{name: details.get(name) for name in ("email", "name", "phone")},
                "address": address | mapping(details, "address"),
            },
            metadata=metadata(data or {}),
        )
        self.books.instruments[method["id"]] = instrument
        return method

    def attach(self, method: Thing, customer_id: str) -> Thing:
        """Keep a method for a customer. Raises `Refused` for another customer's, or a card that can't be set up."""
        self.books.get("customer", customer_id, "customer", 400)
        if method["customer"] not in (None, customer_id):
            words = "The payment method is attached to another customer."
            raise refused(words, "payment_method_unexpected_state", "payment_method")
        instrument = self.books.instrument(method["id"])
        if instrument.decline is not None and not instrument.sets_up and instrument.challenge == "never":
            raise refusal(instrument.decline)
        method["customer"] = customer_id
        self.books.emit("payment_method.attached", method)
        return method

    def detach(self, method: Thing) -> Thing:
        """Take a method away from its customer; it can't be charged any more."""
        if method["customer"] is None:
            raise refused("The payment method is not attached to a customer.", "payment_method_unexpected_state")
        method["customer"] = None
        self.books.emit("payment_method.detached", method)
        return method

    def check_owner(self, method: Thing, customer_id: str | None) -> None:
        """Raises `Refused` where the method belongs to a customer who is not the intent's."""
        if method["customer"] is not None and method["customer"] != customer_id:
            raise invalid(
                f"The payment method belongs to the customer {method['customer']}: name that customer on the intent.",
                code="payment_intent_invalid_parameter",
                param="payment_method",
            )

    def create_customer(self, params: Params) -> Thing:
        """A customer, with a first payment method where one is named."""
        names = ("address", "description", "email", "name", "phone", "shipping", "preferred_locales")
        method = self.named(str(params["payment_method"])) if params.get("payment_method") else None
        fields: dict[str, Any] = {name: params.get(name) for name in names}
        kept = metadata(params)
        customer = self.books.new(
            "customer",
            **fields,
            balance=0,
            currency=None,
            default_source=None,
            delinquent=False,
            discount=None,
            livemode=False,
            metadata=kept,
            tax_exempt="none",
            test_clock=None,
            invoice_settings={"custom_fields": None, "default_payment_method": None, "footer": None},
        )
        if method is not None:
            self.attach(method, customer["id"])
        self.books.emit("customer.created", customer)
        return customer

    def update_customer(self, customer: Thing, params: Params) -> Thing:
        """Change what is given."""
        for name in ("address", "description", "email", "name", "phone", "shipping"):
            if name in params:
                customer[name] = params[name] or None
        customer["metadata"] = metadata(params, customer["metadata"])
        self.books.emit("customer.updated", customer)
        return customer

    def attach_by(self, method_id: str, params: Params) -> Thing:
        """`POST /v1/payment_methods/{id}/attach`."""
        customer_id = text(params, "customer")
        if customer_id is None:
            raise missing("customer")
        return self.attach(self.named(method_id), customer_id)
