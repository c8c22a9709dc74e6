"""What every rate limiter promises, on every backend."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.accounts.clock import HeldClock
from tocsin.kit.rates import Rate
from tocsin.limits.backends.memory import MemoryRateLimiter
from tocsin.limits.ports import Allowance, RateLimiter

TEN_A_MINUTE = Rate(10, 60)


@dataclass
class Bench:
    """A limiter, and the clock that it goes by."""

    limiter: RateLimiter
    clock: HeldClock


def memory() -> Bench:
    clock = HeldClock()
    return Bench(MemoryRateLimiter(clock), clock)


BACKENDS: dict[str, Callable[[], Bench]] = {"memory": memory}


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Callable[[], Bench]:
    """Makes a new limiter, as often as a test likes."""
    return BACKENDS[request.param]


@pytest.fixture
def bench(backend: Callable[[], Bench]) -> Bench:
    return backend()


async def take_all(bench: Bench, rate: Rate, *, bucket: str = "b") -> Allowance:
    """Empty a full bucket; the last allowance."""
    for _ in range(rate.count):
        last = await bench.limiter.take(bucket, rate)
        assert last.allowed
    return last


async def test_all_may_come_at_once_and_no_more(bench: Bench) -> None:
    first = await bench.limiter.take("b", TEN_A_MINUTE)
    assert first == Allowance(allowed=True, limit=10, remaining=9, reset_seconds=6.0, retry_after_seconds=0)
    for left in reversed(range(9)):
        assert (await bench.limiter.take("b", TEN_A_MINUTE)).remaining == left
    refused = await bench.limiter.take("b", TEN_A_MINUTE)
    assert refused == Allowance(allowed=False, limit=10, remaining=0, reset_seconds=60.0, retry_after_seconds=6)


async def test_refused_takes_nothing(bench: Bench) -> None:
    await take_all(bench, TEN_A_MINUTE)
    for _ in range(20):
        assert (await bench.limiter.take("b", TEN_A_MINUTE)).retry_after_seconds == 6
    bench.clock.move(seconds=5.5)
    assert (await bench.limiter.take("b", TEN_A_MINUTE)).retry_after_seconds == 1
    bench.clock.move(seconds=0.5)
    assert (await bench.limiter.take("b", TEN_A_MINUTE)).allowed
    assert not (await bench.limiter.take("b", TEN_A_MINUTE)).allowed


async def test_bucket_is_full_again_after_the_time_that_it_said(bench: Bench) -> None:
    said = await take_all(bench, TEN_A_MINUTE)
    bench.clock.move(seconds=said.reset_seconds - 1)
    assert (await bench.limiter.peek("b", TEN_A_MINUTE)).remaining == 9
    bench.clock.move(seconds=1)
    assert (await bench.limiter.peek("b", TEN_A_MINUTE)).remaining == 10
    bench.clock.move(seconds=1_000_000)
    await take_all(bench, TEN_A_MINUTE)
    assert not (await bench.limiter.take("b", TEN_A_MINUTE)).allowed


async def test_buckets_have_nothing_to_do_with_each_other(bench: Bench) -> None:
    await take_all(bench, TEN_A_MINUTE)
    assert (await bench.limiter.take("other", TEN_A_MINUTE)).remaining == 9


async def test_cost_counts_as_so_many(bench: Bench) -> None:
    assert (await bench.limiter.take("b", TEN_A_MINUTE, cost=7)).remaining == 3
    refused = await bench.limiter.take("b", TEN_A_MINUTE, cost=4)
    assert (refused.allowed, refused.remaining, refused.retry_after_seconds) == (False, 3, 6)
    assert (await bench.limiter.take("b", TEN_A_MINUTE, cost=3)).allowed


@pytest.mark.parametrize("cost", [0, -1, 11])
async def test_cost_is_refused_when_no_wait_would_help(bench: Bench, cost: int) -> None:
    with pytest.raises(ValueError, match="cost"):
        await bench.limiter.take("b", TEN_A_MINUTE, cost=cost)
    assert (await bench.limiter.peek("b", TEN_A_MINUTE)).remaining == 10


async def test_peek_says_what_take_would_and_takes_nothing(bench: Bench) -> None:
    assert await bench.limiter.peek("b", TEN_A_MINUTE) == Allowance(True, 10, 10, 0.0, 0)
    await take_all(bench, TEN_A_MINUTE)
    for _ in range(3):
        assert await bench.limiter.peek("b", TEN_A_MINUTE) == Allowance(False, 10, 0, 60.0, 6)
    bench.clock.move(seconds=6)
    assert await bench.limiter.peek("b", TEN_A_MINUTE) == Allowance(True, 10, 1, 54.0, 0)


async def test_bucket_is_full_when_it_was_forgotten(bench: Bench) -> None:
    await take_all(bench, TEN_A_MINUTE)
    await take_all(bench, TEN_A_MINUTE, bucket="other")
    await bench.limiter.forget("b")
    await bench.limiter.forget("was never there")
    assert (await bench.limiter.take("b", TEN_A_MINUTE)).remaining == 9
    assert not (await bench.limiter.take("other", TEN_A_MINUTE)).allowed


async def test_no_more_get_through_when_all_come_at_once(bench: Bench) -> None:
    taken = await asyncio.gather(*(bench.limiter.take("b", TEN_A_MINUTE) for _ in range(50)))
    assert sum(allowance.allowed for allowance in taken) == 10


async def test_caller_waits_one_period_at_most_when_the_clock_was_set_back(bench: Bench) -> None:
    await take_all(bench, TEN_A_MINUTE)
    bench.clock.move(seconds=-86_400)
    refused = await bench.limiter.take("b", TEN_A_MINUTE)
    assert (refused.reset_seconds, refused.retry_after_seconds) == (60.0, 6)
    bench.clock.move(seconds=6)
    assert (await bench.limiter.take("b", TEN_A_MINUTE)).allowed
    bench.clock.move(seconds=60)
    assert (await bench.limiter.peek("b", TEN_A_MINUTE)).remaining == 10


async def test_what_was_taken_counts_for_one_period_when_the_rate_was_changed(bench: Bench) -> None:
    await take_all(bench, Rate(10, 86_400))
    assert (await bench.limiter.peek("b", TEN_A_MINUTE)).reset_seconds == 60.0
    bench.clock.move(seconds=60)
    await take_all(bench, TEN_A_MINUTE)


RATES = st.builds(
    Rate,
    st.integers(1, 50) | st.integers(1, 1_000_000_000),
    st.sampled_from([0.001, 1, 7, 60, 300, 3_600, 86_400]),
)


@given(data=st.data(), rate=RATES)
async def test_no_window_has_more_than_the_burst_and_what_flowed_in(
    backend: Callable[[], Bench], data: st.DataObject, rate: Rate
) -> None:
    bench = backend()
    period = int(rate.period_seconds * 1_000_000_000)
    let_through: list[tuple[int, int]] = []
    for _ in range(data.draw(st.integers(1, 25))):
        cost = data.draw(st.integers(1, min(rate.count, 5)) | st.integers(1, rate.count))
        allowance = await bench.limiter.take("b", rate, cost=cost)
        now = bench.clock.now_unix_nano()
        if allowance.allowed:
            assert allowance.retry_after_seconds == 0
            let_through.append((now, cost))
        elif data.draw(st.booleans()):
            assert allowance.retry_after_seconds >= 1
            bench.clock.move(seconds=allowance.retry_after_seconds)
            assert (await bench.limiter.take("b", rate, cost=cost)).allowed
            let_through.append((bench.clock.now_unix_nano(), cost))
        bench.clock.move(seconds=data.draw(st.integers(0, 2 * period)) / 1_000_000_000)
    for first, (start, _) in enumerate(let_through):
        taken = 0
        for moment, cost in let_through[first:]:
            taken += cost
            assert taken <= rate.count + Fraction((moment - start) * rate.count, period)


@given(rate=RATES, taken=st.integers(1, 1_000_000_000), early=st.integers(1, 10))
async def test_refused_is_told_the_first_whole_second_that_helps(
    backend: Callable[[], Bench], rate: Rate, taken: int, early: int
) -> None:
    bench = backend()
    await bench.limiter.take("b", rate, cost=min(taken, rate.count))
    refused = await bench.limiter.take("b", rate, cost=rate.count)
    assert not refused.allowed
    assert refused.retry_after_seconds == ceil(refused.reset_seconds)
    if refused.retry_after_seconds > early:
        bench.clock.move(seconds=refused.retry_after_seconds - early)
        again = await bench.limiter.take("b", rate, cost=rate.count)
        assert (again.allowed, again.retry_after_seconds) == (False, early)
