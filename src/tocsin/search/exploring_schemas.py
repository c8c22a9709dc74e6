"""What the endpoints about fields, values, groups and context answer."""

import msgspec

from tocsin.kit.moments import NANOSECONDS_A_SECOND
from tocsin.search.contracts import Aggregate, Context, Facets, FieldCounts, FieldValues
from tocsin.search.schemas import LogResponse, log_response, rfc3339


class FieldResponse(msgspec.Struct, frozen=True):
    """A field, and how many logs have it; ``built_in`` fields are those of the log itself, others of its metadata."""

    name: str
    count: int
    built_in: bool


class FieldsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Fields: those of the log itself, then the metadata's, most logs first."""

    fields: list[FieldResponse]
    has_more: bool
    from_: str = msgspec.field(name="from")
    to: str
    took_ms: float


class ValueResponse(msgspec.Struct, frozen=True):
    """A value, and how many logs have it."""

    value: str
    count: int


class ValuesResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The values of a field that most logs have, most first."""

    field: str
    values: list[ValueResponse]
    has_more: bool
    from_: str = msgspec.field(name="from")
    to: str
    took_ms: float


class FacetResponse(msgspec.Struct, frozen=True):
    """The most frequent values of a field, how many logs have another value, and how many have none."""

    field: str
    values: list[ValueResponse]
    others: int
    missing: int


class FacetsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """How the logs that match divide by each field."""

    total: int
    facets: list[FacetResponse]
    from_: str = msgspec.field(name="from")
    to: str
    took_ms: float


class GroupResponse(msgspec.Struct, frozen=True):
    """The logs with the same values, in one interval; null is a log without a value, or a result over no number."""

    start: str | None
    values: dict[str, str | None]
    results: dict[str, float | None]


class AggregateResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Groups by time, then those with the most logs first; intervals without logs are left out."""

    interval_seconds: int | None
    groups: list[GroupResponse]
    has_more: bool
    #: How the patterns among the values read, by id.
    templates: dict[str, str]
    from_: str = msgspec.field(name="from")
    to: str
    took_ms: float


class ContextResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A log, and the logs around it; all of them oldest first."""

    before: list[LogResponse]
    log: LogResponse
    after: list[LogResponse]
    took_ms: float


def fields_response(counts: FieldCounts, *, took_ms: float) -> FieldsResponse:
    """Fields as they are answered."""
    return FieldsResponse(
        fields=[FieldResponse(each.name, each.count, each.is_built_in) for each in counts.fields],
        has_more=counts.has_more,
        from_=rfc3339(counts.time_range.start_unix_nano),
        to=rfc3339(counts.time_range.end_unix_nano),
        took_ms=took_ms,
    )


def values_response(values: FieldValues, *, took_ms: float) -> ValuesResponse:
    """Values as they are answered."""
    return ValuesResponse(
        field=values.field,
        values=[ValueResponse(each.value, each.count) for each in values.values],
        has_more=values.has_more,
        from_=rfc3339(values.time_range.start_unix_nano),
        to=rfc3339(values.time_range.end_unix_nano),
        took_ms=took_ms,
    )


def facets_response(facets: Facets, *, took_ms: float) -> FacetsResponse:
    """Facets as they are answered."""
    return FacetsResponse(
        total=facets.total,
        facets=[
            FacetResponse(
                facet.field,
                [ValueResponse(each.value, each.count) for each in facet.values],
                facet.others,
                facet.missing,
            )
            for facet in facets.facets
        ],
        from_=rfc3339(facets.time_range.start_unix_nano),
        to=rfc3339(facets.time_range.end_unix_nano),
        took_ms=took_ms,
    )


def aggregate_response(aggregate: Aggregate, *, took_ms: float) -> AggregateResponse:
    """Groups as they are answered."""
    starts = {each.start_unix_nano for each in aggregate.groups if each.start_unix_nano is not None}
    texts = {start: rfc3339(start) for start in starts}
    return AggregateResponse(
        interval_seconds=None if aggregate.interval_nano is None else aggregate.interval_nano // NANOSECONDS_A_SECOND,
        groups=[
            GroupResponse(
                None if each.start_unix_nano is None else texts[each.start_unix_nano], each.values, each.results
            )
            for each in aggregate.groups
        ],
        has_more=aggregate.has_more,
        templates=aggregate.templates,
        from_=rfc3339(aggregate.time_range.start_unix_nano),
        to=rfc3339(aggregate.time_range.end_unix_nano),
        took_ms=took_ms,
    )


def context_response(context: Context, *, took_ms: float) -> ContextResponse:
    """A context as it is answered."""
    return ContextResponse(
        before=[log_response(log) for log in context.before],
        log=log_response(context.log),
        after=[log_response(log) for log in context.after],
        took_ms=took_ms,
    )
