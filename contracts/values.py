"""Types that messages are made of: money in minor units, currencies, identifiers, instants."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

AmountMinor = Annotated[int, Field(strict=True, ge=0, le=10**15, description="Money in the currency's minor unit.")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]
Reference = Annotated[str, StringConstraints(pattern=r"^BK-[0-9A-Z]{8}$")]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200)]
LongText = Annotated[str, StringConstraints(max_length=2000)]
Instant = AwareDatetime
