"""``POST /v1/logs/translate``: a question in plain English → a query, an aggregate or a comparison."""

from time import perf_counter

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, SkipValidation

from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.kit.departures import stopped_on_departure
from tocsin.search.parameters import QUERY_PROBLEMS, Caller, milliseconds_since
from tocsin.search.plain_words_schemas import TranslateRequest, TranslationResponse, translation_response
from tocsin.search.plain_words_service import PlainWordsService, zone_named

PlainWords = NamedDependency[SkipValidation[PlainWordsService]]


class PlainWordsController(Controller):
    """Translates questions, and asks none: what comes out is shown, edited, and sent to the other endpoints."""

    path = "/v1/logs"
    tags = ("logs",)
    security = ACCESS_TOKEN_SECURITY
    middleware = (stopped_on_departure,)

    @post("/translate", summary="Translate a question in plain English", status_code=200, responses=QUERY_PROBLEMS)
    async def translate_question(
        self, principal: Caller, plain_words: PlainWords, data: JSONBody[TranslateRequest]
    ) -> TranslationResponse:
        """What the question asks for, word by word: nothing is looked up in the logs but the names of their fields.

        Services and fields are those of the last six hours. The same question means the same until they change.
        """
        started = perf_counter()
        zone = zone_named(data.time_zone)
        translation = await plain_words.translate(principal.organization_id, data.text, time_zone=zone)
        return translation_response(translation, took_ms=milliseconds_since(started))
