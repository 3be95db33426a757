"""Push by Firebase Cloud Messaging HTTP v1, signed in with a service account."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import httpx2
import jwt
import orjson

from chassis.outcomes import Held, RetryAfter
from services.notification.adapters.outside import Deferred, NotSent, OutcomeUnknown
from services.notification.domain.delivery import Answer
from services.notification.domain.letters import Letter, short

_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TOKEN_LIFE_SECONDS, _TOKEN_MARGIN_SECONDS = 3600, 60
_BUSY_SECONDS, _MISCONFIGURED_SECONDS, _AWAY_SECONDS = 60.0, 30.0, 5.0
_STALE_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class PushProject:
    """A Firebase project and the service account that may send for it."""

    base_url: str
    project: str
    token_uri: str
    client_email: str
    private_key: str
    timeout_seconds: float = 10.0


def project_of(base_url: str, project: str, token_uri: str, account: str, timeout_seconds: float) -> PushProject:
    """The project with `account`, the JSON text of a service account. Raises `ValueError` when that is not one."""
    try:
        fields = orjson.loads(account)
        email, key = fields["client_email"], fields["private_key"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise ValueError("FCM_SERVICE_ACCOUNT must be the JSON of a service account") from None
    return PushProject(base_url.rstrip("/"), project, token_uri, email, key, timeout_seconds)


class Fcm:
    """Sends letters to devices. One pooled HTTP client, one access token until shortly before it ends."""

    def __init__(self, project: PushProject) -> None:
        self._project = project
        self._http = httpx2.AsyncClient(timeout=project.timeout_seconds)
        self._token, self._token_until = "", 0.0

    async def close(self) -> None:
        """Close the HTTP client."""
        await self._http.aclose()

    async def send(self, letter: Letter, target: str, registration: str) -> Answer:
        """Accepted, or refused for ever. Raises `NotSent` and `OutcomeUnknown`; a copy replaces the first on screen."""
        message = _message(letter, target, registration)
        response = await self._post(message)
        if response.status_code == 401 and not _error_code(response):
            self._token_until = 0.0  # the token was withdrawn before its time: once with a fresh one
            response = await self._post(message)
        return _answer(response)

    async def _post(self, message: dict[str, Any]) -> httpx2.Response:
        token = await self._access_token()
        url = f"{self._project.base_url}/v1/projects/{self._project.project}/messages:send"
        try:
            return await self._http.post(url, json={"message": message}, headers={"Authorization": f"Bearer {token}"})
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise NotSent(Held("fcm", _AWAY_SECONDS)) from error
        except httpx2.HTTPError as error:
            raise OutcomeUnknown(f"no answer from the push service: {type(error).__name__}") from error

    async def _access_token(self) -> str:
        now = time.time()
        if now < self._token_until:
            return self._token
        project = self._project
        claims = {
            "iss": project.client_email,
            "scope": _SCOPE,
            "aud": project.token_uri,
            "iat": int(now),
            "exp": int(now) + _TOKEN_LIFE_SECONDS,
        }
        assertion = jwt.encode(claims, project.private_key, algorithm="RS256")
        try:
            response = await self._http.post(project.token_uri, data={"grant_type": _GRANT, "assertion": assertion})
        except httpx2.HTTPError as error:
            raise NotSent(Held("fcm", _AWAY_SECONDS)) from error
        if response.status_code >= 500:
            raise NotSent(Held("fcm", _AWAY_SECONDS))
        if response.status_code != 200:
            raise NotSent(Held("fcm-credentials", _MISCONFIGURED_SECONDS))
        granted = response.json()
        self._token = str(granted["access_token"])
        self._token_until = now + float(granted.get("expires_in", _TOKEN_LIFE_SECONDS)) - _TOKEN_MARGIN_SECONDS
        return self._token


def _message(letter: Letter, target: str, registration: str) -> dict[str, Any]:
    title, body = short(letter)
    # FCM has no idempotency key: the same collapse key makes a second copy replace the first on screen.
    once = str(letter.delivery_id)
    return {
        target: registration,
        "notification": {"title": title, "body": body},
        "data": {"booking_id": letter.booking_id, "kind": letter.kind.value},
        "android": {"ttl": f"{_STALE_SECONDS}s", "collapse_key": once, "notification": {"tag": once}},
        "apns": {
            "headers": {"apns-collapse-id": once, "apns-expiration": str(int(time.time()) + _STALE_SECONDS)},
            "payload": {"aps": {"sound": "default"}},
        },
    }


def _error(response: httpx2.Response) -> dict[str, Any]:
    try:
        error = response.json().get("error")
    except (ValueError, AttributeError):
        return {}
    return error if isinstance(error, dict) else {}


def _error_code(response: httpx2.Response) -> str:
    """The `FcmError` code among the details; empty when there is none."""
    for detail in _error(response).get("details") or []:
        if isinstance(detail, dict) and str(detail.get("@type", "")).endswith("FcmError"):
            return str(detail.get("errorCode", ""))
    return ""


def _wait_seconds(response: httpx2.Response) -> float:
    try:
        return min(max(float(response.headers.get("Retry-After", "")), 1.0), 3600.0)
    except ValueError:
        return _BUSY_SECONDS


def _answer(response: httpx2.Response) -> Answer:
    """What a reply of messages:send means (F:doc ErrorCode)."""
    status, code = response.status_code, _error_code(response)
    if status == 200:
        return Answer(True, "accepted")
    if code in ("UNREGISTERED", "SENDER_ID_MISMATCH"):
        return Answer(False, f"device-{code.lower()}", gone=True)
    if code == "INVALID_ARGUMENT":
        # Only a complaint about the registration itself ends it; field violations are our payload's fault.
        about_token = "token" in str(_error(response).get("message", "")).lower()
        return Answer(False, "push-invalid-argument", gone=about_token and not _has_field_violations(response))
    if code == "THIRD_PARTY_AUTH_ERROR" or status in (401, 403):
        raise NotSent(Held("fcm-credentials", _MISCONFIGURED_SECONDS))
    if status == 429 or status == 503:
        raise NotSent(RetryAfter(_wait_seconds(response), f"the push service answered {status}"))
    if status >= 500:
        raise NotSent(Deferred(f"the push service answered {status}"))
    return Answer(False, f"push-refused-{status}")


def _has_field_violations(response: httpx2.Response) -> bool:
    details = _error(response).get("details") or []
    return any(isinstance(detail, dict) and detail.get("fieldViolations") for detail in details)
