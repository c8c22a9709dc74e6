import pytest

from tests.accounts.clock import HeldClock
from tocsin.accounts.login_throttle import LoginThrottle
from tocsin.kit.errors import TooManyRequests
from tocsin.limits.backends.memory import MemoryRateLimiter

EMAIL = "someone@example.com"
ADDRESS = "192.0.2.1"


@pytest.fixture
def throttle(clock: HeldClock) -> LoginThrottle:
    return LoginThrottle(MemoryRateLimiter(clock))


async def fail(throttle: LoginThrottle, *, times: int, email: str = EMAIL, address: str = ADDRESS) -> None:
    for _ in range(times):
        await throttle.admit(email, address=address)
        await throttle.record_failure(email, address=address)


async def refused_for(throttle: LoginThrottle, *, email: str = EMAIL, address: str = ADDRESS) -> int:
    """Seconds, as the refusal says; 0 where there is none."""
    try:
        await throttle.admit(email, address=address)
    except TooManyRequests as refusal:
        return refusal.retry_after_seconds
    return 0


async def test_admit_lets_attempts_pass_when_nine_failed(throttle: LoginThrottle) -> None:
    await fail(throttle, times=9)
    assert await refused_for(throttle) == 0


async def test_admit_refuses_after_ten_failures_until_one_has_flowed_in_again(
    throttle: LoginThrottle, clock: HeldClock
) -> None:
    await fail(throttle, times=10)
    assert await refused_for(throttle) == 30
    clock.move(seconds=29.5)
    assert await refused_for(throttle) == 1
    clock.move(seconds=0.5)
    await fail(throttle, times=1)
    assert await refused_for(throttle) == 30


async def test_admit_counts_nothing_when_attempts_are_refused(throttle: LoginThrottle, clock: HeldClock) -> None:
    await fail(throttle, times=10)
    for _ in range(100):
        assert await refused_for(throttle) == 30
    clock.move(seconds=30)
    assert await refused_for(throttle) == 0


async def test_owner_gets_in_from_elsewhere_when_a_stranger_has_failed(throttle: LoginThrottle) -> None:
    await fail(throttle, times=10)
    assert await refused_for(throttle, address="198.51.100.7") == 0


async def test_account_is_closed_when_guesses_come_from_many_addresses(throttle: LoginThrottle) -> None:
    for number in range(10):
        await fail(throttle, times=10, address=f"198.51.100.{number}")
    assert await refused_for(throttle, address="203.0.113.1") == 3
    assert await refused_for(throttle, email="another@example.com", address="203.0.113.1") == 0


async def test_address_is_refused_when_it_has_failed_for_many_accounts(throttle: LoginThrottle) -> None:
    for number in range(50):
        await fail(throttle, times=1, email=f"{number}@example.com")
    assert await refused_for(throttle, email="yet-another@example.com") == 6
    assert await refused_for(throttle, email="yet-another@example.com", address="198.51.100.7") == 0


async def test_address_is_the_block_when_it_is_ipv6(throttle: LoginThrottle) -> None:
    for number in range(10):
        await fail(throttle, times=1, address=f"2001:db8:0:1::{number}")
    assert await refused_for(throttle, address="2001:db8:0:1:ffff::") == 30
    assert await refused_for(throttle, address="2001:db8:0:2::1") == 0


async def test_admit_says_the_longest_wait_when_several_limits_are_met(
    throttle: LoginThrottle, clock: HeldClock
) -> None:
    await fail(throttle, times=10)
    for number in range(40):
        await fail(throttle, times=1, email=f"{number}@example.com")
    assert await refused_for(throttle) == 30


async def test_account_starts_anew_at_its_address_when_a_sign_in_succeeded(throttle: LoginThrottle) -> None:
    await fail(throttle, times=9)
    await throttle.forget(EMAIL, address=ADDRESS)
    await fail(throttle, times=9)
    assert await refused_for(throttle) == 0


async def test_wider_counts_stay_when_a_sign_in_succeeded(throttle: LoginThrottle) -> None:
    for number in range(49):
        await fail(throttle, times=1, email=f"{number}@example.com")
    await throttle.forget(EMAIL, address=ADDRESS)
    await fail(throttle, times=1, email="last@example.com")
    assert await refused_for(throttle) == 6


async def test_limiter_is_shown_no_email_address(clock: HeldClock) -> None:
    forgotten: list[str] = []

    class Watched(MemoryRateLimiter):
        async def forget(self, bucket: str) -> None:
            forgotten.append(bucket)

    await LoginThrottle(Watched(clock)).forget("x" * 300 + EMAIL, address=ADDRESS)
    [bucket] = forgotten
    assert "example" not in bucket
    assert len(bucket) < 100
