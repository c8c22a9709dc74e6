"""What ``/v1/logs/translate`` takes and answers."""

from typing import Annotated

import msgspec
from msgspec import Meta

from tocsin.kit.text_forms import NO_NUL
from tocsin.search.plain_words.contracts import Baseline, Kind, Part, Translation

MAX_TEXT_CHARACTERS = 1_000
"""Longer than any question; a text is read in time proportional to it."""

_NO_NUL = r"^[^\x00]*$(?![\s\S])"


class TranslateRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question in plain English."""

    text: Annotated[
        str,
        Meta(
            max_length=MAX_TEXT_CHARACTERS,
            pattern=_NO_NUL,
            examples=["how many timeouts per service last week"],
            extra=NO_NUL,
        ),
    ]
    #: In which `today` and `9am` are meant.
    time_zone: Annotated[
        str, Meta(min_length=1, max_length=100, pattern=_NO_NUL, examples=["Europe/Berlin"], extra=NO_NUL)
    ] = "UTC"


class UnderstoodResponse(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the text, from its character `start` to just before `end`, and what it was taken for."""

    start: int
    end: int
    text: str
    part: Part
    meaning: str


class NotUnderstoodResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A word that the translation makes no use of."""

    start: int
    end: int
    text: str


class BaselineRange(msgspec.Struct, frozen=True, kw_only=True):
    """A time range to compare with."""

    from_: str = msgspec.field(name="from")
    to: str


class TranslationResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The question as the other endpoints take it; what its kind has no use for is null or empty."""

    kind: Kind
    #: In the query language; it always can be read.
    query: str
    #: As `/v1/logs` and `/v1/logs/aggregate` take them.
    from_: str | None = msgspec.field(name="from")
    to: str | None
    measures: list[str]
    by: list[str]
    interval: str | None
    #: Null where the question names none.
    limit: int | None
    #: `newest` or `oldest` for logs; for an aggregate the measure whose extremes are asked for.
    order: str | None
    #: Whether only patterns are asked for that were never seen before.
    only_new: bool
    #: As `/v1/logs/compare` takes them.
    baseline: BaselineRange | Baseline | None
    understood: list[UnderstoodResponse]
    not_understood: list[NotUnderstoodResponse]
    #: What a person should be told: what can't be answered, what was assumed.
    notes: list[str]
    took_ms: float


def translation_response(translation: Translation, *, took_ms: float) -> TranslationResponse:
    """A translation as it is answered."""
    return TranslationResponse(
        kind=translation.kind,
        query=translation.query,
        from_=translation.start,
        to=translation.end,
        measures=list(translation.measures),
        by=list(translation.by),
        interval=translation.interval,
        limit=translation.limit,
        order=translation.order,
        only_new=translation.is_only_new,
        baseline=_baseline(translation),
        understood=[
            UnderstoodResponse(start=each.start, end=each.end, text=each.text, part=each.part, meaning=each.meaning)
            for each in translation.understood
        ],
        not_understood=[
            NotUnderstoodResponse(start=each.start, end=each.end, text=each.text) for each in translation.not_understood
        ],
        notes=list(translation.notes),
        took_ms=took_ms,
    )


def _baseline(translation: Translation) -> BaselineRange | Baseline | None:
    if translation.baseline_start is None:
        return translation.baseline
    return BaselineRange(from_=translation.baseline_start, to=translation.baseline_end or "now")
