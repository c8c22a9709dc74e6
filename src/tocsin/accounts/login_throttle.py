"""Slows down guessing: how many sign-ins may fail for one account, and from one address."""

from hashlib import blake2b

from tocsin.kit.errors import TooManyRequests
from tocsin.kit.rates import Rate
from tocsin.limits.addresses import counted_address
from tocsin.limits.ports import RateLimiter

WINDOW_SECONDS = 300

#: Failures for one account from one address: what a person is refused after who mistypes a password.
FAILURES_OF_ACCOUNT_AND_ADDRESS = Rate(10, WINDOW_SECONDS)

#: Failures for one account from everywhere: far more, so that a stranger can't lock a person out from one address.
FAILURES_OF_ACCOUNT = Rate(100, WINDOW_SECONDS)

#: Failures from one address for whatever accounts: an office behind one address may have so many.
FAILURES_OF_ADDRESS = Rate(50, WINDOW_SECONDS)

_NAME_BYTES = 16


class LoginThrottle:
    """Counts failed sign-ins by account, known or not, and by address.

    Every method raises ``ServiceUnavailable`` when the limiter's backend can't be reached: guessing is not let
    through because nobody counts.
    """

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter

    async def admit(self, email: str, *, address: str) -> None:
        """Let an attempt pass.

        Raises:
            TooManyRequests: too many have failed; says after how long one is let through.
        """
        refused = None
        for bucket, rate in _buckets(email, address):
            allowance = await self._limiter.peek(bucket, rate)
            if not allowance.allowed and (
                refused is None or allowance.retry_after_seconds > refused.retry_after_seconds
            ):
                refused = allowance
        if refused is not None:
            raise TooManyRequests(
                "too many sign-ins failed for this account or from your address; wait, then try again",
                retry_after_seconds=refused.retry_after_seconds,
            )

    async def record_failure(self, email: str, *, address: str) -> None:
        """Count a failure."""
        for bucket, rate in _buckets(email, address):
            await self._limiter.take(bucket, rate)

    async def forget(self, email: str, *, address: str) -> None:
        """Forget the failures of an account at an address from which it has now signed in.

        The wider counts stay: a guesser who knows one password would wipe them as often as they like.
        """
        bucket, _ = _buckets(email, address)[0]
        await self._limiter.forget(bucket)


def _buckets(email: str, address: str) -> tuple[tuple[str, Rate], ...]:
    address = counted_address(address)
    return (
        (_bucket("account-address", f"{email} {address}"), FAILURES_OF_ACCOUNT_AND_ADDRESS),
        (_bucket("account", email), FAILURES_OF_ACCOUNT),
        (_bucket("address", address), FAILURES_OF_ADDRESS),
    )


def _bucket(kind: str, whose: str) -> str:
    # E-mail addresses are long and private, and a backend shows the names of its buckets.
    return f"sign-in-failures:{kind}:{blake2b(whose.encode(), digest_size=_NAME_BYTES).hexdigest()}"
