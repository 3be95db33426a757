"""What Stripe knows: every thing by kind, the events that tell of changes, and what becomes due as its clock goes on."""

from __future__ import annotations

import copy
import heapq
import itertools
import secrets
import string
from collections import deque
from collections.abc import Callable
from typing import Any

from simulators.clock import VendorClock
from simulators.stripe.errors import unknown_id
from simulators.stripe.instruments import GOOD, Instrument

Thing = dict[str, Any]
API_VERSION = "2026-10-28.endive"
_ALPHABET = string.ascii_letters + string.digits
_IDS = {
    "payment_intent": ("pi_3", 23),
    "setup_intent": ("seti_1", 23),
    "charge": ("ch_3", 23),
    "refund": ("re_3", 23),
    "balance_transaction": ("txn_3", 23),
    "customer": ("cus_", 14),
    "payment_method": ("pm_1", 23),
    "transfer": ("tr_1", 23),
    "transfer_reversal": ("trr_1", 23),
    "account": ("acct_1", 16),
    "event": ("evt_3", 23),
    "dispute": ("dp_1", 23),
    "application_fee": ("fee_1", 23),
}
_NAMES = {"payment_method": "PaymentMethod"}
SEEDED_ACCOUNTS = ("acct_1PayfirstPartner1", "acct_1PayfirstPartner2", "acct_1PayfirstTrainer1")
PLATFORM = "acct_1PayfirstLocal01"


def random_text(length: int) -> str:
    """Letters and digits, as the vendor's ids and secrets have them."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


class Books:
    """Everything that this vendor knows. Whoever changes it emits events; `outgoing` are those not sent yet."""

    def __init__(self, clock: VendorClock) -> None:
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget everything but the seeded connected accounts."""
        self.things: dict[str, dict[str, Thing]] = {kind: {} for kind in _IDS}
        self.instruments: dict[str, Instrument] = {}
        self.set_up: set[str] = set()
        self.releases: set[str] = set()
        self.outgoing: list[Thing] = []
        self.request: Thing = {"id": None, "idempotency_key": None}
        self.refund_orders: deque[str] = deque()
        self.balance_short = False
        self.late: dict[str, Callable[[], None]] = {}
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._count = itertools.count()
        for account_id in SEEDED_ACCOUNTS:
            self.add_account(account_id)

    def new(self, kind: str, **fields: Any) -> Thing:
        """A new thing of `kind` with the vendor's form of id, kept."""
        prefix, length = _IDS[kind]
        thing: Thing = {"id": prefix + random_text(length), "object": kind, "created": self.clock.now(), **fields}
        self.things[kind][thing["id"]] = thing
        return thing

    def add_account(self, account_id: str | None = None, **fields: Any) -> Thing:
        """A connected account, under its own id where one is given."""
        account = self.new(
            "account",
            type="express",
            country="US",
            default_currency="usd",
            email=None,
            metadata={},
            charges_enabled=True,
            payouts_enabled=True,
            details_submitted=True,
        )
        account |= fields
        if account_id is not None:
            del self.things["account"][account["id"]]
            account["id"] = account_id
            self.things["account"][account_id] = account
        return account

    def get(self, kind: str, thing_id: str, param: str = "id", status: int = 404) -> Thing:
        """A thing by its id. Raises `Refused` for an unknown one."""
        found = self.things[kind].get(thing_id)
        if found is None:
            raise unknown_id(_NAMES.get(kind, kind), thing_id, param, status)
        return found

    def find(self, thing_id: str) -> Thing | None:
        """Any thing by its id alone, as expansion needs it."""
        return next((things[thing_id] for things in self.things.values() if thing_id in things), None)

    def newest_first(self, kind: str) -> list[Thing]:
        """Every thing of a kind, the newest first."""
        return list(self.things[kind].values())[::-1]

    def instrument(self, method_id: str) -> Instrument:
        """How a saved payment method behaves."""
        return self.instruments.get(method_id, GOOD)

    def emit(self, kind: str, thing: Thing, previous: Thing | None = None) -> None:
        """An event with a snapshot of `thing`, waiting to be sent."""
        data: Thing = {"object": copy.deepcopy(thing)}
        if previous is not None:
            data["previous_attributes"] = previous
        event = self.new(
            "event",
            api_version=API_VERSION,
            livemode=False,
            type=kind,
            pending_webhooks=1,
            request=dict(self.request),
            data=data,
        )
        self.outgoing.append(event)

    def at(self, when: int, act: Callable[[], None]) -> None:
        """Let `act` happen once the vendors' clock shows `when`."""
        heapq.heappush(self._due, (when, next(self._count), act))

    def run_due(self) -> None:
        """Let everything happen whose time has come."""
        while self._due and self._due[0][0] <= self.clock.now():
            heapq.heappop(self._due)[2]()

    def money(self, kind: str, amount: int, currency: str, source: str, fee: int = 0) -> Thing:
        """A movement of the platform's balance; `amount` and `fee` in the currency's minor units."""
        details = [{"amount": fee, "currency": currency, "type": "stripe_fee", "description": "Processing fees"}]
        return self.new(
            "balance_transaction",
            amount=amount,
            currency=currency,
            fee=fee,
            net=amount - fee,
            type=kind,
            reporting_category=kind,
            source=source,
            status="available",
            description=None,
            fee_details=details if fee else [],
            available_on=self.clock.now(),
            exchange_rate=None,
        )
