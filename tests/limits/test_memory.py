import pytest

from tests.accounts.clock import HeldClock
from tocsin.kit.rates import Rate
from tocsin.limits.backends.memory import MemoryRateLimiter

ONE_A_MINUTE = Rate(1, 60)
TWO_AN_HOUR = Rate(2, 3_600)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def limiter(clock: HeldClock) -> MemoryRateLimiter:
    return MemoryRateLimiter(clock, max_buckets=3)


async def taken(limiter: MemoryRateLimiter, *buckets: str, rate: Rate = ONE_A_MINUTE) -> list[bool]:
    return [(await limiter.take(bucket, rate)).allowed for bucket in buckets]


async def test_bucket_that_was_used_longest_ago_is_forgotten_when_there_are_too_many(
    limiter: MemoryRateLimiter,
) -> None:
    await taken(limiter, "a", "b", "c", "d")
    assert await taken(limiter, "b", "c", "d") == [False, False, False]
    assert await taken(limiter, "a") == [True]


async def test_bucket_is_kept_when_it_is_asked_for_again_and_again(limiter: MemoryRateLimiter) -> None:
    await taken(limiter, "a", "b", "c")
    assert await taken(limiter, "a") == [False]
    await taken(limiter, "d")
    assert await taken(limiter, "a") == [False]
    assert await taken(limiter, "b") == [True]


async def test_full_bucket_is_forgotten_before_one_that_is_not(limiter: MemoryRateLimiter, clock: HeldClock) -> None:
    await taken(limiter, "slow", "slow", rate=TWO_AN_HOUR)
    await taken(limiter, "quick", "other")
    clock.move(seconds=60)
    await taken(limiter, "new")
    assert await taken(limiter, "slow", rate=TWO_AN_HOUR) == [False]


async def test_flood_of_names_takes_no_more_room_than_there_is(clock: HeldClock) -> None:
    limiter = MemoryRateLimiter(clock, max_buckets=100)
    await taken(limiter, *(f"stranger {number}" for number in range(1_000)))
    known = [f"stranger {number}" for number in range(900, 1_000)]
    assert [(await limiter.peek(bucket, ONE_A_MINUTE)).allowed for bucket in known] == [False] * 100
    unknown = [f"stranger {number}" for number in range(900)]
    assert [(await limiter.peek(bucket, ONE_A_MINUTE)).allowed for bucket in unknown] == [True] * 900
