"""What other rooms see of searching patterns."""

from dataclasses import dataclass
from enum import StrEnum

from tocsin.logmodel.levels import Level
from tocsin.logstore.ports import TimeRange
from tocsin.patterns.contracts import Pattern
from tocsin.search.contracts import ValueCount


class PatternOrder(StrEnum):
    """Which patterns come first."""

    COUNT = "count"
    #: Those that appeared last.
    NEWEST = "newest"
    #: Those that rose most against the time before, by how unlikely that is.
    RISING = "rising"


class Trend(StrEnum):
    """A pattern against the time of the same length just before."""

    RISING = "rising"
    FALLING = "falling"
    STEADY = "steady"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternCount:
    """A pattern, and its logs among those that match."""

    pattern: Pattern
    count: int
    #: Of all logs that match, in 0–1.
    share: float
    #: Timestamps of its first and last log that matches.
    first_unix_nano: int
    last_unix_nano: int
    #: How many matched in the time of the same length just before.
    count_before: int
    trend: Trend
    #: Whether it was never seen before this time range, though other patterns were.
    is_new: bool
    levels: dict[Level, int]
    #: Most logs first.
    services: list[ValueCount]
    #: One for each interval of the answer.
    counts: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternCounts:
    """The logs that match, divided by pattern: ``total`` is the patterns' counts and the others' together."""

    time_range: TimeRange
    total: int
    interval_nano: int
    #: The starts of the intervals, in nanoseconds since 1970.
    starts: range
    patterns: list[PatternCount]
    #: How many patterns match in all.
    pattern_total: int
    #: Logs of patterns beyond the limit.
    others: int
    #: Logs of shapes for which the registry has no room.
    unregistered: int
