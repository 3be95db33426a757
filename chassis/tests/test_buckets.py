"""Token buckets: as the textbook has them, bounded in memory, and wide enough by default; and what an address is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.limiting import Buckets, Limit, address_of
from chassis.settings import ServiceSettings


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(
    st.lists(st.integers(min_value=0, max_value=3000), min_size=1, max_size=60),
    st.sampled_from([1.0, 2.0, 5.0, 10.0]),
    st.integers(min_value=1, max_value=6),
)
def test_a_bucket_is_the_textbook_bucket(pauses_ms: list[int], per_second: float, burst: int) -> None:
    clock = _Clock()
    buckets, limit = Buckets(10, clock), Limit(per_second, burst)
    tokens = float(burst)
    for pause in pauses_ms:
        clock.now += pause / 1000
        tokens = min(float(burst), tokens + pause / 1000 * per_second)
        waits = buckets.take("reads", "ada", limit)
        if tokens >= 1 - 1e-6:
            assert waits == 0
            tokens -= 1
        else:
            assert waits == pytest.approx((1 - tokens) / per_second, abs=1e-4)


def test_memory_is_bounded_and_who_was_away_longest_is_forgotten() -> None:
    buckets, limit = Buckets(1000, _Clock()), Limit(0.001, 1)
    assert buckets.take("reads", "faithful", limit) == 0
    for number in range(5000):
        buckets.take("reads", f"caller {number}", limit)
        assert len(buckets) <= 1000
    assert buckets.take("reads", "caller 4999", limit) > 0
    assert buckets.take("reads", "faithful", limit) == 0


def test_no_limit_is_no_bucket() -> None:
    buckets = Buckets(10, _Clock())
    assert [buckets.take("reads", "ada", Limit(0, 1)) for _ in range(100)] == [0.0] * 100
    assert len(buckets) == 0


@pytest.mark.parametrize(
    ("client", "shown"),
    [
        (("192.0.2.1", 5), "192.0.2.1"),
        (("::ffff:192.0.2.1", 5), "192.0.2.1"),
        (("2001:db8::1", 5), "2001:db8::/64"),
        (("fe80::1%eth0", 5), "fe80::/64"),
        (("not:an:address", 5), "not:an:address"),
        (("x" * 500, 5), "x" * 64),
        (None, "unknown"),
    ],
)
def test_what_an_address_is(client: Any, shown: str) -> None:
    assert address_of({"client": client}) == shown


def test_the_defaults_leave_a_polling_page_alone() -> None:
    """Three tabs of one guest that ask ten times a second each, for an hour."""
    settings = ServiceSettings(database_url="postgresql://unused", token_secret="unused")
    clock = _Clock()
    buckets = Buckets(100, clock)
    limit = Limit(settings.rate_limit_reads_per_second, settings.rate_limit_reads_burst)
    for tick in range(36_000):
        clock.now = tick / 10
        assert [buckets.take("reads", "guest", limit) for _ in range(3)] == [0, 0, 0]
