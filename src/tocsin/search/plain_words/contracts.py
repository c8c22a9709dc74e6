"""What plain words are translated with, and into."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a question asks for."""

    #: Logs: ``GET /v1/logs``.
    QUERY = "query"
    #: Numbers over groups of logs: ``GET /v1/logs/aggregate``.
    AGGREGATE = "aggregate"
    #: What is different between two time ranges: ``POST /v1/logs/compare``.
    COMPARISON = "comparison"


class Part(StrEnum):
    """What some words of a question were taken for."""

    TIME = "time"
    LEVEL = "level"
    SERVICE = "service"
    FIELD = "field"
    MESSAGE = "message"
    MEASURE = "measure"
    GROUP = "group"
    INTERVAL = "interval"
    LIMIT = "limit"
    ORDER = "order"
    COMPARISON = "comparison"
    NEGATION = "negation"


class Baseline(StrEnum):
    """What a window is compared with, when no other range is named."""

    #: The range of the same length just before.
    BEFORE = "before"
    #: The same time a day earlier.
    DAY = "day"
    #: The same time a week earlier.
    WEEK = "week"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownField:
    """A key of the metadata that some logs have."""

    name: str
    #: Whether its values look like numbers.
    is_numeric: bool


def _no_known_values() -> Mapping[str, tuple[str, ...]]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The names that a question may mention."""

    services: tuple[str, ...] = ()
    fields: tuple[KnownField, ...] = ()
    #: By name of field, values that are unmistakable where they are said alone.
    values: Mapping[str, tuple[str, ...]] = field(default_factory=_no_known_values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """Some of the text, from ``start`` to just before ``end``, and what it was taken for."""

    start: int
    end: int
    text: str
    part: Part
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotUnderstood:
    """A word that the translation makes no use of."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A question as Tocsin takes it; ``query`` always parses, and the time range is never empty."""

    kind: Kind
    query: str
    #: Time expressions, as ``Question`` takes them.
    start: str | None = None
    end: str | None = None
    #: As ``Grouping`` takes them; empty, or None, where the kind is not an aggregate.
    measures: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    interval: str | None = None
    #: None where none is named.
    limit: int | None = None
    #: For logs ``newest`` or ``oldest``; for an aggregate the measure whose largest values are asked for, by which
    #: whoever shows the answer sorts it, since groups come with the most logs first.
    order: str | None = None
    #: Whether only patterns are asked for that were never seen before the time range.
    is_only_new: bool = False
    #: In a comparison, unless its baseline has a start and an end.
    baseline: Baseline | None = None
    baseline_start: str | None = None
    baseline_end: str | None = None
    understood: tuple[Understood, ...] = ()
    not_understood: tuple[NotUnderstood, ...] = ()
    #: What should be said to the person: what can't be answered, and what was assumed.
    notes: tuple[str, ...] = ()
