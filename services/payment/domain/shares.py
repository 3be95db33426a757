"""Who a line's money is: the partner's share in basis points, the odd minor unit always the platform's (C19)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WHOLE_BPS = 10_000
DEFAULT_PARTNER_BPS = 8_000
"""80/20 (S1-19) where an offer names a partner and no share of its own."""


@dataclass(frozen=True, slots=True)
class SoldLine:
    """One line of a confirmed booking: its price in minor units, and whose it is. Without a partner it is all ours."""

    line_id: str
    total_minor: int
    partner_id: str | None = None
    partner_bps: int = DEFAULT_PARTNER_BPS


@dataclass(slots=True)
class LineShare:
    """What of a line's captured money is the partner's, and what of the line went back; minor units."""

    line_id: str
    partner_id: str | None
    total_minor: int
    partner_minor: int
    refunded_minor: int = 0

    @property
    def partner_refunded(self) -> int:
        """The partner's part of what went back: exact over any number of parts, whole when the whole went back."""
        return self.partner_minor * self.refunded_minor // self.total_minor if self.total_minor else 0


def share_out(captured_minor: int, lines: Sequence[SoldLine]) -> list[LineShare]:
    """The shares of `captured_minor` over `lines`: in proportion to their prices when less than all was captured."""
    parts = split(captured_minor, [line.total_minor for line in lines])
    return [
        LineShare(line.line_id, line.partner_id, part, _partner(line, part))
        for line, part in zip(lines, parts, strict=True)
    ]


def split(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """`amount_minor` in parts as `weights`, by largest remainder; earlier parts win ties. The parts add up exactly.

    No part exceeds its weight as long as the amount does not exceed their sum. Raises `ValueError` when there is
    nothing to weigh by.
    """
    whole = sum(weights)
    if whole == 0:
        if amount_minor:
            raise ValueError("an amount can't be split over nothing")
        return [0 for _ in weights]
    parts = [amount_minor * weight // whole for weight in weights]
    remainders = [amount_minor * weight % whole for weight in weights]
    for position in sorted(range(len(weights)), key=lambda i: (-remainders[i], i))[: amount_minor - sum(parts)]:
        parts[position] += 1
    return parts


def _partner(line: SoldLine, part: int) -> int:
    return 0 if line.partner_id is None else part * line.partner_bps // WHOLE_BPS
