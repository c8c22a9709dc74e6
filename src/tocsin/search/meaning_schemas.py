"""What ``POST /v1/logs/search`` takes and answers."""

from typing import Annotated

import msgspec
from msgspec import Meta

from tocsin.kit.text_forms import NOT_BLANK
from tocsin.patterns.contracts import pattern_id_text
from tocsin.search.meaning.contracts import Reason, RelevantLogs
from tocsin.search.meaning.service import DEFAULT_K, MAX_K, MAX_QUESTION_CHARACTERS
from tocsin.search.schemas import LogResponse, log_responses, rfc3339

_Asked = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_QUESTION_CHARACTERS,
        description="What you want to find, in your own words; names, ids and numbers find their logs.",
        examples=["why was the payment of order 4711 refused?"],
        extra=NOT_BLANK,
    ),
]
_Moment = Annotated[
    str,
    Meta(
        min_length=1,
        description="RFC 3339, seconds since the epoch, or now-15m, as in `GET /v1/logs`.",
        examples=["now-24h"],
    ),
]
_K = Annotated[int, Meta(ge=1, le=MAX_K, description=f"How many logs at most, 1 to {MAX_K}.")]


class MeaningRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question, and the time it is about; without an end it is now, without a start an hour before the end."""

    query: _Asked
    from_: _Moment | None = msgspec.field(name="from", default=None)
    to: _Moment | None = None
    k: _K = DEFAULT_K


class RelevantPattern(msgspec.Struct, frozen=True, kw_only=True):
    """The pattern of a log."""

    id: str
    template: str
    name: str | None


class WhyResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Why a log is among the answers; `relevance` is the mean of `words` and `meaning`."""

    #: From 0 to 1: how much of what the question's words and values tell is in the log.
    words: float
    #: From 0 to 1: how near the question's meaning is to that of the pattern; null where that is not known.
    meaning: float | None
    #: The words and values of the question that are in the log.
    matched: list[str]


class RelevantLogResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A log, how relevant it is from 0 to 1, and why."""

    relevance: float
    log: LogResponse
    pattern: RelevantPattern | None
    why: WhyResponse


class MeaningResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The logs that answer the question best, best first; repetitions of a pattern come after other answers."""

    results: list[RelevantLogResponse]
    #: Whether words alone decided, for all patterns or some.
    is_degraded: bool
    #: Why; null where meaning counted for all patterns.
    degraded_reason: str | None
    #: Look-ups that took too long: among their logs there may be better answers. Narrow the time range.
    given_up: list[str]
    from_: str = msgspec.field(name="from")
    to: str
    took_ms: float


def meaning_response(found: RelevantLogs, *, took_ms: float) -> MeaningResponse:
    """Answers as they are sent."""
    logs = log_responses(found.rows)
    return MeaningResponse(
        results=[_result(log, reason) for log, reason in zip(logs, found.reasons, strict=True)],
        is_degraded=found.degraded_reason is not None,
        degraded_reason=found.degraded_reason,
        given_up=list(found.given_up),
        from_=rfc3339(found.time_range.start_unix_nano),
        to=rfc3339(found.time_range.end_unix_nano),
        took_ms=took_ms,
    )


def _result(log: LogResponse, reason: Reason) -> RelevantLogResponse:
    pattern = reason.pattern
    return RelevantLogResponse(
        relevance=reason.relevance,
        log=log,
        pattern=None
        if pattern is None
        else RelevantPattern(id=pattern_id_text(pattern.id), template=pattern.template, name=pattern.name),
        why=WhyResponse(words=reason.words, meaning=reason.meaning, matched=list(reason.matched)),
    )
