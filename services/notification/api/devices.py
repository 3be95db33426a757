"""`POST /api/v1/devices`: a device of the caller wants push notices."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from chassis.idempotency import Idempotency
from chassis.identity import Caller
from chassis.serving import Db
from chassis.work import Work
from services.notification.api.ownership import owner_of
from services.notification.storage import devices

router = APIRouter(prefix="/api/v1", tags=["devices"])


class Device(BaseModel):
    """A push registration: an FCM token, or a Firebase installation id (`fid`), which replaces tokens since 2026."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"target": "token", "registration": "dXyz:APA9"}}
    )

    target: Literal["token", "fid"] = "token"
    registration: Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[\x21-\x7e]+$")]


class Registered(BaseModel):
    """The device's id here; the registration itself is never shown again."""

    device_id: str
    target: Literal["token", "fid"]


@router.post("/devices", status_code=201, response_model=Registered)
async def register_device(principal: Caller, database: Db, once: Idempotency, device: Device) -> Response:
    """Keep the device for the account, or for the guest's booking; the same registration keeps its id."""
    owner = owner_of(principal)

    async def make(work: Work) -> tuple[int, dict[str, Any]]:
        device_id = await devices.register(work, owner, device.target, device.registration)
        return 201, {"device_id": str(device_id), "target": device.target}

    return await once.answer(database, make)
