"""What flows through intake: decoded records as columns, what is rejected and why, and the outcome."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from tocsin.accounts.contracts import KnownServices


class RejectReason(StrEnum):
    """Why a record can't be stored. A closed set: the answer, the metric and the dead letter use the same words."""

    NOT_AN_OBJECT = "not_an_object"
    MALFORMED_JSON = "malformed_json"
    MESSAGE_MISSING = "message_missing"
    MESSAGE_NOT_TEXT = "message_not_text"
    MESSAGE_TOO_LARGE = "message_too_large"
    BAD_TIMESTAMP = "bad_timestamp"
    TIMESTAMP_OUT_OF_RANGE = "timestamp_out_of_range"
    BAD_LEVEL = "bad_level"
    BAD_SERVICE = "bad_service"
    SERVICE_NOT_ALLOWED = "service_not_allowed"
    SERVICE_INACTIVE = "service_inactive"
    BAD_TRACE_OR_SPAN_ID = "bad_trace_or_span_id"
    METADATA_NOT_AN_OBJECT = "metadata_not_an_object"
    METADATA_TOO_LARGE = "metadata_too_large"
    BAD_OCCURRENCE = "bad_occurrence"


@dataclass(frozen=True, slots=True)
class Reject:
    """One record that can't be stored: as it came, and why."""

    reason: RejectReason
    detail: str
    raw: bytes
    #: The service that the record names, where that is why; else it counts as its key's.
    service: str | None = None


@dataclass(slots=True)
class RecordColumns:
    """Decoded records as equally long columns of whatever the sender wrote; None where it wrote nothing.

    Still untrusted: ``normalise`` checks every value.
    """

    timestamp: list[object] = field(default_factory=list)
    level: list[object] = field(default_factory=list)
    service: list[object] = field(default_factory=list)
    message: list[object] = field(default_factory=list)
    metadata: list[object] = field(default_factory=list)
    trace_id: list[object] = field(default_factory=list)
    span_id: list[object] = field(default_factory=list)
    #: How many identical records of its file or stream came before this one's request; 0 where nothing is written.
    occurrence: list[object] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.message)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a protocol made of a body: ``received == len(records) + len(rejects)``."""

    records: RecordColumns
    rejects: list[Reject]
    #: Splits the body again: the records as they came, each beside its row in ``records``. Only rejects need it.
    raw_records: Callable[[], Sequence[bytes]]

    @property
    def received(self) -> int:
        """How many records the body held."""
        return len(self.records) + len(self.rejects)


class ServiceRegistry(Protocol):
    """Which services an organization has."""

    async def known(self, organization_id: UUID) -> KnownServices:
        """Those that there are, as they were a few seconds ago at most. Fails for no reason."""
        ...

    async def register(self, organization_id: UUID, names: Collection[str]) -> None:
        """Make entries for new ones. Again does nothing.

        Raises:
            ServiceUnavailable: the entries can't be made right now.
        """
        ...


Decode = Callable[[], Decoded]
"""Decodes one request's body when its turn comes. Raises ``MalformedBody`` or ``PayloadTooLarge``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOutcome:
    """What became of a request's records: ``received == stored + duplicates_skipped + dead_letters``."""

    received: int
    stored: int
    duplicates_skipped: int
    rejected: Counter[RejectReason]

    @property
    def dead_letters(self) -> int:
        """How many records were kept as dead letters: every rejected one."""
        return self.rejected.total()
