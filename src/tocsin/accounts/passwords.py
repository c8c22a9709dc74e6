"""Passwords: hashed slowly, off the event loop, a few at a time."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tocsin.accounts.login_throttle import LoginThrottle
from tocsin.kit.errors import InvalidRequest, TooManyRequests
from tocsin.limits.ports import RateLimiter

MINIMUM_CHARACTERS = 12
#: Bounds the work that one attempt can cause.
MAXIMUM_CHARACTERS = 1_024

# argon2id with 19 MiB, two passes, one lane. Source: OWASP Password Storage Cheat Sheet.
_MEMORY_KIB = 19_456
_PASSES = 2
_LANES = 1

#: Hashes at one time, so that logins leave the processor and the memory to the intake.
_CONCURRENT_HASHES = 2
#: Attempts that may wait for one of those; further ones are refused.
_WAITING_ATTEMPTS = 64


class Passwords:
    """Checks and hashes passwords for one process."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._hasher = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=_LANES)
        # Checked in place of the hash of a user who does not exist, so that both answers take as long.
        self._nobodys_hash = self._hasher.hash("")
        self._throttle = LoginThrottle(limiter)
        self._slots = asyncio.Semaphore(_CONCURRENT_HASHES)
        self._waiting = 0

    async def check(self, password: str, *, email: str, address: str, stored_hash: str | None) -> bool:
        """Whether the password is the right one; takes as long when no user has one (``stored_hash`` is None).

        ``address`` is where the attempt comes from.

        Raises:
            TooManyRequests: too many attempts failed for this account or from this address, or too many are waiting.
            ServiceUnavailable: failures can't be counted right now, so that nothing is let through.
        """
        if self._waiting >= _WAITING_ATTEMPTS:
            raise TooManyRequests("too many logins at one time", retry_after_seconds=1)
        self._waiting += 1
        try:
            async with self._slots:
                # Inside the slot, so that attempts sent all at once are counted too.
                await self._throttle.admit(email, address=address)
                matches = await asyncio.to_thread(self._matches, stored_hash or self._nobodys_hash, password)
                if stored_hash is None or not matches:
                    await self._throttle.record_failure(email, address=address)
                    return False
                await self._throttle.forget(email, address=address)
                return True
        finally:
            self._waiting -= 1

    async def hash(self, password: str) -> str:
        """Hash a password for keeping.

        Raises:
            InvalidRequest: it is too short or too long.
        """
        if not MINIMUM_CHARACTERS <= len(password) <= MAXIMUM_CHARACTERS:
            raise InvalidRequest(f"a password has {MINIMUM_CHARACTERS} to {MAXIMUM_CHARACTERS:,} characters")
        async with self._slots:
            return await asyncio.to_thread(self._hasher.hash, password)

    def _matches(self, stored_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored_hash, password[: MAXIMUM_CHARACTERS + 1])
        except (VerificationError, InvalidHashError):
            return False
