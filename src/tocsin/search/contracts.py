"""What other rooms see of search: questions and answers."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import pyarrow as pa

from tocsin.logmodel.levels import Level
from tocsin.logmodel.log import Log
from tocsin.logstore.ports import OrganizationId, TimeRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody wants to know, in their own words."""

    organization_id: OrganizationId
    #: In the query language; empty for everything.
    text: str = ""
    #: Time expressions (see ``time_expressions``). Without an end it is now; without a start, an hour before the end.
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogsPage:
    """Some of the logs that match."""

    time_range: TimeRange
    #: In ``STORED_LOG_SCHEMA``, in the order asked for.
    rows: pa.Table
    #: Asks for the page after this one; None on the last page.
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many logs of each level there are in one interval; levels without any are left out."""

    start_unix_nano: int
    levels: dict[Level, int]

    @property
    def count(self) -> int:
        """How many logs there are of all levels."""
        return sum(self.levels.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts over time. Buckets are aligned to the epoch, follow each other without a gap, and cover the range."""

    time_range: TimeRange
    interval_nano: int
    buckets: list[Bucket]

    @property
    def total(self) -> int:
        """How many logs match."""
        return sum(bucket.count for bucket in self.buckets)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedLogs:
    """How many logs match."""

    time_range: TimeRange
    count: int


@dataclass(frozen=True, slots=True)
class TopShape:
    """A shape as people read it."""

    shape: int
    #: The message with its variable parts masked.
    template: str
    count: int
    exemplar: Log


@dataclass(frozen=True, slots=True, kw_only=True)
class TopShapes:
    """The shapes with the most logs, most first."""

    time_range: TimeRange
    shapes: list[TopShape]


@dataclass(frozen=True, slots=True)
class FieldCount:
    """A field, and how many logs have it."""

    name: str
    count: int
    #: Whether it is a field of every log, and not a key of the metadata.
    is_built_in: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCounts:
    """The fields of the logs that match: those of every log, then the metadata's keys, most logs first."""

    time_range: TimeRange
    fields: list[FieldCount]
    #: Whether there are others.
    has_more: bool


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value of a field, and how many logs have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldValues:
    """The values of a field that most logs have, most first."""

    time_range: TimeRange
    field: str
    values: list[ValueCount]
    #: Whether there are others.
    has_more: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """How the logs that match divide by a field: ``total`` of the facets is values + others + missing."""

    field: str
    #: The values that most logs have, most first.
    values: list[ValueCount]
    #: Logs with another value.
    others: int
    #: Logs without a value.
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """Facets of the logs that match."""

    time_range: TimeRange
    total: int
    facets: list[Facet]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """What is computed over the logs of a question, and how they are grouped, in people's words."""

    #: See ``measures``.
    measures: tuple[str, ...] = ("count",)
    #: Names of fields.
    by: tuple[str, ...] = ()
    #: A duration, ``auto`` for about 60 intervals, None for the whole range.
    interval: str | None = None
    limit: int = 10


@dataclass(frozen=True, slots=True)
class Group:
    """The logs with the same values, in the same interval."""

    start_unix_nano: int | None
    #: By name of field; None where the logs have no value.
    values: dict[str, str | None]
    #: By name of measure; None where no log has a number.
    results: dict[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """Groups by time, then those with the most logs in the whole range first."""

    time_range: TimeRange
    interval_nano: int | None
    groups: list[Group]
    #: Whether there are combinations of values with fewer logs.
    has_more: bool
    #: How the patterns among the values read, by id.
    templates: dict[str, str] = field(default_factory=dict)


class Surroundings(StrEnum):
    """What a log's context has in common with it."""

    SERVICE = "service"
    HOST = "host"
    TRACE = "trace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A log, and the logs around it; all of them oldest first."""

    before: list[Log]
    log: Log
    after: list[Log]


class ExportFormat(StrEnum):
    """The form of an exported file."""

    NDJSON = "ndjson"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchDraft:
    """A question to be kept under a name."""

    #: Unique in the organization.
    name: str
    #: In the query language.
    query: str
    #: Time expressions, kept as they are written: ``now-15m`` means another range each time.
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedSearch:
    """A question that was kept under a name."""

    id: UUID
    name: str
    query: str
    start: str | None
    end: str | None
    #: The id of a user, whose account may be gone.
    created_by: UUID
    created_at: datetime
    updated_at: datetime
