"""What ``/v1/patterns`` answers."""

import msgspec

from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.logmodel.levels import Level
from tocsin.patterns.contracts import pattern_id_text
from tocsin.search.exploring_schemas import ValueResponse
from tocsin.search.pattern_contracts import PatternCount, PatternCounts, Trend
from tocsin.search.schemas import rfc3339


class PatternCountResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern, and its logs among those that match."""

    id: str
    template: str
    name: str | None
    is_muted: bool
    #: Never seen before this time range, though other patterns were.
    is_new: bool
    #: When it was first seen at all.
    first_seen: str
    #: Of the logs that match: the first and the last one.
    first: str
    last_seen: str
    count: int
    share: float
    #: In the time of the same length just before.
    count_before: int
    trend: Trend
    levels: dict[Level, int]
    services: list[ValueResponse]
    #: How many shapes it is made of.
    shapes: int
    #: One for each interval.
    counts: list[int]


class PatternsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Patterns: `total` is the sum of their counts, `others` and `unregistered`."""

    total: int
    patterns: list[PatternCountResponse]
    #: How many patterns there are, those that are left out included.
    pattern_total: int
    #: Logs of the patterns that are left out.
    others: int
    #: Logs of shapes for which the registry has no room.
    unregistered: int
    interval_seconds: int
    #: The start of each interval.
    starts: list[str]
    from_: str = msgspec.field(name="from")
    to: str
    took_ms: float


def patterns_response(counted: PatternCounts, *, took_ms: float) -> PatternsResponse:
    """Patterns as they are answered."""
    return PatternsResponse(
        total=counted.total,
        patterns=[pattern_count_response(each) for each in counted.patterns],
        pattern_total=counted.pattern_total,
        others=counted.others,
        unregistered=counted.unregistered,
        interval_seconds=counted.interval_nano // NANOSECONDS_A_SECOND,
        starts=[rfc3339(start) for start in counted.starts],
        from_=rfc3339(counted.time_range.start_unix_nano),
        to=rfc3339(counted.time_range.end_unix_nano),
        took_ms=took_ms,
    )


def pattern_count_response(each: PatternCount) -> PatternCountResponse:
    """One pattern as it is answered."""
    return PatternCountResponse(
        id=pattern_id_text(each.pattern.id),
        template=each.pattern.template,
        name=each.pattern.name,
        is_muted=each.pattern.is_muted,
        is_new=each.is_new,
        first_seen=rfc3339(each.pattern.first_seen_unix_nano),
        first=rfc3339(each.first_unix_nano),
        last_seen=rfc3339(each.last_unix_nano),
        count=each.count,
        share=each.share,
        count_before=each.count_before,
        trend=each.trend,
        levels=each.levels,
        services=[ValueResponse(service.value, service.count) for service in each.services],
        shapes=len(each.pattern.shapes),
        counts=each.counts,
    )
