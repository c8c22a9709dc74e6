import pytest

from tests.accounts.clock import HeldClock
from tocsin.accounts import login_throttle
from tocsin.accounts.login_throttle import LoginThrottle
from tocsin.kit.errors import TooManyRequests

EMAIL = "someone@example.com"


@pytest.fixture
def throttle(clock: HeldClock) -> LoginThrottle:
    return LoginThrottle(clock)


def fail(throttle: LoginThrottle, *, times: int, email: str = EMAIL) -> None:
    for _ in range(times):
        throttle.admit(email)
        throttle.record_failure(email)


def test_admit_lets_attempts_pass_when_nine_failed(throttle: LoginThrottle) -> None:
    fail(throttle, times=9)
    throttle.admit(EMAIL)


def test_admit_refuses_until_the_oldest_of_ten_failures_is_five_minutes_old(
    throttle: LoginThrottle, clock: HeldClock
) -> None:
    fail(throttle, times=1)
    clock.move(seconds=100)
    fail(throttle, times=9)
    with pytest.raises(TooManyRequests) as refusal:
        throttle.admit(EMAIL)
    assert refusal.value.retry_after_seconds == 200
    clock.move(seconds=199.5)
    with pytest.raises(TooManyRequests) as refusal:
        throttle.admit(EMAIL)
    assert refusal.value.retry_after_seconds == 1
    clock.move(seconds=0.5)
    fail(throttle, times=1)
    with pytest.raises(TooManyRequests):
        throttle.admit(EMAIL)


def test_admit_lets_other_addresses_pass_when_one_is_refused(throttle: LoginThrottle) -> None:
    fail(throttle, times=10)
    throttle.admit("another@example.com")


def test_admit_starts_anew_when_a_login_succeeded(throttle: LoginThrottle) -> None:
    fail(throttle, times=9)
    throttle.forget(EMAIL)
    fail(throttle, times=9)
    throttle.admit(EMAIL)


def test_throttle_forgets_the_oldest_address_when_there_are_too_many(
    throttle: LoginThrottle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_throttle, "REMEMBERED_ADDRESSES", 1)
    fail(throttle, times=10)
    fail(throttle, times=10, email="another@example.com")
    throttle.admit(EMAIL)
    with pytest.raises(TooManyRequests):
        throttle.admit("another@example.com")
