"""Stripe's REST paths below `/v1`, each with the endpoint that answers it."""

from __future__ import annotations

from collections.abc import Iterable

from simulators.stripe.books import PLATFORM, Books, Thing
from simulators.stripe.errors import Refused, invalid
from simulators.stripe.form import metadata
from simulators.stripe.intents import Intents
from simulators.stripe.listing import page, search
from simulators.stripe.methods import Methods
from simulators.stripe.parameters import INTENT_PUBLIC
from simulators.stripe.refunding import Refunding
from simulators.stripe.serving import Api, Call, Endpoint
from simulators.stripe.setups import Setups
from simulators.stripe.sharing import Sharing

_EVENTS_SECONDS = 30 * 86_400


def intent_routes(api: Api, books: Books, intents: Intents, setups: Setups) -> None:
    """Payment intents and setup intents."""
    one = "/v1/payment_intents/{intent}"
    intent = _opened(books, "payment_intent")
    api.add("POST", "/v1/payment_intents", lambda call: intents.create(call.params, call.caller))
    api.add("GET", "/v1/payment_intents", _listing(books, "payment_intent", ("customer",)))
    api.add(
        *("GET", "/v1/payment_intents/search"),
        lambda call: search(books, "payment_intent", call.params, "/v1/payment_intents/search"),
    )
    api.add("GET", one, lambda call: _seen(intent(call), call), browser=True)
    api.add("POST", one, lambda call: intents.update(intent(call), call.params, call.caller))
    api.add(
        *("POST", one + "/confirm"),
        lambda call: _seen(intents.confirm(intent(call), call.params, call.caller), call),
        browser=True,
    )
    api.add("POST", one + "/capture", lambda call: intents.capture(intent(call), call.params))
    api.add("POST", one + "/cancel", lambda call: intents.cancel(intent(call), call.params))
    setup = _opened(books, "setup_intent")
    two = "/v1/setup_intents/{intent}"
    api.add("POST", "/v1/setup_intents", lambda call: setups.create(call.params, call.caller))
    api.add("GET", "/v1/setup_intents", _listing(books, "setup_intent", ("customer", "payment_method")))
    api.add("GET", two, lambda call: _seen(setup(call), call), browser=True)
    api.add(
        *("POST", two + "/confirm"),
        lambda call: _seen(setups.confirm(setup(call), call.params, call.caller), call),
        browser=True,
    )
    api.add("POST", two + "/cancel", lambda call: setups.cancel(setup(call), call.params))


def money_routes(api: Api, books: Books, sharing: Sharing, refunding: Refunding) -> None:
    """Charges, refunds, disputes, transfers, the balance."""
    _reading(api, books, "charge", ("customer", "payment_intent", "transfer_group"))
    api.add("POST", "/v1/charges/{thing}", _noting(books, "charge"))
    _reading(api, books, "refund", ("charge", "payment_intent"))
    api.add("POST", "/v1/refunds", lambda call: refunding.refund(call.params))
    api.add(
        *("POST", "/v1/refunds/{thing}"),
        lambda call: refunding.update_refund(books.get("refund", call.path["thing"]), call.params),
    )
    _reading(api, books, "balance_transaction", ("source", "type", "currency"))
    _reading(api, books, "application_fee", ("charge",))
    _reading(api, books, "dispute", ("charge", "payment_intent"))
    api.add(
        *("POST", "/v1/disputes/{thing}/close"),
        lambda call: sharing.close_dispute(books.get("dispute", call.path["thing"]), won=False),
    )
    api.add("POST", "/v1/disputes/{thing}", lambda call: _answered(books, call))
    _reading(api, books, "transfer", ("destination", "transfer_group"))
    api.add("POST", "/v1/transfers", lambda call: refunding.transfer(call.params))
    api.add("POST", "/v1/transfers/{thing}", _noting(books, "transfer"))
    reversals = "/v1/transfers/{thing}/reversals"

    def of_transfer(call: Call) -> Thing:
        transfer = books.get("transfer", call.path["thing"])
        items = [item for item in books.newest_first("transfer_reversal") if item["transfer"] == transfer["id"]]
        return page(items, call.params, reversals.replace("{thing}", transfer["id"]))

    api.add(
        *("POST", reversals),
        lambda call: refunding.reverse(books.get("transfer", call.path["thing"]), call.params),
    )
    api.add("GET", reversals, of_transfer)
    api.add("GET", "/v1/transfers/{thing}/reversals/{below}", _one(books, "transfer_reversal", "below"))


