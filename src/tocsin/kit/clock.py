"""The clock, passed in wherever time matters, so that tests can hold it."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now_unix_nano(self) -> int:
        """Nanoseconds since 1970-01-01T00:00:00Z."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def now_unix_nano(self) -> int:
        """Nanoseconds since 1970-01-01T00:00:00Z."""
        return time.time_ns()


def utc_now(clock: Clock) -> datetime:
    """The clock's time as an aware datetime, cut to microseconds."""
    return datetime.fromtimestamp(clock.now_unix_nano() // 1000 / 1e6, tz=UTC)
