"""``GET /v1/patterns``: logs, divided by pattern."""

from time import perf_counter
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation

from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.kit.departures import stopped_on_departure
from tocsin.search.parameters import QUERY_PROBLEMS, Caller, From, QueryText, To, milliseconds_since, question_of
from tocsin.search.pattern_contracts import PatternOrder
from tocsin.search.pattern_listing import DEFAULT_PATTERNS, MAX_PATTERNS, PatternListing
from tocsin.search.pattern_schemas import PatternsResponse, patterns_response

Listing = NamedDependency[SkipValidation[PatternListing]]

PatternLimit = Annotated[
    int, QueryParameter(name="limit", description=f"How many patterns at most, 1 to {MAX_PATTERNS:,}.")
]
PatternOrderName = Annotated[
    PatternOrder,
    QueryParameter(
        name="order",
        description="Patterns with the most logs first, those that appeared last, or those that rose most against the "
        "time of the same length just before.",
    ),
]
OnlyNew = Annotated[
    bool, QueryParameter(name="new", description="Only patterns that were never seen before this time range.")
]
SparklineInterval = Annotated[
    str | None,
    QueryParameter(name="interval", description="Length of an interval of `counts`: 30s, 5m, 1h. Default: about 60."),
]


class PatternsController(Controller):
    """The patterns of the caller's organization."""

    path = "/v1/patterns"
    tags = ("patterns",)
    security = ACCESS_TOKEN_SECURITY
    middleware = (stopped_on_departure,)

    @get(summary="Patterns of the logs that match", responses=QUERY_PROBLEMS)
    async def list_patterns(
        self,
        principal: Caller,
        pattern_listing: Listing,
        query_text: QueryText = "",
        start: From = None,
        end: To = None,
        order: PatternOrderName = PatternOrder.COUNT,
        only_new: OnlyNew = False,
        limit: PatternLimit = DEFAULT_PATTERNS,
        interval: SparklineInterval = None,
    ) -> PatternsResponse:
        """The logs that match, divided by pattern: exact counts of all of them, and how each pattern develops."""
        started = perf_counter()
        found = await pattern_listing.patterns(
            question_of(principal, query_text, start, end),
            order=order,
            only_new=only_new,
            limit=limit,
            interval=interval,
        )
        return patterns_response(found, took_ms=milliseconds_since(started))
