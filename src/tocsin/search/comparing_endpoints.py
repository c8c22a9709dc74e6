"""``POST /v1/logs/compare``: what changed."""

from time import perf_counter

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation
from litestar.status_codes import HTTP_200_OK

from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.kit.departures import stopped_on_departure
from tocsin.search.comparing_schemas import ComparisonRequest, ComparisonResponse, comparison_response
from tocsin.search.comparison.service import ComparisonService
from tocsin.search.parameters import QUERY_PROBLEMS, Caller, milliseconds_since, question_of

Comparisons = NamedDependency[SkipValidation[ComparisonService]]


class ComparingController(Controller):
    """Windows of the caller's organization's logs against each other."""

    path = "/v1/logs"
    tags = ("logs",)
    security = ACCESS_TOKEN_SECURITY
    middleware = (stopped_on_departure,)

    @post("/compare", summary="What changed", status_code=HTTP_200_OK, responses=QUERY_PROBLEMS)
    async def compare_logs(
        self, data: JSONBody[ComparisonRequest], principal: Caller, comparison_service: Comparisons
    ) -> ComparisonResponse:
        """Which patterns, levels, services, metadata values and numbers are not as they were, and how to see it.

        Changes that chance may have made are not told: of those that are told few are false.
        """
        started = perf_counter()
        question = question_of(principal, data.query, data.from_, data.to)
        comparison = await comparison_service.compare(data.asked_by(question))
        return comparison_response(comparison, took_ms=milliseconds_since(started))
