"""How Stripe says no: HTTP status, type, code, words, and whether the answer is kept under the idempotency key."""

from __future__ import annotations

from typing import Any

_DOCUMENTS = "https://stripe.com/docs/error-codes/"


class Refused(Exception):
    """The vendor says no.

    `executed`: the endpoint had begun its work, so the answer is kept and replayed under the idempotency key;
    a failed validation, a wrong key and a conflict are not kept (gateways.md 1.5).
    """

    def __init__(self, status: int, kind: str, message: str, *, executed: bool = False, **fields: Any) -> None:
        super().__init__(message)
        self.status, self.executed = status, executed
        shown = {name: value for name, value in fields.items() if value is not None}
        self.error: dict[str, Any] = {"message": message, "type": kind, **shown}
        if code := shown.get("code"):
            self.error["doc_url"] = _DOCUMENTS + str(code).replace("_", "-")

    def body(self, request_id: str) -> dict[str, Any]:
        """The error body, naming the request's log."""
        return {"error": {**self.error, "request_log_url": f"https://dashboard.stripe.com/test/logs/{request_id}"}}


def invalid(message: str, *, code: str | None = None, param: str | None = None, **fields: Any) -> Refused:
    """400: the request can't be taken as it is; nothing was executed."""
    return Refused(400, "invalid_request_error", message, code=code, param=param, **fields)


def missing(param: str) -> Refused:
    """400: a required parameter was left out."""
    return invalid(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unknown_id(kind: str, thing_id: str, param: str = "id", status: int = 404) -> Refused:
    """The vendor knows no such thing: 404 for an id in the path, 400 for one in a parameter."""
    message = f"No such {kind}: '{thing_id}'"
    return Refused(status, "invalid_request_error", message, code="resource_missing", param=param)


def wrong_state(intent: dict[str, Any], message: str, code: str | None = None) -> Refused:
    """400: the operation is not allowed in the intent's present status; the error carries the intent."""
    kind = str(intent["object"])
    code = code or f"{kind}_unexpected_state"
    return Refused(400, "invalid_request_error", message, executed=True, code=code, **{kind: dict(intent)})


def refused(message: str, code: str, param: str | None = None) -> Refused:
    """400 after the work began: the thing's state forbids it."""
    return Refused(400, "invalid_request_error", message, executed=True, code=code, param=param)


def card_error(message: str, code: str, decline_code: str | None = None, **fields: Any) -> Refused:
    """402: the card, the bank or the buyer said no."""
    return Refused(402, "card_error", message, executed=True, code=code, decline_code=decline_code, **fields)
