"""``/v1/logs/export``: all logs that match, as a file."""

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter, SkipValidation
from litestar.response import Stream

from tocsin.accounts.guards import ACCESS_TOKEN_SECURITY
from tocsin.kit.departures import stopped_on_departure
from tocsin.logstore.ports import Order
from tocsin.search.contracts import ExportFormat
from tocsin.search.export import ExportService
from tocsin.search.export_files import MEDIA_TYPES
from tocsin.search.parameters import QUERY_PROBLEMS, Caller, From, OrderName, QueryText, To, question_of

Exports = NamedDependency[SkipValidation[ExportService]]

FormatName = Annotated[
    ExportFormat,
    QueryParameter(
        name="format",
        description="`ndjson`: a log a line, as a search answers it; `csv`: RFC 4180, metadata as a column of JSON; "
        "`parquet`: typed columns, metadata as JSON text.",
    ),
]
ExportLimit = Annotated[int | None, QueryParameter(name="limit", description="How many logs at most. Default: all.")]


class ExportController(Controller):
    """The logs of the caller's organization as files."""

    path = "/v1/logs/export"
    tags = ("logs",)
    security = ACCESS_TOKEN_SECURITY
    middleware = (stopped_on_departure,)

    @get(
        summary="Export logs",
        responses={
            200: ResponseSpec(
                data_container=bytes,
                generate_examples=False,
                description="The file, made while it is sent. One that breaks off without its last chunk is not whole.",
                media_type=MEDIA_TYPES[ExportFormat.NDJSON],
            ),
            **QUERY_PROBLEMS,
        },
    )
    async def export_logs(
        self,
        principal: Caller,
        export_service: Exports,
        form: FormatName = ExportFormat.NDJSON,
        query_text: QueryText = "",
        start: From = None,
        end: To = None,
        order: OrderName = Order.OLDEST_FIRST,
        limit: ExportLimit = None,
    ) -> Stream:
        """All logs that match, as NDJSON, CSV or Parquet; exports have slots and a time-out of their own."""
        question = question_of(principal, query_text, start, end)
        pieces = await export_service.export(question, form, order=order, limit=limit)
        return Stream(
            pieces,
            media_type=MEDIA_TYPES[form],
            headers={"Content-Disposition": f'attachment; filename="logs.{form.value}"'},
        )
