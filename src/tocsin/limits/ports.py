"""What a rate limiter promises, whatever keeps its buckets."""

from dataclasses import dataclass
from typing import Protocol

from tocsin.kit.rates import Rate


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether something may happen now, and what can be told to whoever asked."""

    allowed: bool
    #: How many there are in all: the rate's count.
    limit: int
    #: How many more of cost 1 would be let through right now.
    remaining: int
    #: Until all of ``limit`` are there again, if nothing else is taken.
    reset_seconds: float
    #: Whole seconds after which the same is let through, if nothing else is taken before; 0 where it is let through.
    retry_after_seconds: int


class RateLimiter(Protocol):
    """Buckets of allowances, each filled at a rate. Safe to share among tasks of one event loop.

    - In any window a bucket lets through at most ``count + window / period * count``: the burst, and what flowed in.
    - Atomic: of all who take at once, in however many processes over one backend, no more get through than that.
    - Time is the backend's own clock, one for all processes. A clock that is set back delays a caller by one period
      at most.
    - Memory is bounded. A bucket that is full is forgotten, since that is what a new one is; when there are too many
      others, the backend may forget those that were used longest ago, which lets their callers begin anew.
    - Nothing survives a restart of the backend for sure.

    A bucket is named by a short text, such as ``ingest:<key id>``. Names may be seen by whoever administers the
    backend: what is long or private goes in as a hash. One bucket is always asked with one rate; when the rate is
    changed, what was taken under the old one counts for one period of the new one at most.
    """

    async def take(self, bucket: str, rate: Rate, *, cost: int = 1) -> Allowance:
        """Take ``cost`` out of a bucket, or nothing where there is not so much in it.

        Raises:
            ValueError: the cost is below 1, or above the rate's count, so that no wait would help.
            ServiceUnavailable: the backend can't be reached; the caller says what that means for its request.
        """
        ...

    async def peek(self, bucket: str, rate: Rate) -> Allowance:
        """What ``take`` of 1 would say, and take nothing.

        Raises:
            ServiceUnavailable: as ``take``.
        """
        ...

    async def forget(self, bucket: str) -> None:
        """Fill a bucket.

        Raises:
            ServiceUnavailable: as ``take``.
        """
        ...
