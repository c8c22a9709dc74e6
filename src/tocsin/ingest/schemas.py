"""What the endpoints of ingest answer."""

import base64
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from uuid import UUID

import msgspec

from tocsin.ingest.contracts import IngestOutcome
from tocsin.ingest.repository import DeadLetter
from tocsin.ingest.usage_repository import KeyDay, Usage
from tocsin.logstore.ports import IngestTotals


class IngestResponse(msgspec.Struct, frozen=True):
    """What became of the records: ``received`` is the sum of the stored ones and of the other two counts."""

    received: int
    #: Records that were stored before; sending them again changed nothing.
    duplicates_skipped: int
    #: Counts by reason of the records that could not be stored.
    rejected: dict[str, int]
    #: How many rejected records were kept as dead letters: all of them.
    dead_letters: int

    @classmethod
    def of(cls, outcome: IngestOutcome) -> "IngestResponse":
        """The answer that tells this outcome."""
        return cls(
            received=outcome.received,
            duplicates_skipped=outcome.duplicates_skipped,
            rejected={reason.value: count for reason, count in outcome.rejected.items()},
            dead_letters=outcome.dead_letters,
        )


class LedgerResponse(msgspec.Struct, frozen=True):
    """The organization's ledger: ``received == stored + duplicates + dead_letters``."""

    received: int
    stored: int
    duplicates: int
    dead_letters: int

    @classmethod
    def of(cls, totals: IngestTotals) -> "LedgerResponse":
        """The answer that tells these totals."""
        return cls(
            received=totals.received,
            stored=totals.stored,
            duplicates=totals.duplicates,
            dead_letters=totals.dead_letters,
        )


class UsageTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What came in: ``received`` is the sum of the three counts after it; ``bytes`` are of bodies, decompressed."""

    received: int
    stored: int
    duplicates: int
    dead_letters: int
    bytes: int

    @classmethod
    def of(cls, usage: Usage) -> "UsageTotals":
        """The same counts on the wire."""
        return cls(**asdict(usage))


class UsageOfKey(UsageTotals, frozen=True, kw_only=True):
    """What came in with one API key on one day (UTC)."""

    day: date
    key_id: UUID


class UsageResponse(msgspec.Struct, frozen=True):
    """Usage by day and API key, oldest first, and its sums."""

    days: list[UsageOfKey]
    totals: UsageTotals

    @classmethod
    def of(cls, found: Mapping[KeyDay, Usage]) -> "UsageResponse":
        """The answer that tells this usage."""
        totals = Usage()
        for usage in found.values():
            totals.add(usage)
        days = [UsageOfKey(**each._asdict(), **asdict(found[each])) for each in sorted(found)]
        return cls(days, UsageTotals.of(totals))


class DeadLetterResponse(msgspec.Struct, frozen=True):
    """A record that could not be stored."""

    id: str
    service: str
    reason: str
    detail: str
    #: The record as it came; undecodable bytes are replaced.
    raw: str
    #: The same bytes in base64.
    raw_base64: str
    #: Whether only the beginning was kept.
    truncated: bool
    received_at: datetime

    @classmethod
    def of(cls, letter: DeadLetter) -> "DeadLetterResponse":
        """The answer that tells this dead letter."""
        return cls(
            id=str(letter.id),
            service=letter.service,
            reason=letter.reason.value,
            detail=letter.detail,
            raw=letter.raw.decode(errors="replace"),
            raw_base64=base64.b64encode(letter.raw).decode(),
            truncated=letter.truncated,
            received_at=letter.received_at,
        )


class DeadLettersResponse(msgspec.Struct, frozen=True):
    """Dead letters, newest first."""

    dead_letters: list[DeadLetterResponse]
