"""The intervals of a histogram."""

from tocsin.kit.errors import InvalidRequest
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.logmodel.levels import level_of
from tocsin.logstore.ports import HistogramBucket, TimeRange, interval_starts
from tocsin.search.contracts import Bucket
from tocsin.search.time_expressions import UNIT_SECONDS, duration_seconds

AUTOMATIC_BUCKETS = 60
"""About as many bars as a small chart shows well; an interval that nobody chose gives at most so many."""

MAX_BUCKETS = 2_000
"""More than a screen has columns."""

_ROUND_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400)


def interval_nano(text: str | None, time_range: TimeRange) -> int:
    """The interval that was asked for, or a round one that gives at most ``AUTOMATIC_BUCKETS``.

    Raises:
        InvalidRequest: it is not a duration, or gives more than ``MAX_BUCKETS``.
    """
    if text is None:
        return _automatic_seconds(time_range) * NANOSECONDS_A_SECOND
    interval = duration_seconds(text) * NANOSECONDS_A_SECOND
    wanted = len(interval_starts(time_range, interval))
    if wanted > MAX_BUCKETS:
        shortest = -(-(time_range.end_unix_nano - time_range.start_unix_nano) // (MAX_BUCKETS - 1))
        raise InvalidRequest(
            f"an interval of {text} gives {wanted:,} buckets in this time range, and {MAX_BUCKETS:,} are the most: "
            f"use one of at least {-(-shortest // NANOSECONDS_A_SECOND)}s"
        )
    return interval


def filled(counts: list[HistogramBucket], time_range: TimeRange, interval: int) -> list[Bucket]:
    """All buckets of the range, those without logs included, with counts by level."""
    buckets = {start: Bucket(start, {}) for start in interval_starts(time_range, interval)}
    for count in counts:
        levels = buckets[count.start_unix_nano].levels
        level = level_of(count.severity_number)
        levels[level] = levels.get(level, 0) + count.count
    return list(buckets.values())


def _automatic_seconds(time_range: TimeRange) -> int:
    # One bucket of reserve: a range that starts between two borders touches one more.
    length = time_range.end_unix_nano - time_range.start_unix_nano
    shortest = -(-length // ((AUTOMATIC_BUCKETS - 1) * NANOSECONDS_A_SECOND))
    weeks = -(-shortest // UNIT_SECONDS["w"])
    return next((seconds for seconds in _ROUND_SECONDS if seconds >= shortest), weeks * UNIT_SECONDS["w"])
