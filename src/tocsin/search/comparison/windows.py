"""Which windows a comparison is of."""

from tocsin.kit.errors import InvalidRequest, InvalidTimeRange
from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.logstore.ports import TimeRange
from tocsin.search.comparison.contracts import ComparisonQuestion, NamedBaseline
from tocsin.search.time_expressions import UNIT_SECONDS, time_range

EARLIER = {"day": UNIT_SECONDS["d"], "week": UNIT_SECONDS["w"]}
"""Baselines at the same time of an earlier day, in seconds."""

BEFORE = "before"

LEAST_NANO = NANOSECONDS_A_SECOND
"""A shorter window says nothing about a rate."""


def windows_of(question: ComparisonQuestion, *, now_unix_nano: int) -> tuple[TimeRange, TimeRange]:
    """The baseline, and the window that is compared with it.

    Raises:
        InvalidRequest: the baseline has no such name.
        InvalidTimeRange: a bound is not a moment, or a window is empty, shorter than a second, or they overlap.
    """
    after = time_range(question.start, question.end, now_unix_nano=now_unix_nano)
    before = _baseline(question.baseline, after, now_unix_nano=now_unix_nano)
    for window in (before, after):
        if window.end_unix_nano - window.start_unix_nano < LEAST_NANO:
            raise InvalidTimeRange("a window that is compared is at least a second long")
    if before.start_unix_nano < after.end_unix_nano and after.start_unix_nano < before.end_unix_nano:
        raise InvalidTimeRange("the baseline overlaps the window that is compared with it: end it where that begins")
    return before, after


def _baseline(baseline: str | NamedBaseline, after: TimeRange, *, now_unix_nano: int) -> TimeRange:
    if isinstance(baseline, NamedBaseline):
        return time_range(baseline.start, baseline.end, now_unix_nano=now_unix_nano)
    length = after.end_unix_nano - after.start_unix_nano
    if baseline == BEFORE:
        earlier = length
    elif baseline in EARLIER:
        earlier = EARLIER[baseline] * NANOSECONDS_A_SECOND
        if earlier < length:
            raise InvalidTimeRange(f"the window is longer than a {baseline}: take the baseline just before it")
    else:
        raise InvalidRequest(f"there is no baseline {baseline!r}: take before, day, week, or a time range")
    if after.start_unix_nano - earlier < -(2**63):
        raise InvalidTimeRange("the baseline is too far from now")
    return TimeRange(after.start_unix_nano - earlier, after.end_unix_nano - earlier)
