"""``POST /v1/logs/search``: logs that answer a question in a person's words."""

from time import perf_counter

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation

from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.kit.departures import stopped_on_departure
from tocsin.search.meaning.service import MeaningSearch
from tocsin.search.meaning_schemas import MeaningRequest, MeaningResponse, meaning_response
from tocsin.search.parameters import QUERY_PROBLEMS, Caller, milliseconds_since, question_of

Search = NamedDependency[SkipValidation[MeaningSearch]]


class MeaningController(Controller):
    """Questions about the logs of the caller's organization that need no query language."""

    path = "/v1/logs"
    tags = ("logs",)
    security = ACCESS_TOKEN_SECURITY
    middleware = (stopped_on_departure,)

    @post("/search", summary="Search logs by meaning", responses=QUERY_PROBLEMS, status_code=200)
    async def search_logs_by_meaning(
        self, data: JSONBody[MeaningRequest], principal: Caller, meaning_search: Search
    ) -> MeaningResponse:
        """The logs that answer a question best, by the words and values in them and by what their patterns mean.

        Without the model of embeddings words alone decide, and the answer says so.
        """
        started = perf_counter()
        within = question_of(principal, "", data.from_, data.to)
        found = await meaning_search.search(data.query, within, k=data.k)
        return meaning_response(found, took_ms=milliseconds_since(started))
