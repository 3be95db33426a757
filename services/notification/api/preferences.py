"""`GET` and `PUT /api/v1/preferences`: which notices the caller wishes beyond those that are owed."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from chassis.identity import Caller
from chassis.serving import Db
from services.notification.api.ownership import owner_of
from services.notification.storage import preferences

router = APIRouter(prefix="/api/v1", tags=["preferences"])


class Preferences(BaseModel):
    """The caller's wishes. Confirmations, cancellations and refunds are always mailed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"push": True, "optional_mail": False}})

    push: bool = Field(description="Push notices to registered devices.")
    optional_mail: bool = Field(description="Mails that tell of progress and are not owed.")


@router.get("/preferences")
async def get_preferences(principal: Caller, database: Db) -> Preferences:
    """The wishes of the account, or of the guest's booking; everything is wished until told otherwise."""
    async with database.transaction() as work:
        push, optional_mail = await preferences.of(work, owner_of(principal))
    return Preferences(push=push, optional_mail=optional_mail)


@router.put("/preferences")
async def put_preferences(principal: Caller, database: Db, wishes: Preferences) -> Preferences:
    """Replace the wishes; what is queued already follows the new ones."""
    async with database.transaction() as work:
        await preferences.store(work, owner_of(principal), wishes.push, wishes.optional_mail)
    return wishes
