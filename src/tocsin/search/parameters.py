"""The query parameters that the endpoints under ``/v1/logs`` share, and how they become a question."""

from time import perf_counter
from typing import Annotated
from uuid import UUID

from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import PathParameter, QueryParameter, SkipValidation

from tocsin.accounts.contracts import Principal
from tocsin.kit.errors import (
    Forbidden,
    InvalidRequest,
    QueryTimedOut,
    QueryTooExpensive,
    StoreUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from tocsin.kit.problem_responses import problem_responses
from tocsin.logstore.ports import Order
from tocsin.search.contracts import Question

Caller = NamedDependency[SkipValidation[Principal]]

QueryText = Annotated[
    str,
    QueryParameter(
        name="q",
        description='Words, "phrases", *substrings*, field:value, AND, OR, NOT and parentheses; empty for all logs.',
        examples=[
            Example(summary="everything", value=""),
            Example(summary="errors of a service", value="service:checkout level:>=ERROR timeout"),
            Example(summary="a phrase and a number", value='"card declined" http.status:>=500'),
        ],
    ),
]
From = Annotated[
    str | None,
    QueryParameter(
        name="from",
        description="Start of the time range: RFC 3339, seconds since the epoch, or now-15m. Default: an hour earlier.",
        examples=[
            Example(summary="relative", value="now-15m"),
            Example(summary="absolute", value="2026-11-21T10:00:00Z"),
        ],
    ),
]
To = Annotated[
    str | None,
    QueryParameter(
        name="to",
        description="End of the time range, itself excluded; written like `from`. Default: now.",
        examples=[Example(summary="now", value="now")],
    ),
]
OrderName = Annotated[Order, QueryParameter(name="order", description="Newest or oldest logs first.")]
LogId = Annotated[UUID, PathParameter(description="The `id` of the log.")]

READ_PROBLEMS = (Unauthenticated, Forbidden, TooManyRequests, StoreUnavailable, QueryTimedOut)
QUERY_PROBLEMS = problem_responses(InvalidRequest, QueryTooExpensive, *READ_PROBLEMS)


def question_of(principal: Principal, text: str, start: str | None, end: str | None) -> Question:
    """The caller's question about their organization's logs."""
    return Question(organization_id=principal.organization_id, text=text, start=start, end=end)


def milliseconds_since(started: float) -> float:
    """How long ago ``perf_counter`` said so."""
    return round((perf_counter() - started) * 1_000, 3)
