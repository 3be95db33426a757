"""Firebase Cloud Messaging, HTTP v1: the token endpoint, the send endpoint with its checks, and what was delivered."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

_OUTCOMES = {
    "unregistered": (404, "NOT_FOUND", "UNREGISTERED"),
    "sender_mismatch": (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
    "quota": (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
    "unavailable": (503, "UNAVAILABLE", "UNAVAILABLE"),
}
_MAX_PAYLOAD_BYTES = 4096


class Fcm:
    """What was delivered, and how each registration answers (`unregistered`, `quota`, …; delivered by default)."""

    def __init__(self) -> None:
        self.messages: deque[dict[str, Any]] = deque(maxlen=10_000)
        self.outcomes: dict[str, str] = {}

    def routes(self) -> APIRouter:
        """The routes below /fcm."""
        router = APIRouter(prefix="/fcm", tags=["fcm"])

        @router.post("/token")
        async def token() -> dict[str, Any]:
            return {"access_token": "simulated", "expires_in": 3600, "token_type": "Bearer"}

        @router.post("/v1/projects/{project}/messages:send")
        async def send(project: str, request: Request) -> Any:
            if not request.headers.get("authorization", "").startswith("Bearer "):
                return _error(401, "UNAUTHENTICATED", None, "Request is missing required authentication credential.")
            message = (await request.json()).get("message") or {}
            targets = [name for name in ("token", "fid", "topic", "condition") if message.get(name)]
            data = message.get("data") or {}
            if len(targets) != 1 or not all(isinstance(value, str) for value in data.values()):
                return _error(400, "INVALID_ARGUMENT", None, "Exactly one target and string data are needed.")
            if len(json.dumps(message)) > _MAX_PAYLOAD_BYTES:
                return _error(400, "INVALID_ARGUMENT", None, "The message is too big.")
            outcome = self.outcomes.get(str(message[targets[0]]), "delivered")
            if outcome in _OUTCOMES:
                status, name, code = _OUTCOMES[outcome]
                return _error(status, name, code, outcome)
            self.messages.append(message)
            return {"name": f"projects/{project}/messages/0:{len(self.messages)}"}

        return router


def _error(status: int, name: str, code: str | None, text: str) -> JSONResponse:
    kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
    details = [{"@type": kind, "errorCode": code}] if code else []
    headers = {"Retry-After": "1"} if status in (429, 503) else None
    return JSONResponse(
        {"error": {"code": status, "message": text, "status": name, "details": details}}, status, headers
    )
