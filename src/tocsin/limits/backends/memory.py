"""Rate limits in the memory of one process."""

from collections import OrderedDict

from tocsin.kit.clock import Clock
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.kit.rates import Rate
from tocsin.limits.ports import Allowance

MAX_BUCKETS = 100_000
"""Some 20 MB when all are in use."""

_LOOKED_AT = 8
"""Buckets that are looked at for a full one before another is forgotten; bounds the cost of a flood of names."""


class MemoryRateLimiter:
    """A bucket is one number: the time at which it will be full again.

    Source: the generic cell rate algorithm, ITU-T I.371 annex A, as a virtual scheduling algorithm. The number is its
    theoretical arrival time. No method gives way to other tasks, so each is atomic without a lock.
    """

    def __init__(self, clock: Clock, *, max_buckets: int = MAX_BUCKETS) -> None:
        self._clock = clock
        self._max_buckets = max_buckets
        #: The one that was used longest ago first.
        self._full_at: OrderedDict[str, int] = OrderedDict()

    async def take(self, bucket: str, rate: Rate, *, cost: int = 1) -> Allowance:
        """As the port says."""
        if not 1 <= cost <= rate.count:
            raise ValueError(f"a cost of {cost} can't be taken from a bucket of {rate.count}")
        now = self._clock.now_unix_nano()
        interval = _interval(rate)
        capacity = interval * rate.count
        before = self._begins(bucket, now, capacity)
        after = before + cost * interval
        if after - now > capacity:
            # Used, too: whoever is refused must not be the first to be forgotten.
            self._full_at.move_to_end(bucket)
            return _allowance(rate, interval, before - now, missing=after - now - capacity)
        self._full_at[bucket] = after
        self._full_at.move_to_end(bucket)
        if len(self._full_at) > self._max_buckets:
            self._drop_one(now)
        return _allowance(rate, interval, after - now, missing=0)

    async def peek(self, bucket: str, rate: Rate) -> Allowance:
        """As the port says."""
        now = self._clock.now_unix_nano()
        interval = _interval(rate)
        capacity = interval * rate.count
        until_full = self._begins(bucket, now, capacity) - now
        return _allowance(rate, interval, until_full, missing=max(0, until_full + interval - capacity))

    async def forget(self, bucket: str) -> None:
        """As the port says."""
        self._full_at.pop(bucket, None)

    def _begins(self, bucket: str, now: int, capacity: int) -> int:
        """When the bucket is full: now if it is, and at most one period away, whatever the clock or the rate was."""
        full_at = self._full_at.get(bucket, now)
        if full_at <= now:
            return now
        if full_at > now + capacity:
            # Kept, or the bucket would stay empty until the clock has caught up.
            full_at = self._full_at[bucket] = now + capacity
        return full_at

    def _drop_one(self, now: int) -> None:
        """Forget a full bucket, or else the one that was used longest ago."""
        oldest = next(iter(self._full_at))
        for _, (bucket, full_at) in zip(range(_LOOKED_AT), self._full_at.items(), strict=False):
            if full_at <= now:
                oldest = bucket
                break
        del self._full_at[oldest]


def _interval(rate: Rate) -> int:
    """Nanoseconds in which one flows in; rounded up, so that rounding lets no more through than the rate does."""
    return -(-int(rate.period_seconds * NANOSECONDS_A_SECOND) // rate.count) or 1


def _allowance(rate: Rate, interval: int, until_full: int, *, missing: int) -> Allowance:
    """What a bucket says that is full in ``until_full``, when the time of ``missing`` must flow in first."""
    return Allowance(
        allowed=missing == 0,
        limit=rate.count,
        remaining=(interval * rate.count - until_full) // interval,
        reset_seconds=until_full / NANOSECONDS_A_SECOND,
        retry_after_seconds=-(-missing // NANOSECONDS_A_SECOND),
    )
