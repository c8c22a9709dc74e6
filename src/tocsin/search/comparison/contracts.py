"""What other rooms see of a comparison: the question and the answer."""

from dataclasses import dataclass, field
from enum import StrEnum

from tocsin.logstore.ports import OrganizationId, TimeRange
from tocsin.patterns.contracts import Pattern


@dataclass(frozen=True, slots=True)
class NamedBaseline:
    """A baseline by its time expressions."""

    start: str
    end: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonQuestion:
    """Which windows are compared, in people's words."""

    organization_id: OrganizationId
    #: In the query language; empty for all logs.
    text: str = ""
    start: str | None = None
    end: str | None = None
    #: ``before``: as long, and just before; ``day`` and ``week``: the same time a day or a week earlier.
    baseline: str | NamedBaseline = "before"
    #: At most so many changes.
    limit: int = 20


class ChangeKind(StrEnum):
    """What became of a subject."""

    APPEARED = "appeared"
    VANISHED = "vanished"
    ROSE = "rose"
    FELL = "fell"
    SHIFTED = "shifted"


class SubjectKind(StrEnum):
    """What a change is about."""

    #: All logs together.
    VOLUME = "volume"
    PATTERN = "pattern"
    LEVEL = "level"
    SERVICE = "service"
    #: Which logs have a key of the metadata.
    METADATA_KEY = "metadata_key"
    METADATA_VALUE = "metadata_value"
    #: The values of a metadata key that are numbers, or numbers in the messages of a shape.
    NUMBER = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a change is about; ``kind`` says which of the others there are."""

    kind: SubjectKind
    #: The pattern, or the one within which a number shifted. It is ``shape`` where no pattern has the shape yet.
    pattern: int | None = None
    shape: int | None = None
    template: str | None = None
    level: str | None = None
    service: str | None = None
    key: str | None = None
    value: str | None = None
    #: Which of the numbers in the message, from 1.
    variable: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A subject in one window."""

    #: Logs with the subject: all of them, or among those that were looked at.
    count: int
    #: Of the logs that could have it: all of the window, or those looked at that have the key.
    share: float
    #: Logs a second; None where they were not all counted.
    rate: float | None = None
    #: None where the subject is no number.
    median: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Shows a change when it is searched for."""

    query: str
    time_range: TimeRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that is not as it was."""

    kind: ChangeKind
    subject: Subject
    before: Side
    after: Side
    #: Rate or share after as a multiple of that before (half a log added to both), or for numbers how many
    #: interquartile ranges the median moved.
    effect: float
    p: float
    q: float
    #: Orders changes of all kinds: what is certain of the effect.
    score: float
    sentence: str
    evidence: Evidence
    #: Whether all logs were counted, and not only those of a sample.
    is_exact: bool
    #: Other signs of the same change.
    also: "tuple[Change, ...]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was looked at in one window."""

    time_range: TimeRange
    #: All logs that match; their patterns, services and levels are counted exactly.
    logs: int
    #: Those whose metadata and numbers were looked at.
    read: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How many things of each kind were tested, and how many had too few logs, or were beyond a limit."""

    tested: dict[SubjectKind, int] = field(default_factory=dict)
    left_out: dict[SubjectKind, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPattern:
    """A pattern that was never seen before the window, and its logs there."""

    pattern: Pattern
    count: int
    #: The highest of them.
    severity_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPatterns:
    """Patterns that were never seen before the window, the most severe first."""

    patterns: list[NewPattern] = field(default_factory=list)
    #: How many there are, those that are left out included.
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What changed, the most telling change first."""

    query: str
    before: Reading
    after: Reading
    changes: list[Change]
    has_more: bool
    asked: Asked
    #: Told beside the changes: they are facts, whatever chance may have done.
    new_patterns: NewPatterns