def people_routes(api: Api, books: Books, methods: Methods, refunding: Refunding) -> None:
    """Customers, their payment methods, connected accounts, events."""
    _reading(api, books, "customer", ("email",))
    api.add("POST", "/v1/customers", lambda call: methods.create_customer(call.params))
    api.add(
        *("POST", "/v1/customers/{thing}"),
        lambda call: methods.update_customer(books.get("customer", call.path["thing"]), call.params),
    )

    def of_customer(call: Call) -> Thing:
        customer = books.get("customer", call.path["thing"])
        items = [item for item in books.newest_first("payment_method") if item["customer"] == customer["id"]]
        return page(items, call.params, f"/v1/customers/{customer['id']}/payment_methods", ("type",))

    api.add("GET", "/v1/customers/{thing}/payment_methods", of_customer)
    _reading(api, books, "payment_method", ("customer", "type"))
    api.add(
        *("POST", "/v1/payment_methods"),
        lambda call: methods.described(call.params, browser=call.caller.browser),
        browser=True,
    )
    attach = "/v1/payment_methods/{thing}/attach"
    api.add("POST", attach, lambda call: methods.attach_by(call.path["thing"], call.params))
    api.add(
        *("POST", "/v1/payment_methods/{thing}/detach"),
        lambda call: methods.detach(books.get("payment_method", call.path["thing"])),
    )
    _reading(api, books, "account", ())
    api.add("POST", "/v1/accounts", lambda call: refunding.account(call.params))
    api.add("GET", "/v1/account", lambda call: {"id": PLATFORM, "object": "account", "country": "US"})
    api.add("GET", "/v1/events", lambda call: _events(books, call))
    api.add("GET", "/v1/events/{thing}", _one(books, "event"))
    for verb in ("GET", "POST", "DELETE"):
        api.add(verb, "/v1/{rest:path}", _unrecognized)


def _opened(books: Books, kind: str) -> Endpoint:
    """The intent of a call's path; the browser must bring its client secret."""

    def find(call: Call) -> Thing:
        intent = books.get(kind, call.path["intent"], "intent")
        if call.caller.browser and call.client_secret != intent["client_secret"]:
            words = f"The client_secret does not belong to this {kind}."
            raise invalid(words, code=f"{kind}_invalid_parameter", param="client_secret")
        return intent

    return find


def _seen(intent: Thing, call: Call) -> Thing:
    return {name: intent[name] for name in intent if name in INTENT_PUBLIC} if call.caller.browser else intent


def _one(books: Books, kind: str, part: str = "thing") -> Endpoint:
    return lambda call: books.get(kind, call.path[part])


def _listing(books: Books, kind: str, filters: Iterable[str]) -> Endpoint:
    url = f"/v1/{kind}s"
    return lambda call: page(books.newest_first(kind), call.params, url, filters)


def _reading(api: Api, books: Books, kind: str, filters: Iterable[str]) -> None:
    """Retrieve one, list many."""
    api.add("GET", f"/v1/{kind}s", _listing(books, kind, filters))
    api.add("GET", f"/v1/{kind}s/{{thing}}", _one(books, kind))


def _noting(books: Books, kind: str) -> Endpoint:
    """Change the metadata and description of a thing, which is all that may be changed."""

    def note(call: Call) -> Thing:
        thing = books.get(kind, call.path["thing"])
        thing["metadata"] = metadata(call.params, thing["metadata"])
        if "description" in call.params:
            thing["description"] = call.params["description"] or None
        books.emit(f"{kind}.updated", thing)
        return thing

    return note


def _answered(books: Books, call: Call) -> Thing:
    """Evidence was handed in: the dispute is under review."""
    dispute = books.get("dispute", call.path["thing"])
    dispute["metadata"] = metadata(call.params, dispute["metadata"])
    if "evidence" in call.params and dispute["status"] == "needs_response":
        dispute["evidence"] = call.params["evidence"]
        dispute["evidence_details"] |= {"has_evidence": True, "submission_count": 1}
        dispute["status"] = "under_review"
    books.emit("charge.dispute.updated", dispute)
    return dispute


def _events(books: Books, call: Call) -> Thing:
    """The events of the last thirty days; `type` may end in `.*`, `types[]` names several."""
    since = books.clock.now() - _EVENTS_SECONDS
    items = [event for event in books.newest_first("event") if event["created"] >= since]
    wanted = call.params.get("types") or ([call.params["type"]] if call.params.get("type") else None)
    if wanted is not None:
        starts = tuple(kind[:-1] for kind in wanted if kind.endswith(".*"))
        items = [item for item in items if item["type"] in wanted or (starts and item["type"].startswith(starts))]
    return page(items, call.params, "/v1/events")


def _unrecognized(call: Call) -> Thing:
    words = f"Unrecognized request URL (/v1/{call.path['rest']})."
    raise Refused(404, "invalid_request_error", words)
