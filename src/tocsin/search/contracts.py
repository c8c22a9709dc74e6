"""What other rooms see of search: questions and answers."""

from dataclasses import dataclass

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
