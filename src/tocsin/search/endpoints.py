"""``/v1/logs``: reading logs over HTTP.

Each answer has the time range that was read and how long it took. The caller (``principal``) and the service are
dependencies that ``api`` provides.
"""

from time import perf_counter
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation

from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.kit.departures import stopped_on_departure
from tocsin.kit.errors import NotFound
from tocsin.kit.problem_responses import problem_responses
from tocsin.logstore.ports import Order
from tocsin.search.parameters import (
    QUERY_PROBLEMS,
    READ_PROBLEMS,
    Caller,
    From,
    LogId,
    OrderName,
    QueryText,
    To,
    milliseconds_since,
    question_of,
)
from tocsin.search.schemas import (
    CountResponse,
    HistogramResponse,
    LogResponse,
    LogsResponse,
    ShapesResponse,
    count_response,
    histogram_response,
    log_response,
    logs_response,
    shapes_response,
)
from tocsin.search.service import DEFAULT_LIMIT, DEFAULT_SHAPES, MAX_LIMIT, MAX_SHAPES, SearchService

Service = NamedDependency[SkipValidation[SearchService]]

Limit = Annotated[int, QueryParameter(name="limit", description=f"How many logs at most, 1 to {MAX_LIMIT:,}.")]
ShapeLimit = Annotated[int, QueryParameter(name="limit", description=f"How many shapes at most, 1 to {MAX_SHAPES:,}.")]
Cursor = Annotated[str | None, QueryParameter(name="cursor", description="`next_cursor` of the page before.")]
Interval = Annotated[
    str | None,
    QueryParameter(
        name="interval", description="Length of a bucket: 30s, 5m, 1h, 1d. Default: one for about 60 buckets."
    ),
]


class LogsController(Controller):
    """The logs of the caller's organization."""

    path = "/v1/logs"
    tags = ("logs",)
    security = ACCESS_TOKEN_SECURITY
    middleware = (stopped_on_departure,)

    @get(summary="Search logs", responses=QUERY_PROBLEMS)
    async def search_logs(
        self,
        principal: Caller,
        search_service: Service,
        query_text: QueryText = "",
        start: From = None,
        end: To = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        order: OrderName = Order.NEWEST_FIRST,
    ) -> LogsResponse:
        """The logs that match a query in a time range, a page at a time."""
        started = perf_counter()
        question = question_of(principal, query_text, start, end)
        page = await search_service.logs(question, limit=limit, order=order, cursor=cursor)
        return logs_response(page, took_ms=milliseconds_since(started))

    @get("/histogram", summary="Count logs over time", responses=QUERY_PROBLEMS)
    async def logs_histogram(
        self,
        principal: Caller,
        search_service: Service,
        query_text: QueryText = "",
        start: From = None,
        end: To = None,
        interval: Interval = None,
    ) -> HistogramResponse:
        """How many logs match, by interval and level."""
        started = perf_counter()
        question = question_of(principal, query_text, start, end)
        histogram = await search_service.histogram(question, interval=interval)
        return histogram_response(histogram, took_ms=milliseconds_since(started))

    @get("/count", summary="Count logs", responses=QUERY_PROBLEMS)
    async def count_logs(
        self,
        principal: Caller,
        search_service: Service,
        query_text: QueryText = "",
        start: From = None,
        end: To = None,
    ) -> CountResponse:
        """How many logs match."""
        started = perf_counter()
        counted = await search_service.count(question_of(principal, query_text, start, end))
        return count_response(counted, took_ms=milliseconds_since(started))

    @get("/shapes", summary="Most frequent shapes", responses=QUERY_PROBLEMS)
    async def top_shapes(
        self,
        principal: Caller,
        search_service: Service,
        query_text: QueryText = "",
        start: From = None,
        end: To = None,
        limit: ShapeLimit = DEFAULT_SHAPES,
    ) -> ShapesResponse:
        """The messages that occur most, with their variable parts masked."""
        started = perf_counter()
        top = await search_service.top_shapes(question_of(principal, query_text, start, end), limit=limit)
        return shapes_response(top, took_ms=milliseconds_since(started))

    @get("/{log_id:uuid}", summary="Get one log", responses=problem_responses(NotFound, *READ_PROBLEMS))
    async def get_log(self, principal: Caller, search_service: Service, log_id: LogId) -> LogResponse:
        """The log with this id."""
        return log_response(await search_service.get(principal.organization_id, log_id))
