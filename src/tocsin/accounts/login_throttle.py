"""Slows down guessing: how many failures one e-mail address may have in a while."""

from collections import OrderedDict, deque
from math import ceil

from tocsin.kit.clock import Clock
from tocsin.kit.errors import TooManyRequests

FAILURES = 10
WINDOW_SECONDS = 300

#: Addresses that are remembered in one process; the one that failed longest ago goes first.
REMEMBERED_ADDRESSES = 10_000

_NANOSECONDS = 1_000_000_000


class LoginThrottle:
    """Counts failed logins by e-mail address, known or not, in this process's memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[int]] = OrderedDict()

    def admit(self, email: str) -> None:
        """Let an attempt pass.

        Raises:
            TooManyRequests: the address has had ``FAILURES`` failures in the last ``WINDOW_SECONDS``.
        """
        failures = self._failures.get(email)
        if failures is None or len(failures) < FAILURES:
            return
        waited_seconds = (self._clock.now_unix_nano() - failures[0]) / _NANOSECONDS
        if waited_seconds < WINDOW_SECONDS:
            raise TooManyRequests(
                "too many failed logins for this e-mail address",
                retry_after_seconds=min(WINDOW_SECONDS, ceil(WINDOW_SECONDS - waited_seconds)),
            )

    def record_failure(self, email: str) -> None:
        """Count a failure."""
        self._failures.setdefault(email, deque(maxlen=FAILURES)).append(self._clock.now_unix_nano())
        self._failures.move_to_end(email)
        if len(self._failures) > REMEMBERED_ADDRESSES:
            self._failures.popitem(last=False)

    def forget(self, email: str) -> None:
        """Forget the failures of an address that has now logged in."""
        self._failures.pop(email, None)
