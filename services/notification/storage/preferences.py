"""What recipients wish: push or not, mails that nobody is owed or not."""

from __future__ import annotations

from chassis.work import Work

_STORE = """
INSERT INTO preferences (owner, push, optional_mail) VALUES ($1, $2, $3)
ON CONFLICT (owner) DO UPDATE SET push = excluded.push, optional_mail = excluded.optional_mail, updated_at = now()
"""


async def of(work: Work, owner: str) -> tuple[bool, bool]:
    """(push, optional_mail) of `owner`; both are wished until the owner says otherwise."""
    row = await work.fetch_one("SELECT push, optional_mail FROM preferences WHERE owner = $1", owner)
    return (True, True) if row is None else (row.push, row.optional_mail)


async def store(work: Work, owner: str, push: bool, optional_mail: bool) -> None:
    """Replace the wishes of `owner`."""
    await work.execute(_STORE, owner, push, optional_mail)
