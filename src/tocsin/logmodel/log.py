"""A log as one record: how it leaves Tocsin."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tocsin.logmodel.ids import log_id
from tocsin.logmodel.levels import Level, level_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One stored log. Times are nanoseconds since the epoch, UTC."""

    timestamp_unix_nano: int
    observed_timestamp_unix_nano: int
    ingest_sequence: int
    #: The 64-bit hash of the content as received; with the timestamp it makes the id.
    content_hash: int
    severity_number: int
    service: str
    message: str
    #: Flat: nested keys are joined with dots, values are JSON scalars (arrays are kept as JSON text).
    metadata: dict[str, Any]
    trace_id: str
    span_id: str
    #: The 64-bit hash of the message with its variable parts masked.
    shape: int

    @property
    def id(self) -> UUID:
        """The log's id: stable across retries and protocols."""
        return log_id(self.timestamp_unix_nano, self.content_hash)

    @property
    def level(self) -> Level:
        """The level that the severity number belongs to."""
        return level_of(self.severity_number)
