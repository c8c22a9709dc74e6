"""``GET /v1/patterns/{id}``: one pattern, and what its variables hold."""

from time import perf_counter
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, SkipValidation

from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.kit.departures import stopped_on_departure
from tocsin.kit.errors import InvalidRequest, NotFound, QueryTooExpensive
from tocsin.kit.problem_responses import problem_responses
from tocsin.patterns.contracts import shape_number
from tocsin.search.parameters import READ_PROBLEMS, Caller, From, QueryText, To, milliseconds_since, question_of
from tocsin.search.pattern_detail_schemas import PatternDetailsResponse, pattern_details_response
from tocsin.search.pattern_details import PatternDetailsService

Details = NamedDependency[SkipValidation[PatternDetailsService]]
PatternId = Annotated[str, PathParameter(description="The `id` of the pattern, or any shape of it.")]

_PROBLEMS = problem_responses(InvalidRequest, NotFound, QueryTooExpensive, *READ_PROBLEMS)


class PatternDetailsController(Controller):
    """One pattern of the caller's organization."""

    path = "/v1/patterns"
    tags = ("patterns",)
    security = ACCESS_TOKEN_SECURITY
    middleware = (stopped_on_departure,)

    @get("/{pattern_id:str}", summary="One pattern and its variables", responses=_PROBLEMS)
    async def get_pattern(
        self,
        principal: Caller,
        pattern_details: Details,
        pattern_id: PatternId,
        query_text: QueryText = "",
        start: From = None,
        end: To = None,
    ) -> PatternDetailsResponse:
        """How many logs of a pattern match, some of them, and for each variable its most frequent values.

        Variables that are numbers have their range, quantiles, a histogram, and quantiles over time. Counts of the
        pattern and its shapes are of all logs; figures of variables are of `logs_read` logs.
        """
        started = perf_counter()
        number = shape_number(pattern_id)
        if number is None:
            raise NotFound(f"{pattern_id!r} is not the id of a pattern, which has 16 hexadecimal digits")
        found = await pattern_details.details(question_of(principal, query_text, start, end), number)
        return pattern_details_response(found, took_ms=milliseconds_since(started))
