"""``/v1/logs``: ``fields``, ``facets``, ``aggregate`` and ``{id}/context``: what logs are like, what is around one."""

from time import perf_counter
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import QueryParameter, SkipValidation

from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.kit.departures import stopped_on_departure
from tocsin.kit.errors import InvalidRequest, NotFound, QueryTooExpensive
from tocsin.kit.problem_responses import problem_responses
from tocsin.search.context import DEFAULT_AROUND, MAX_AROUND, ContextService
from tocsin.search.contracts import Grouping, Surroundings
from tocsin.search.exploration import (
    DEFAULT_FACETS,
    DEFAULT_FIELDS,
    DEFAULT_GROUPS,
    DEFAULT_VALUES,
    MAX_FIELDS,
    MAX_GROUPS,
    MAX_VALUES,
    ExplorationService,
)
from tocsin.search.exploring_schemas import (
    AggregateResponse,
    ContextResponse,
    FacetsResponse,
    FieldsResponse,
    ValuesResponse,
    aggregate_response,
    context_response,
    facets_response,
    fields_response,
    values_response,
)
from tocsin.search.parameters import (
    QUERY_PROBLEMS,
    READ_PROBLEMS,
    Caller,
    From,
    LogId,
    QueryText,
    To,
    milliseconds_since,
    question_of,
)

Exploration = NamedDependency[SkipValidation[ExplorationService]]
Contexts = NamedDependency[SkipValidation[ContextService]]

NamePrefix = Annotated[str, QueryParameter(name="prefix", description="What the name begins with, in any case.")]
ValuePrefix = Annotated[
    str,
    QueryParameter(
        name="prefix", description="What the value begins with, letter for letter; not for traces, spans and shapes."
    ),
]
FieldLimit = Annotated[int, QueryParameter(name="limit", description=f"How many fields at most, 1 to {MAX_FIELDS:,}.")]
ValueLimit = Annotated[int, QueryParameter(name="limit", description=f"How many values at most, 1 to {MAX_VALUES:,}.")]
GroupLimit = Annotated[
    int,
    QueryParameter(
        name="limit", description=f"How many combinations of values at most, 1 to {MAX_GROUPS:,}: those with most logs."
    ),
]
FieldName = Annotated[
    str,
    QueryParameter(
        name="field",
        description="As in queries: `service`, `level`, …, a metadata key, or `metadata.level` where a field of the "
        "log itself has the key's name.",
        examples=[Example(value="service"), Example(value="http.status")],
    ),
]
FieldNames = Annotated[
    list[str] | None,
    QueryParameter(
        name="field",
        description="A field; may be given up to 20 times. Default: service and level.",
        examples=[Example(value=["service", "http.status"])],
    ),
]
Measures = Annotated[
    list[str] | None,
    QueryParameter(
        name="measure",
        description="`count`, `rate` (logs a second), or `distinct`, `min`, `max`, `avg`, `p50` (any percentile) of a "
        "field, as in `p95:duration_ms`; may be given up to 20 times. Default: count.",
        examples=[Example(value=["count", "p95:duration_ms"])],
    ),
]
GroupBy = Annotated[
    list[str] | None,
    QueryParameter(
        name="by",
        description="A field to group by; may be given up to 5 times.",
        examples=[Example(value=["service"])],
    ),
]
GroupInterval = Annotated[
    str | None,
    QueryParameter(
        name="interval",
        description="A group for each interval of this length: 30s, 5m, 1h, 1d, or `auto` for about 60 of them.",
        examples=[Example(value="5m")],
    ),
]
Of = Annotated[Surroundings, QueryParameter(name="of", description="What the logs around it have in common with it.")]
Before = Annotated[int, QueryParameter(name="before", description=f"Logs before it, 0 to {MAX_AROUND:,}.")]
After = Annotated[int, QueryParameter(name="after", description=f"Logs after it, 0 to {MAX_AROUND:,}.")]

