"""What ``/v1/patterns/{id}`` answers."""

import msgspec

from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.logmodel.levels import Level
from tocsin.patterns.contracts import pattern_id_text
from tocsin.patterns.quantities import Unit
from tocsin.search.exploring_schemas import ValueResponse
from tocsin.search.pattern_detail_contracts import NumberDistribution, PatternDetails, VariableDistribution
from tocsin.search.schemas import LogResponse, log_response, rfc3339


class ValueShareResponse(msgspec.Struct, frozen=True):
    """A value, how many logs have it, and their share of the logs that have any."""

    value: str
    count: int
    share: float


class BinResponse(msgspec.Struct, frozen=True):
    """How many numbers there are from `start` to just before `end`; the last bin holds its end too."""

    start: float
    end: float
    count: int


class NumbersResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Values that are numbers; durations are in seconds, sizes in bytes."""

    unit: Unit | None
    count: int
    min: float
    max: float
    mean: float
    quantiles: dict[str, float]
    is_logarithmic: bool
    histogram: list[BinResponse]
    #: One for each interval; null where it has no number.
    over_time: dict[str, list[float | None]]


class VariableResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in one wildcard of the template."""

    name: str
    type: str
    count: int
    #: How many different values were read.
    distinct: int
    values: list[ValueShareResponse]
    numbers: NumbersResponse | None


class PatternShapeResponse(msgspec.Struct, frozen=True):
    """A shape of the pattern: its masked message, and how many logs have it."""

    shape: str
    template: str
    count: int


class PatternDetailsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One pattern; `variables` are of `logs_read` of its `count` logs: estimates where these are fewer."""

    id: str
    template: str
    name: str | None
    is_muted: bool
    first_seen: str
    #: Of the logs that match: the first and the last one; null where there is none.
    first: str | None
    last_seen: str | None
    count: int
    levels: dict[Level, int]
    services: list[ValueResponse]
    interval_seconds: int
    #: The start of each interval.
    starts: list[str]
    #: One for each interval.
    counts: list[int]
    exemplars: list[LogResponse]
    shapes: list[PatternShapeResponse]
    #: How many shapes the logs have, those that are left out included.
    shape_total: int
    logs_read: int
    #: In the order of the template's wildcards.
    variables: list[VariableResponse]
    from_: str = msgspec.field(name="from")
    to: str
    took_ms: float


def pattern_details_response(details: PatternDetails, *, took_ms: float) -> PatternDetailsResponse:
    """A pattern's page as it is answered."""
    return PatternDetailsResponse(
        id=pattern_id_text(details.pattern.id),
        template=details.pattern.template,
        name=details.pattern.name,
        is_muted=details.pattern.is_muted,
        first_seen=rfc3339(details.pattern.first_seen_unix_nano),
        first=_moment(details.first_unix_nano),
        last_seen=_moment(details.last_unix_nano),
        count=details.count,
        levels=details.levels,
        services=[ValueResponse(each.value, each.count) for each in details.services],
        interval_seconds=details.interval_nano // NANOSECONDS_A_SECOND,
        starts=[rfc3339(start) for start in details.starts],
        counts=details.counts,
        exemplars=[log_response(log) for log in details.exemplars],
        shapes=[
            PatternShapeResponse(pattern_id_text(each.shape), each.template, each.count) for each in details.shapes
        ],
        shape_total=details.shape_total,
        logs_read=details.logs_read,
        variables=[_variable(each) for each in details.variables],
        from_=rfc3339(details.time_range.start_unix_nano),
        to=rfc3339(details.time_range.end_unix_nano),
        took_ms=took_ms,
    )


def _variable(found: VariableDistribution) -> VariableResponse:
    return VariableResponse(
        name=found.variable.name,
        type=found.variable.type,
        count=found.count,
        distinct=found.distinct,
        values=[ValueShareResponse(each.value, each.count, each.share) for each in found.values],
        numbers=None if found.numbers is None else _numbers(found.numbers),
    )


def _numbers(found: NumberDistribution) -> NumbersResponse:
    return NumbersResponse(
        unit=found.unit,
        count=found.count,
        min=found.minimum,
        max=found.maximum,
        mean=found.mean,
        quantiles=found.quantiles,
        is_logarithmic=found.is_logarithmic,
        histogram=[BinResponse(each.start, each.end, each.count) for each in found.bins],
        over_time=found.over_time,
    )


def _moment(unix_nano: int | None) -> str | None:
    return None if unix_nano is None else rfc3339(unix_nano)