_CONTEXT_PROBLEMS = problem_responses(InvalidRequest, NotFound, QueryTooExpensive, *READ_PROBLEMS)


class ExploringController(Controller):
    """What the logs of the caller's organization are like."""

    path = "/v1/logs"
    tags = ("logs",)
    security = ACCESS_TOKEN_SECURITY
    middleware = (stopped_on_departure,)

    @get("/fields", summary="Fields, to complete a query", responses=QUERY_PROBLEMS)
    async def log_fields(
        self,
        principal: Caller,
        exploration_service: Exploration,
        query_text: QueryText = "",
        start: From = None,
        end: To = None,
        prefix: NamePrefix = "",
        limit: FieldLimit = DEFAULT_FIELDS,
    ) -> FieldsResponse:
        """Which fields the logs that match have, and how many logs have each."""
        started = perf_counter()
        question = question_of(principal, query_text, start, end)
        found = await exploration_service.fields(question, prefix=prefix, limit=limit)
        return fields_response(found, took_ms=milliseconds_since(started))

    @get("/fields/values", summary="Values of a field, to complete a query", responses=QUERY_PROBLEMS)
    async def log_field_values(
        self,
        principal: Caller,
        exploration_service: Exploration,
        field: FieldName,
        query_text: QueryText = "",
        start: From = None,
        end: To = None,
        prefix: ValuePrefix = "",
        limit: ValueLimit = DEFAULT_VALUES,
    ) -> ValuesResponse:
        """Which values of a field most of the logs that match have."""
        started = perf_counter()
        question = question_of(principal, query_text, start, end)
        found = await exploration_service.values(question, field, prefix=prefix, limit=limit)
        return values_response(found, took_ms=milliseconds_since(started))

    @get("/facets", summary="Divide logs by several fields", responses=QUERY_PROBLEMS)
    async def log_facets(
        self,
        principal: Caller,
        exploration_service: Exploration,
        fields: FieldNames = None,
        query_text: QueryText = "",
        start: From = None,
        end: To = None,
        limit: ValueLimit = DEFAULT_VALUES,
    ) -> FacetsResponse:
        """The most frequent values of several fields at once, with how many logs have another value or none."""
        started = perf_counter()
        question = question_of(principal, query_text, start, end)
        found = await exploration_service.facets(question, tuple(fields or DEFAULT_FACETS), limit=limit)
        return facets_response(found, took_ms=milliseconds_since(started))

    @get("/aggregate", summary="Compute over logs, by fields and time", responses=QUERY_PROBLEMS)
    async def aggregate_logs(
        self,
        principal: Caller,
        exploration_service: Exploration,
        measures: Measures = None,
        by: GroupBy = None,
        interval: GroupInterval = None,
        query_text: QueryText = "",
        start: From = None,
        end: To = None,
        limit: GroupLimit = DEFAULT_GROUPS,
    ) -> AggregateResponse:
        """Counts, rates, distinct values, and the minimum, maximum, mean and percentiles of numbers; all exact.

        Numbers are metadata values that are numbers, or texts that spell one.
        """
        started = perf_counter()
        question = question_of(principal, query_text, start, end)
        grouping = Grouping(measures=tuple(measures or ["count"]), by=tuple(by or []), interval=interval, limit=limit)
        found = await exploration_service.aggregate(question, grouping)
        return aggregate_response(found, took_ms=milliseconds_since(started))

    @get("/{log_id:uuid}/context", summary="Logs around one log", responses=_CONTEXT_PROBLEMS)
    async def log_context(
        self,
        principal: Caller,
        context_service: Contexts,
        log_id: LogId,
        of: Of = Surroundings.SERVICE,
        before: Before = DEFAULT_AROUND,
        after: After = DEFAULT_AROUND,
    ) -> ContextResponse:
        """The logs just before and after this one, of the same service, host or trace."""
        started = perf_counter()
        organization_id = principal.organization_id
        context = await context_service.around(organization_id, log_id, of, before=before, after=after)
        return context_response(context, took_ms=milliseconds_since(started))
